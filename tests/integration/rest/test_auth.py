"""Accounts and sessions over REST."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import asyncpg
import bcrypt
import pytest
from tests.support.chat import SECRET
from tests.support.rest import PASSWORD, Person, Rest, rest_of

from hubbub.domain.changes import Revoked


async def login(rest: Rest, name: str, password: str = PASSWORD, **more: Any) -> Any:
    return await rest("POST", "/api/auth/login", json={"username": name, "password": password}, **more)


async def refresh(rest: Rest, token: str, **more: Any) -> Any:
    return await rest("POST", "/api/auth/refresh", json={"refreshToken": token}, **more)


async def test_an_account_is_made_and_signed_in(rest: Rest) -> None:
    answer = await rest(
        "POST",
        "/api/auth/register",
        status=201,
        json={
            "username": "Ann",
            "email": "ann@example.org",
            "password": PASSWORD,
            "displayName": "Ann B.",
            "avatar": "https://example.org/ann.png",
            "role": "admin",
            "isAdmin": True,
            "userId": "00000000-0000-0000-0000-000000000001",
        },
    )
    assert answer["user"] | {"userId": "", "createdAt": "", "lastSeen": "", "lastLogin": ""} == {
        "userId": "",
        "username": "Ann",
        "displayName": "Ann B.",
        "avatar": "https://example.org/ann.png",
        "bio": None,
        "status": "offline",
        "lastSeen": "",
        "createdAt": "",
        "role": "user",
        "email": "ann@example.org",
        "lastLogin": "",
    }
    assert answer["user"]["userId"] != "00000000-0000-0000-0000-000000000001"
    assert answer["expiresIn"] == 900
    verified = await rest("GET", "/api/auth/verify", answer["token"])
    assert verified["user"] == answer["user"]


NAMES: list[Any] = ["ann", "ANN", "ann@example.org", "Ann@Example.org"]


async def test_sign_in_by_name_or_address_in_any_case(rest: Rest) -> None:
    ann = await rest.register("Ann", email="ann@example.org")
    for name in NAMES:
        assert (await login(rest, name))["user"]["userId"] == ann.id


async def test_the_older_header_is_a_token_too(rest: Rest) -> None:
    ann = await rest.register()
    for headers in ({"x-access-token": ann.token}, {"x-access-token": ann.token, "authorization": "Basic cHJveHk="}):
        assert (await rest("GET", "/api/auth/verify", headers=headers))["user"]["userId"] == ann.id


BAD_FIELDS: list[Any] = [
    ("username", "a"),
    ("username", "a" * 51),
    ("username", "ann lee"),
    ("username", "ann\n"),
    ("username", "\u0430nn"),
    ("username", "ann\u200b"),
    ("username", "deleted-ann"),
    ("username", "guest-ann"),
    ("username", 7),
    ("username", None),
    ("username", {"$ne": ""}),
    ("email", "ann"),
    ("email", "ann@example.org\r\nBcc: x@example.org"),
    ("email", "a" * 250 + "@b.org"),
    ("password", "short"),
    ("password", "p" * 1025),
    ("password", ["correct horse battery"]),
    ("displayName", ""),
    ("displayName", "\u202egnp.exe"),
    ("displayName", " \u3000 "),
    ("avatar", "javascript:alert(1)"),
    ("avatar", "//evil.example"),
]


async def test_a_bad_field_is_named(rest: Rest) -> None:
    for field, value in BAD_FIELDS:
        body = {"username": "Ann", "email": "ann@example.org", "password": PASSWORD, field: value}
        answer = await rest("POST", "/api/auth/register", json=body, status=422)
        assert answer["code"] == "validation_failed"
        assert list(answer["fields"]) == [field]


NEEDED: list[Any] = ["username", "email", "password"]


async def test_a_missing_field_is_named(rest: Rest) -> None:
    for field in NEEDED:
        body = {"username": "Ann", "email": "ann@example.org", "password": PASSWORD}
        del body[field]
        answer = await rest("POST", "/api/auth/register", json=body, status=422)
        assert answer["fields"] == {field: "This field is required"}


async def test_a_name_is_given_once_in_any_case(rest: Rest) -> None:
    await rest.register("Ann", email="ann@example.org")
    body = {"username": "aNN", "email": "ANN@example.org", "password": PASSWORD}
    answer = await rest("POST", "/api/auth/register", json=body, status=409)
    assert answer["code"] == "conflict"
    assert set(answer["fields"]) == {"username", "email"}


async def test_of_many_who_ask_at_once_one_gets_the_name(rest: Rest) -> None:
    async def ask(number: int) -> int:
        body = {"username": "Ann" if number % 2 else "ann", "email": f"a{number}@example.org", "password": PASSWORD}
        return (await rest.http.post("/api/auth/register", json=body)).status_code

    assert sorted(await asyncio.gather(*map(ask, range(8)))) == [201] + [409] * 7


async def test_who_asks_for_many_names_that_are_taken_has_to_wait(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    await rest.register("Ann", email="ann@example.org")
    monkeypatch.setattr(rest.chat.login_failures, "_most_of_address", 3)
    for number in range(3):
        body = {"username": f"ben{number}", "email": "ann@example.org", "password": PASSWORD}
        assert (await rest("POST", "/api/auth/register", json=body, status=409))["fields"].keys() == {"email"}
    for email in ("ann@example.org", "nobody@example.org"):
        body = {"username": "cleo", "email": email, "password": PASSWORD}
        assert (await rest("POST", "/api/auth/register", json=body, status=429))["code"] == "rate_limited"


async def test_registration_may_be_closed(database: str) -> None:
    async with rest_of(database, registration_open=False) as rest:
        body = {"username": "Ann", "email": "ann@example.org", "password": PASSWORD}
        assert (await rest("POST", "/api/auth/register", json=body, status=403))["code"] == "forbidden"


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(rest: Rest) -> None:
    await rest.register("Ann")
    wrong = await login(rest, "Ann", "not the password", status=401)
    unknown = await login(rest, "Nobody", "not the password", status=401)
    nul = await login(rest, "An\0n", "not the password", status=401)
    for answer in (wrong, unknown, nul):
        del answer["instance"]
    assert wrong == unknown == nul
    assert wrong["code"] == "invalid_credentials"


async def test_guessing_is_slowed_down(rest: Rest) -> None:
    await rest.register("Ann")
    for _ in range(10):
        await login(rest, "Ann", "a guess", status=401)
    body = {"username": "ann", "password": PASSWORD}
    answer = await rest.answer("POST", "/api/auth/login", json=body, status=429)
    assert answer.json()["retryable"] is True
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["retryAfter"] > 0


async def test_a_password_is_verified_whole(rest: Rest) -> None:
    long = "p" * 100 + "\0é"
    await rest.register("Ann", password=long)
    await login(rest, "Ann", long)
    await login(rest, "Ann", "p" * 100, status=401)
    await login(rest, "Ann", long[:-1] + "e", status=401)


async def test_an_older_hash_still_logs_in_and_is_replaced(rest: Rest, database: str) -> None:
    ann = await rest.register("Ann")
    conn = await asyncpg.connect(database)
    try:
        old = bcrypt.hashpw(b"an old password", bcrypt.gensalt(4)).decode()
        await conn.execute("UPDATE users SET password = $1 WHERE user_id = $2::uuid", old, ann.id)
        await login(rest, "Ann", "an old password")
        assert (await conn.fetchval("SELECT password FROM users WHERE username = 'Ann'")).startswith("$argon2id$")
    finally:
        await conn.close()
    await login(rest, "Ann", "an old password")


async def test_tokens_are_rotated_and_a_second_use_ends_the_session(rest: Rest) -> None:
    ann = await rest.register()
    second = await refresh(rest, ann.refresh_token)
    assert second["refreshToken"] != ann.refresh_token
    third = await refresh(rest, second["refreshToken"])
    await rest("GET", "/api/auth/verify", third["token"])
    await refresh(rest, ann.refresh_token, status=401)
    assert any(isinstance(hint, Revoked) for hint in rest.chat.bus.published)  # type: ignore[attr-defined]
    await refresh(rest, third["refreshToken"], status=401)
    for token in (ann.token, second["token"], third["token"]):
        await rest("GET", "/api/auth/verify", token, status=401)


async def test_of_two_who_refresh_at_once_one_ends_the_session_of_both(rest: Rest) -> None:
    ann = await rest.register()
    body = {"refreshToken": ann.refresh_token}
    answers = await asyncio.gather(*(rest.http.post("/api/auth/refresh", json=body) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    await rest("GET", "/api/auth/verify", ann, status=401)


async def test_logging_out_ends_this_session_alone(rest: Rest) -> None:
    ann = await rest.register("Ann")
    other = await login(rest, "Ann")
    await rest("POST", "/api/auth/logout", ann)
    await rest("GET", "/api/auth/verify", ann, status=401)
    await refresh(rest, ann.refresh_token, status=401)
    await rest("GET", "/api/auth/verify", other["token"])


async def test_a_token_that_is_too_old_says_so(database: str) -> None:
    async with rest_of(database, token_seconds=-1) as rest:
        ann = await rest.register()
        answer = await rest.answer("GET", "/api/auth/verify", ann, status=401)
        assert answer.json()["code"] == "token_expired"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def forge(head: dict[str, Any], claims: dict[str, Any], key: str = SECRET, digest: Any = hashlib.sha256) -> str:
    def part(value: Any) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    text = f"{part(head)}.{part(claims)}"
    signature = hmac.new(key.encode(), text.encode(), digest).digest()
    return f"{text}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def claims_of(person: Person) -> dict[str, Any]:
    payload = person.token.split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


async def test_forged_tokens_are_all_refused_alike(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    good, head = claims_of(ann), {"alg": "HS256", "typ": "access"}
    await rest("GET", "/api/auth/verify", forge(head, good))
    without = {name: {k: v for k, v in good.items() if k != name} for name in good}
    forged = {
        "another key": forge(head, good, key="another key that is long enough to be taken for one"),
        "no algorithm": forge({"alg": "none", "typ": "access"}, good).rsplit(".", 1)[0] + ".",
        "another algorithm": forge({"alg": "HS512", "typ": "access"}, good, digest=hashlib.sha512),
        "another type": forge({"alg": "HS256", "typ": "JWT"}, good),
        "a key from elsewhere": forge(head | {"jku": "http://127.0.0.1:1/keys", "kid": "../../dev/null"}, good, key=""),
        "another issuer": forge(head, good | {"iss": "elsewhere"}),
        "another audience": forge(head, good | {"aud": "elsewhere"}),
        "another's session": forge(head, good | {"sub": ben.id}),
        "no id": forge(head, good | {"sub": "1 OR 1=1"}),
        "a list": forge(head, good | {"sub": [ann.id]}),
        "the future": forge(head, good | {"nbf": time.time() + 3600}),
        "a refresh token": ann.refresh_token,
        "a megabyte": "a" * 1_000_000,
        "nothing": "",
        "bytes": "\x80\xff",
        **{f"no {name}": forge(head, claims) for name, claims in without.items()},
    }
    answers = {}
    for name, token in forged.items():
        headers = {b"authorization": b"Bearer " + token.encode("latin-1")}
        answer = (await rest.answer("GET", "/api/auth/verify", headers=headers, status=401)).json()
        assert answer["code"] == "unauthorized", name
        answers[name] = answer["message"]
    assert set(answers.values()) <= {"A valid token is needed.", "The session has ended; sign in again."}
    assert [name for name, message in answers.items() if "session" in message] == ["another's session"]
