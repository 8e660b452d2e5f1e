"""Tokens: short-lived signed access tokens (JWT, RFC 7519 by the rules of RFC 8725), opaque refresh tokens.

An access token names an account and a session. It is believed only with our algorithm, issuer, audience and type;
nothing in it is looked at before its signature. Whether the session still stands is asked of the database.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import jwt

from hubbub.domain.ids import as_uuid
from hubbub.domain.limits import TOKEN_MAX
from hubbub.errors import HubbubError

_ALGORITHM: Final = "HS256"
_NAME: Final = "hubbub"
_TYPE: Final = "access"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified access token says. `expires_at` in Unix seconds."""

    user_id: UUID
    session_id: UUID
    expires_at: float


class Tokens:
    """Issues and verifies.

    Args:
        secret: the key, at least 32 characters.
        expires_in: life of an access token, in seconds.
    """

    def __init__(self, secret: str, expires_in: int) -> None:
        self._secret = secret
        self.expires_in = expires_in

    def issue(self, user_id: UUID, session_id: UUID) -> str:
        """An access token for one session of one account."""
        now = int(time.time())
        return jwt.encode(
            {
                "iss": _NAME,
                "aud": _NAME,
                "sub": str(user_id),
                "sid": str(session_id),
                "iat": now,
                "exp": now + self.expires_in,
            },
            self._secret,
            algorithm=_ALGORITHM,
            headers={"typ": _TYPE},
        )

    def verify(self, token: str) -> Claims:
        """What the token says.

        Raises:
            HubbubError: `token_expired`, or `unauthorized` for every other reason alike.
        """
        if len(token) > TOKEN_MAX:
            raise HubbubError("unauthorized")
        try:
            found = jwt.decode_complete(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                issuer=_NAME,
                audience=_NAME,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "sid"]},
            )
        except jwt.ExpiredSignatureError:
            raise HubbubError("token_expired") from None
        except (jwt.InvalidTokenError, ValueError):
            raise HubbubError("unauthorized") from None
        claims = found["payload"]
        user_id, session_id = as_uuid(str(claims["sub"])), as_uuid(str(claims["sid"]))
        if found["header"].get("typ") != _TYPE or user_id is None or session_id is None:
            raise HubbubError("unauthorized")
        return Claims(user_id, session_id, float(claims["exp"]))


def new_refresh_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def fingerprint(token: str) -> bytes:
    """What is stored of a refresh token: its SHA-256. It is random, so a fast hash will do."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
