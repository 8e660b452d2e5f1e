"""B1 to B16: HTTP itself, before anything is understood; and what a path or a query may hold."""

from __future__ import annotations

from typing import Final

from tests.fault.corpus.entry import Entry, Request

LOGIN: Final = "/api/auth/login"
JSON: Final = {"Content-Type": "application/json"}
HOST: Final = b"Host: chat.example\r\n"
EVIL: Final = {"Origin": "http://evil.example"}
POLL: Final = "/socket.io/?EIO=4&transport=polling"
UPGRADE: Final = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}  # fmt: skip
SOCKET: Final = "/socket.io/?EIO=4&transport=websocket"


def login(body: bytes, status: int, code: str, **headers: str) -> Request:
    return Request("POST", LOGIN, body, status, code, headers=JSON | headers)


def field(value: object) -> Request:
    return Request("POST", LOGIN, {"username": value, "password": "x"}, 422, "validation_failed", headers=JSON)


def raw(data: bytes, status: int, code: str | None = None, *, closes: bool = True) -> Request:
    return Request(raw=data, status=status, code=code, closes=closes)


ENTRIES: Final = (
    Entry(1, "a body one byte too long", Request(
        "POST", LOGIN, b"{" + b" " * 1_000_000, 413, "too_large", headers=JSON, closes=True)),
    Entry(1, "an Engine.IO body one byte too long", Request("POST", POLL + "&sid=<sid>", b"4" * 1_000_001, 413)),
    Entry(2, "Content-Length of 10 GB", raw(
        b"POST /api/auth/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Content-Length: 10000000000\r\n\r\n{", 413, "too_large")),
    Entry(2, "Content-Length of 10 GB to Engine.IO", raw(
        b"POST /socket.io/?EIO=4&transport=polling&sid=<sid> HTTP/1.1\r\n" + HOST
        + b"Content-Length: 10000000000\r\n\r\n4", 413)),
    Entry(2, "Content-Length of 5,000 digits", raw(
        b"POST /api/auth/login HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", 400)),
    Entry(3, "chunks without end", raw(
        b"POST /api/auth/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 17, 413, "too_large")),
    Entry(3, "a chunk of 2^64 bytes", raw(
        b"POST /api/auth/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n", 400)),
    *(Entry(5, f"{value!r} where a text is expected", field(value)) for value in ({}, [], 1, None, True, {"$ne": ""})),
    *(Entry(5, f"a body that is {body!r}", login(body, 422, "validation_failed")) for body in (b"[]", b"1", b'"x"', b"null")),
    *(Entry(5, f"a body that is {body!r}", login(body, 400, "bad_request")) for body in (b"{", b"NaN", b"\xff\xfe", b'{"username":"a","password":"b"}x')),
    Entry(6, "fields that are not the client's to set", Request(
        "POST", "/api/rooms/<arena>/messages",
        {"message": "mine", "sender": "<ann_id>", "userId": "<ann_id>", "seq": 10**9, "created_at": "1970-01-01", "is_admin": True},
        201, who="eve", headers=JSON), note="ignored, as the manual says; `scripts.py` looks at what was stored"),
    Entry(7, "the same key twice", login(b'{"username":"a","username":"b","password":"c"}', 401, "invalid_credentials"),
          note="of equal keys the last one counts, as JSON.parse has it: one parser reads every body here, so that "
               "there is no second one to see another value"),
    *(Entry(8, f"Content-Type {kind!r}", Request(
        "POST", LOGIN, b'{"username":"a","password":"b"}', 415, "unsupported_media_type", headers={"Content-Type": kind}))
      for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml")),
    *(Entry(9, f"{what} in the path", Request("GET", path, status=404, code="not_found", who="eve"))
      for what, path in (("CR LF", "/api/rooms/a%0d%0aSet-Cookie:x=1"), ("NUL", "/api/rooms/a%00b"),
                         ("half a surrogate", "/api/rooms/%ed%a0%80"), ("bytes that are not UTF-8", "/api/rooms/%ff"),
                         ("dots", "/api/rooms/..%2f..%2fetc%2fpasswd"), ("dots and nothing else", "/%2e%2e/%2e%2e/etc/passwd"))),
    Entry(9, "NUL in the query", Request(
        "GET", "/api/users/search?q=a%00b", status=422, code="validation_failed", who="eve")),
    Entry(9, "half a surrogate in the query", Request("GET", "/api/users/search?q=%ed%a0%80", status=200, who="eve"),
          note="read as U+FFFD, as browsers do"),
    Entry(9, "NUL in a header", raw(b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: b\0c\r\n\r\n", 400, "bad_request")),
    Entry(9, "CR alone in a header", raw(b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: b\rc: d\r\n\r\n", 400, "bad_request")),
    Entry(9, "a header that goes on in the next line", raw(
        b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n", 400, "bad_request"),
        note="RFC 9112, section 5.2: folded lines are refused"),
    Entry(9, "a request id with a line break", Request("GET", "/api/health", status=200, headers={"X-Request-Id": "a b\tc"}),
          note="an id that is none is replaced, and never written to the log"),
    Entry(10, "both Content-Length and Transfer-Encoding", raw(
        b"POST /api/auth/login HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400, "bad_request")),
    Entry(10, "two Content-Lengths", raw(
        b"POST /api/auth/login HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400, "bad_request")),
    Entry(10, "a Transfer-Encoding that is unknown", raw(
        b"POST /api/auth/login HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, "bad_request")),
    Entry(11, "500 headers", raw(
        b"GET /livez HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n", 431, "head_too_large")),
    Entry(11, "a header of 1 MB", raw(
        b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n", 431, "head_too_large")),
    Entry(11, "500 headers on an upgrade", raw(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n", 431, "head_too_large")),
    *(Entry(12, f"{method} {path}", Request(method, path, status=405, code="method_not_allowed"))
      for method, path in (("TRACE", LOGIN), ("PUT", LOGIN), ("DELETE", LOGIN), ("PATCH", "/api/rooms"), ("POST", "/livez"))),
    *(Entry(12, f"{method} to Engine.IO", Request(method, POLL)) for method in ("TRACE", "PUT", "DELETE", "PATCH")),
    Entry(12, "a method that is none", raw(b"HUBBUB / HTTP/1.1\r\n" + HOST + b"\r\n", 400, "bad_request")),
    *(Entry(13, f"a page of {origin}", Request("GET", POLL, status=403, headers={"Origin": origin}))
      for origin in ("http://evil.example", "https://chat.example.evil.example", "https://chat.example:444")),
    Entry(13, "a WebSocket of a foreign page", Request("GET", SOCKET, status=403, headers=UPGRADE | EVIL)),
    Entry(14, "Origin: null", Request("GET", POLL, status=403, headers={"Origin": "null"})),
    Entry(14, "a WebSocket with Origin: null", Request("GET", SOCKET, status=403, headers=UPGRADE | {"Origin": "null"})),
    Entry(15, "Host rebinding: Host and Origin are the foreign page's", Request(
        "GET", POLL, status=403, headers={"Host": "evil.example"} | EVIL)),
    Entry(15, "Host rebinding on a WebSocket", Request(
        "GET", SOCKET, status=403, headers=UPGRADE | {"Host": "evil.example"} | EVIL)),
    Entry(15, "X-Forwarded-Host makes no origin good", Request(
        "GET", POLL, status=403, headers={"X-Forwarded-Host": "evil.example"} | EVIL)),
    Entry(16, "X-Forwarded-Proto and -Host on a request that is not a proxy's", Request(
        "GET", "/api/health", status=200, headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}),
        note="not believed: nothing is built from them. X-Forwarded-For is in `scripts.py`"),
)  # fmt: skip
