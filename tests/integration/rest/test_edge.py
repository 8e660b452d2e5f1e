"""What every answer has, and every way a request can be wrong before it reaches a use case."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture
from tests.docs.markdown import blocks
from tests.support.rest import PASSWORD, Rest, rest_of

from hubbub.config import Settings
from hubbub.rest.edge import CONTENT_SECURITY_POLICY

JSON = {"content-type": "application/json"}


async def problem(rest: Rest, method: str, path: str, *, status: int, code: str, **more: Any) -> dict[str, Any]:
    """A failure that no operation documents, in the form that all have."""
    answer = await rest.http.request(method, path, **more)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["success"] is False
    assert (body["code"], body["status"]) == (code, status)
    assert body["instance"] == f"urn:hubbub:request:{answer.headers['x-request-id']}"
    assert body["detail"] == body["message"]
    return body | {"headers": answer.headers}


async def test_unknown_addresses(rest: Rest) -> None:
    for path in ("/nothing", "/api", "/api/", "/api/nothing", "/api/auth", "/api/users/search/a/b", "/schema"):
        await problem(rest, "GET", path, status=404, code="not_found")


async def test_a_method_that_an_address_does_not_take(rest: Rest) -> None:
    for method, path, allowed in (
        ("PUT", "/api/rooms", "GET, OPTIONS, POST"),
        ("TRACE", "/api/auth/login", "OPTIONS, POST"),
        ("GET", "/api/auth/login", "OPTIONS, POST"),
        ("POST", "/api/health", "GET, OPTIONS"),
        ("PUT", "/api/messages/00000000-0000-4000-8000-000000000000", "DELETE, OPTIONS, PATCH"),
    ):
        answer = await problem(rest, method, path, status=405, code="method_not_allowed")
        assert answer["headers"]["allow"] == allowed
    assert (await rest.http.options("/api/rooms")).status_code == 204


async def test_head_is_get_without_its_body(rest: Rest) -> None:
    got, head = await rest.http.get("/api/health"), await rest.http.head("/api/health")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert (await rest.http.head("/api/users")).status_code == 401


async def test_bodies_that_are_no_json(rest: Rest) -> None:
    path = "/api/auth/login"
    for body in (
        b"",
        b"{",
        b'{"username": "a", "password": }',
        b"\xff\xfe",
        b'{"username":"\\ud800","password":""}',
        b"NaN",
    ):
        answer = await rest.http.post(path, content=body, headers=JSON)
        code, status = ("bad_request", 400) if body else ("validation_failed", 422)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
        rest.check("POST", answer)
    for body in (b"[]", b"1", b'"text"', b"null", b'{"username":"a","password":["a"]}'):
        answer = await rest.http.post(path, content=body, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), body
    deep = b'{"username":"a","password":"b","x":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    await problem(rest, "POST", path, status=400, code="bad_request", content=deep, headers=JSON)


async def test_bodies_of_another_kind(rest: Rest) -> None:
    body = b'{"username":"a","password":"b"}'
    for media_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "json",
    ):
        answer = await rest.http.post("/api/auth/login", content=body, headers={"content-type": media_type})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), media_type
        rest.check("POST", answer)
    for media_type in ("application/json; charset=utf-8", "Application/JSON", "application/vnd.chat+json"):
        answer = await rest.http.post("/api/auth/login", content=body, headers={"content-type": media_type})
        assert answer.status_code == 401, media_type


async def test_of_equal_keys_the_last_one_counts(rest: Rest) -> None:
    await rest.register("Ann")
    body = f'{{"username":"nobody","username":"Ann","password":"{PASSWORD}","admin":true}}'
    answer = await rest.http.post("/api/auth/login", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["user"]["role"]) == (200, "user")


async def test_bodies_that_are_too_long(database: str) -> None:
    async with rest_of(database, settings=Settings(max_payload=1_000)) as rest:
        fits = b'{"username":"a","password":"' + b"b" * 970 + b'"}'
        assert len(fits) == 1_000
        assert (await rest.http.post("/api/auth/login", content=fits, headers=JSON)).status_code == 401

        async def endless() -> Any:
            while True:
                yield b" " * 400

        for content in (fits + b" ", endless()):
            answer = await rest.http.post("/api/auth/login", content=content, headers=JSON)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert answer.headers["connection"] == "close"
            rest.check("POST", answer)
        headers = {"content-length": "1001"}
        await rest("POST", "/api/rooms/general/join", headers=headers, status=413)


async def test_nobody_is_let_in_without_a_token(rest: Rest) -> None:
    """Every operation of the document, but those that say they are open."""
    tried = 0
    for template, operations in rest.document["paths"].items():
        path = template.replace("{room}", "general").replace("{q}", "a")
        path = path.replace("{userId}", "0" * 8 + "-0000-4000-8000-" + "0" * 12)
        path = path.replace("{messageId}", "0" * 8 + "-0000-4000-8000-" + "0" * 12)
        for method, operation in operations.items():
            if operation.get("security") == [{}]:
                continue
            tried += 1
            for headers in (
                {},
                {"authorization": "Bearer x"},
                {"x-access-token": "x"},
                {"authorization": "Basic eDp4"},
            ):
                answer = await rest.answer(method.upper(), path, headers=headers, status=401)
                assert answer.json()["code"] == "unauthorized"
                assert answer.headers["www-authenticate"] == 'Bearer realm="hubbub"'
    assert tried == 28
    opened = {
        path
        for path, operations in rest.document["paths"].items()
        for operation in operations.values()
        if operation.get("security") == [{}]
    }
    assert opened == {
        "/api/health",
        "/api/auth/register",
        "/api/auth/login",
        "/api/auth/refresh",
        "/livez",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/asyncapi.json",
    }


async def test_headers_that_every_answer_has(rest: Rest) -> None:
    for method, path in (("GET", "/api/health"), ("GET", "/nothing"), ("PUT", "/api/rooms"), ("GET", "/api/users")):
        headers = (await rest.http.request(method, path)).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert len(headers["x-request-id"]) == 32
        if path.startswith("/api/"):
            assert headers["cache-control"] == "no-store"


async def test_a_request_keeps_a_sensible_id_of_its_own(rest: Rest) -> None:
    for given, kept in (("a-1.B_2", True), ("a" * 65, False), ("a b", False), ("a\tb", False), ("", False)):
        answer = await rest.http.get("/api/health", headers={"x-request-id": given})
        assert (answer.headers["x-request-id"] == given) is kept


async def test_health(rest: Rest) -> None:
    health = await rest("GET", "/api/health")
    assert (health["success"], health["message"]) == (True, "Hubbub is running")
    assert await rest("GET", "/livez") == {"success": True}
    assert await rest("GET", "/readyz") == {"success": True}
    rest.reasons["database"] = "the database does not answer"
    answer = await rest.answer("GET", "/readyz", status=503)
    (shown,) = [block.text for block in blocks("docs/howto/watch.md") if block.language == "json"]
    assert answer.json() | json.loads(shown) == answer.json()
    assert int(answer.headers["retry-after"]) >= 1
    metrics = await rest.answer("GET", "/metrics")
    assert metrics.text.endswith("hubbub_up 1\n")
    assert await rest("GET", "/asyncapi.json") == {"asyncapi": "3.0.0"}


async def test_foreign_pages(database: str) -> None:
    ours, other = "https://chat.example.org", "https://evil.example.org"
    preflight = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    async with rest_of(database) as rest:
        for origin in (ours, other, "null", "http://chat.test"):
            answer = await rest.http.get("/api/health", headers={"origin": origin})
            assert not [name for name in answer.headers if name.startswith("access-control")]
    async with rest_of(database, settings=Settings(cors_origin=(ours,))) as rest:
        for path in ("/api/health", "/api/users", "/api/nothing"):
            answer = await rest.http.get(path, headers={"origin": ours})
            assert answer.headers["access-control-allow-origin"] == ours
            assert "access-control-allow-credentials" not in answer.headers
            for origin in (other, "null", ours + ".evil.org", "http://chat.example.org"):
                answer = await rest.http.get(path, headers={"origin": origin})
                assert "access-control-allow-origin" not in answer.headers
        answer = await rest.http.options("/api/rooms", headers={"origin": ours, **preflight})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, ours)
        answer = await rest.http.options("/api/rooms", headers={"origin": other, **preflight})
        assert "access-control-allow-origin" not in answer.headers
    async with rest_of(database, settings=Settings(cors_origin=("*",))) as rest:
        answer = await rest.http.get("/api/health", headers={"origin": other})
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.fixture
def lines() -> Any:
    """What is logged, as it would be rendered."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture.entries
    structlog.configure(**before)


