"""The handshake: RFC 6455's own example, a library's client as the judge, and all that is no handshake."""

from __future__ import annotations

import json

import pytest
from websockets.client import ClientProtocol
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from hubbub.wire import websocket_handshake

# RFC 6455, section 1.3.
EXAMPLE = {
    "Host": "server.example.com",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Origin": "http://example.com",
    "Sec-WebSocket-Version": "13",
}


def request(headers: list[tuple[str, str]], first: str = "GET /socket.io/?EIO=4 HTTP/1.1") -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def test_the_example_of_the_rfc() -> None:
    read = websocket_handshake.read_request(request(list(EXAMPLE.items())))
    assert read.is_handshake
    assert (read.target, read.headers["origin"]) == ("/socket.io/?EIO=4", ["http://example.com"])
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" in websocket_handshake.accept(read)


def test_a_librarys_client_is_content() -> None:
    client = ClientProtocol(parse_uri("ws://127.0.0.1/socket.io/?EIO=4"))
    client.send_request(client.connect())
    (asked,) = client.data_to_send()
    read = websocket_handshake.read_request(asked)
    assert read.is_handshake
    client.receive_data(websocket_handshake.accept(read))
    assert client.state is OPEN
    assert client.handshake_exc is None


def test_lists_and_cases_are_read_as_http_wants() -> None:
    varied = {
        **EXAMPLE, "Upgrade": "h2c,WebSocket", "Connection": "keep-alive, UPGRADE",
    }  # fmt: skip
    lower = [(name.lower(), value) for name, value in varied.items()]
    assert websocket_handshake.read_request(request(lower)).is_handshake
    split = [*lower, ("connection", "close")]
    assert websocket_handshake.read_request(request(split)).is_handshake


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Upgrade", "h2c"), ("Upgrade", None), ("Connection", "close"), ("Connection", None), ("Sec-WebSocket-Key", None),
        ("Sec-WebSocket-Key", "short"), ("Sec-WebSocket-Key", ""), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==!"), ("Sec-WebSocket-Key", "\xe9" * 24),
        ("Sec-WebSocket-Version", "8"), ("Sec-WebSocket-Version", None), ("Sec-WebSocket-Version", "13, 8"),
    ],
)  # fmt: skip
def test_what_is_no_handshake(name: str, value: str | None) -> None:
    headers = [(key, text) for key, text in {**EXAMPLE, name: value}.items() if text is not None]
    assert not websocket_handshake.read_request(request(headers)).is_handshake


def test_a_header_that_may_stand_once_stands_once_and_only_get_will_do() -> None:
    for name in ("Sec-WebSocket-Key", "Sec-WebSocket-Version"):
        twice = [*EXAMPLE.items(), (name, EXAMPLE[name])]
        assert not websocket_handshake.read_request(request(twice)).is_handshake
    assert not websocket_handshake.read_request(request(list(EXAMPLE.items()), "POST / HTTP/1.1")).is_handshake


def test_a_refusal_says_why_and_when() -> None:
    head, _, body = websocket_handshake.refuse(503, b'{"code":4}', retry_after=5).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert first == "HTTP/1.1 503 Service Unavailable"
    assert (headers["Retry-After"], headers["Content-Length"]) == ("5", "10")
    assert headers["Sec-WebSocket-Version"] == "13"  # section 4.4: what a client of another version is to be told
    assert json.loads(body) == {"code": 4}
    assert b"Retry-After" not in websocket_handshake.refuse(404, b"{}")
