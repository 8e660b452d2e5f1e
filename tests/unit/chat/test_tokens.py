"""Access tokens: what we issue is believed until it expires, and nothing else is, one changed character included."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from hubbub.chat.tokens import LEEWAY_SECONDS, Tokens
from hubbub.domain.ids import new_id
from hubbub.errors import HubbubError

SECRET = "a key for tests alone, 32 characters or more, ünd not all of it ASCII"
USER, SESSION = new_id(), new_id()
TOKENS = Tokens(SECRET, 900)
GOOD = {
    "iss": "hubbub", "aud": "hubbub", "sub": str(USER), "sid": str(SESSION), "iat": int(time.time()),
    "exp": int(time.time()) + 86_400,  # the run may come to them a quarter of an hour later
}  # fmt: skip


def signed(claims: dict[str, Any], *, key: str = SECRET, algorithm: str = "HS256", typ: str | None = "access") -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": typ})


def refusal(token: str) -> str:
    with pytest.raises(HubbubError) as refused:
        TOKENS.verify(token)
    return refused.value.code


def test_what_is_issued_is_believed_here_and_by_a_library() -> None:
    token = TOKENS.issue(USER, SESSION)
    claims = TOKENS.verify(token)
    assert (claims.user_id, claims.session_id) == (USER, SESSION)
    assert claims.expires_at == pytest.approx(time.time() + 900, abs=2)
    theirs = jwt.decode(token, SECRET, algorithms=["HS256"], audience="hubbub", issuer="hubbub")
    assert (theirs["sub"], theirs["sid"], theirs["exp"]) == (str(USER), str(SESSION), claims.expires_at)
    assert TOKENS.verify(signed(GOOD)).user_id == USER


def test_clocks_of_nodes_may_differ_by_the_leeway() -> None:
    for name in ("iat", "nbf"):
        assert TOKENS.verify(signed({**GOOD, name: time.time() + LEEWAY_SECONDS - 5})).user_id == USER
        assert refusal(signed({**GOOD, name: time.time() + LEEWAY_SECONDS + 5})) == "unauthorized"


def test_an_expired_token_is_called_so() -> None:
    assert refusal(signed({**GOOD, "exp": int(time.time()) - 1})) == "token_expired"
    assert refusal(Tokens(SECRET, -1).issue(USER, SESSION)) == "token_expired"


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "..", "...", "a.b.c", "nonsense", "\ud800", "ü.ü.ü", "x" * 5_000, f"{signed(GOOD)}=", f" {signed(GOOD)}",
        f"{signed(GOOD)}.", f".{signed(GOOD)}", signed(GOOD).rpartition(".")[0] + ".",
        signed(GOOD, key="another key, of 32 characters or more"), signed(GOOD, typ=None), signed(GOOD, typ="JWT"),
        signed(GOOD, algorithm="HS512"), jwt.encode(GOOD, "", algorithm="none", headers={"typ": "access"}),
        signed({**GOOD, "iss": "other"}), signed({**GOOD, "aud": "other"}), signed({**GOOD, "aud": ["hubbub", "other"]}),
        signed({**GOOD, "sub": "not an id"}), signed({**GOOD, "sid": "not an id"}), signed({**GOOD, "iat": time.time() + 3_600}),
        signed({**GOOD, "exp": "tomorrow"}), *[signed({k: v for k, v in GOOD.items() if k != name}) for name in GOOD],
    ],
)  # fmt: skip
def test_anything_else_is_refused_alike(token: str) -> None:
    assert refusal(token) == "unauthorized"


def test_one_changed_character_anywhere_is_one_too_many() -> None:
    token = TOKENS.issue(USER, SESSION)
    for place, character in enumerate(token):
        for other in "Aa0-.":
            if other != character:
                assert refusal(token[:place] + other + token[place + 1 :]) == "unauthorized", place
