"""Tokens: short-lived signed access tokens (JWT, RFC 7519 by the rules of RFC 8725), opaque refresh tokens.

An access token names an account and a session. It is believed only with our algorithm, issuer, audience and type;
nothing in it is looked at before its signature. Whether the session still stands is asked of the database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import jwt
import msgspec

from hubbub.domain.limits import TOKEN_MAX
from hubbub.errors import HubbubError

LEEWAY_SECONDS: Final = (
    30  # nodes' clocks differ: a token that another has just issued may seem to be of the future (D13)
)
_ALGORITHM: Final = "HS256"
_NAME: Final = "hubbub"
_TYPE: Final = "access"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified access token says. `expires_at` in Unix seconds."""

    user_id: UUID
    session_id: UUID
    expires_at: float


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["HS256"]
    typ: Literal["access"]


class _Body(msgspec.Struct, frozen=True):
    iss: Literal["hubbub"]
    aud: Literal["hubbub"]
    sub: UUID
    sid: UUID
    iat: float
    exp: float
    nbf: float = 0.0


_HEAD: Final = msgspec.json.Decoder(_Head)
_CLAIMS: Final = msgspec.json.Decoder(_Body)


class Tokens:
    """Issues and verifies.

    Args:
        secret: the key, at least 32 characters.
        expires_in: life of an access token, in seconds.
    """

    def __init__(self, secret: str, expires_in: int) -> None:
        self._secret = secret
        self._key = secret.encode()
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
        # RFC 7515, section 5.2, for the one kind of token we issue, signature first. A library that knows every kind
        # took nine times as long, a fifth of a connect's CPU.
        signed, _, signature = token.rpartition(".")
        head, _, body = signed.partition(".")
        try:
            right = hmac.digest(self._key, signed.encode("ascii"), "sha256")
            if not hmac.compare_digest(_spelled(right), signature.encode("ascii")):
                raise HubbubError("unauthorized")
            _HEAD.decode(_decoded(head))
            claims = _CLAIMS.decode(_decoded(body))
        except ValueError:  # not ASCII, not base64url, or (msgspec's errors are ValueErrors) not what we issue
            raise HubbubError("unauthorized") from None
        now = time.time()
        if max(claims.iat, claims.nbf) > now + LEEWAY_SECONDS:
            raise HubbubError("unauthorized")
        if claims.exp <= now:
            raise HubbubError("token_expired")
        return Claims(claims.sub, claims.sid, claims.exp)


def _spelled(data: bytes) -> bytes:
    """base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def new_refresh_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def fingerprint(token: str) -> bytes:
    """What is stored of a refresh token: its SHA-256. It is random, so a fast hash will do."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