async def test_a_line_for_each_request_and_no_contents(rest: Rest, lines: list[Any]) -> None:
    ann = await rest.register("Ann")
    room = await rest.room(ann, "a room's name")
    await rest.send(ann, room, "a secret text", clientId="k")
    await rest("GET", "/api/users/search/someone", ann)
    await rest("POST", "/api/auth/login", json={"username": "Ann", "password": "a wrong password"}, status=401)
    await rest.http.get("/nothing/a-secret")
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", "/api/auth/register", 201),
        ("POST", "/api/rooms", 201),
        ("POST", "/api/rooms/{room}/messages", 201),
        ("GET", "/api/users/search/{q}", 200),
        ("POST", "/api/auth/login", 401),
        ("GET", "-", 404),
    ]
    assert all(line["ms"] >= 0 and len(line["request_id"]) == 32 and line["log_level"] == "info" for line in requests)
    logged = repr(lines)
    for secret in ("Ann", "secret", "password", "room's", "someone", PASSWORD, ann.token, ann.refresh_token):
        assert secret not in logged


async def test_a_defect_says_nothing_outside_and_enough_inside(
    rest: Rest, lines: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "a secret text"

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(text)

    ann = await rest.register()
    monkeypatch.setattr("hubbub.chat.rooms.list_rooms", broken)
    answer = await rest.answer("GET", "/api/rooms", ann, status=500)
    assert answer.json()["code"] == "internal"
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    (line,) = (line for line in lines if line["event"] == "request failed")
    assert (line["error"], line["route"], line["log_level"]) == ("RuntimeError", "/api/rooms", "error")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "in broken" in line["stack"]
    assert "secret" not in repr(lines)


async def test_a_database_that_is_away_is_said_to_be(rest: Rest) -> None:
    ann = await rest.register()
    await rest.chat.database.close()
    answer = await rest.answer("GET", "/api/rooms", ann, status=503)
    assert answer.json()["code"] == "unavailable"
    assert answer.json()["retryable"] is True
    assert int(answer.headers["retry-after"]) >= 1


async def test_the_page(database: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>Hubbub</title>")
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "chat.js").write_text("export {}")
    (tmp_path / "secret.py").write_text("x = 1")
    async with rest_of(database, web=tmp_path) as rest:
        page = await rest.http.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert page.text == "<!doctype html><title>Hubbub</title>"
        assert (await rest.http.get("/index.html")).content == page.content
        script = await rest.http.get("/js/chat.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert script.headers["access-control-allow-origin"] == "*"
        assert script.headers["etag"] != page.headers["etag"]
        for held in (
            {"if-none-match": script.headers["etag"]},
            {"if-none-match": f'"other", W/{script.headers["etag"]}'},
            {"if-none-match": "*"},
            {"if-modified-since": script.headers["last-modified"]},
        ):
            answer = await rest.http.get("/js/chat.js", headers=held)
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == script.headers["etag"]
        for stale in (
            {"if-none-match": '"other"'},
            {"if-none-match": '"other"', "if-modified-since": script.headers["last-modified"]},
            {"if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
            {"if-modified-since": "yesterday"},
        ):
            assert (await rest.http.get("/js/chat.js", headers=stale)).status_code == 200
        head = await rest.http.head("/")
        assert (head.content, head.headers["content-length"]) == (b"", page.headers["content-length"])
        for path in ("/secret.py", "/js", "/js/", "/../pyproject.toml", "/%2e%2e/secret.py", "/js/..%2fsecret.py"):
            assert (await rest.http.get(path)).status_code == 404


async def test_requests_beside_each_other_keep_their_own_ids(rest: Rest, lines: list[Any]) -> None:
    answers = await asyncio.gather(*(rest.http.get("/api/users") for _ in range(20)))
    assert len({answer.headers["x-request-id"] for answer in answers}) == 20
    assert {line["request_id"] for line in lines} == {answer.headers["x-request-id"] for answer in answers}
