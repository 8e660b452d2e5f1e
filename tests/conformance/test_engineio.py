"""Engine.IO 4 as its specification says, on HTTP and WebSocket, down to the bytes."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from tests.conformance.conftest import AT_ONCE, PING_INTERVAL, PING_TIMEOUT, EchoServer, start
from tests.support.process import eventually
from tests.support.raw_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawWebSocket,
    open_request,
    read_answer,
    request,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMES = {"pingInterval": PING_INTERVAL, "pingTimeout": PING_TIMEOUT}


async def closes(ws: RawWebSocket, code: int | None = 1002) -> None:
    """The server closes by itself, at once, though its pings are answered."""
    got, seconds = await ws.closed()
    assert got == code
    assert seconds < AT_ONCE


async def gone(server: EchoServer, sid: str) -> None:
    answer = await request(server.session(sid))
    assert (answer.status, answer.json()) == (400, {"code": 1, "message": "Session ID unknown"})


# Handshake


async def test_polling_handshake(engine: EchoServer) -> None:
    answer = await request(engine.polling, headers={"Origin": "http://elsewhere.example"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.text[0] == "0"
    hello = json.loads(answer.text[1:])
    sid = hello.pop("sid")
    assert isinstance(sid, str)
    assert len(sid) >= 22
    assert hello == {"upgrades": ["websocket"], **TIMES, "maxPayload": 1_000_000}


async def test_websocket_handshake(engine: EchoServer) -> None:
    async with await RawWebSocket.connect(engine.websocket) as ws:
        hello = await ws.receive()
    assert isinstance(hello, str)
    fields = json.loads(hello[1:])
    assert fields.pop("sid")
    assert fields == {"upgrades": [], **TIMES, "maxPayload": 1_000_000}


BAD_QUERIES = [
    ("transport=polling", 5),
    ("EIO=3&transport=polling", 5),
    ("EIO=abc&transport=polling", 5),
    ("EIO=&transport=polling", 5),
    ("EIO=4&EIO=4&transport=polling", 3),
    ("EIO=4", 0),
    ("EIO=4&transport=abc", 0),
    ("EIO=4&transport=webtransport", 0),
    ("EIO=4&transport=polling&transport=websocket", 3),
    ("EIO=4&transport=polling&sid=unknown", 1),
    ("EIO=4&transport=polling&sid=", 1),
    ("EIO=4&transport=polling&sid=__proto__", 1),
    ("EIO=4&transport=polling&sid=%00%FF", 1),
    ("EIO=4&transport=polling&j=0", 3),
    ("&".join(["EIO=4&transport=polling", *(f"x{n}=1" for n in range(50))]), 3),
]


@pytest.mark.parametrize(("query", "code"), BAD_QUERIES)
async def test_bad_polling_requests(engine: EchoServer, query: str, code: int) -> None:
    answer = await request(f"{engine.url}?{query}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"code", "message"}
    assert answer.json()["code"] == code


@pytest.mark.parametrize(("query", "code"), BAD_QUERIES)
async def test_bad_websocket_requests(engine: EchoServer, query: str, code: int) -> None:
    with pytest.raises(ConnectionRefusedError) as refused:
        await RawWebSocket.connect(f"{engine.url}?{query.replace('=polling', '=websocket')}")
    answer = refused.value.args[0]
    assert answer.status == 400
    assert answer.json()["code"] == code


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_handshake_by_another_method(engine: EchoServer, method: str) -> None:
    assert (await request(engine.polling, method, b"")).status == 400


async def test_another_method_with_a_session(engine: EchoServer) -> None:
    sid = await engine.sid()
    assert (await request(engine.session(sid), "PUT", b"4x")).status == 400
    assert (await request(engine.session(sid), "POST", b"1")).text == "ok"


async def test_transport_of_the_request_must_be_the_one_named(engine: EchoServer) -> None:
    assert (await request(engine.websocket)).status == 400
    with pytest.raises(ConnectionRefusedError):
        await RawWebSocket.connect(engine.polling)


async def test_a_websocket_on_another_path(engine: EchoServer) -> None:
    for path in ("/", "/socket.io/", "/engine.io", "/engine.io/x"):
        with pytest.raises(ConnectionRefusedError) as refused:
            await RawWebSocket.connect(f"{engine.origin}{path}?EIO=4&transport=websocket")
        assert refused.value.args[0].status == 404


async def test_a_broken_websocket_handshake(engine: EchoServer) -> None:
    for headers in ({"Sec-WebSocket-Version": "8"}, {"Sec-WebSocket-Key": "short"}):
        with pytest.raises(ConnectionRefusedError) as refused:
            await RawWebSocket.connect(engine.websocket, headers)
        assert 400 <= refused.value.args[0].status < 500


async def test_no_compression_is_agreed_to(engine: EchoServer) -> None:
    headers = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    async with await RawWebSocket.connect(engine.websocket, headers) as ws:
        await ws.receive()
        ws.frame(TEXT, b"4x", rsv=4)
        await closes(ws)


# Messages


@pytest.mark.parametrize(
    "body", [b"4hello", b"4test1\x1e4test2\x1e4test3", b"4hello\x1ebAQIDBA==", "4ü€😀".encode(), b"b"]
)
async def test_polling_echo(engine: EchoServer, body: bytes) -> None:
    sid = await engine.sid()
    answer = await request(engine.session(sid), "POST", body)
    assert (answer.status, answer.body) == (200, b"ok")
    assert (await request(engine.session(sid))).body == body
    await request(engine.session(sid), "POST", b"1")


async def test_a_waiting_poll_is_answered_at_once(engine: EchoServer) -> None:
    sid = await engine.sid()
    poll = await open_request(engine.session(sid))
    assert (await request(engine.session(sid), "POST", b"4x")).text == "ok"
    assert (await read_answer(*poll)).text == "4x"
    await request(engine.session(sid), "POST", b"1")


async def test_websocket_echo(engine: EchoServer) -> None:
    async with await engine.open() as ws:
        for message in ("4hello", "4", "4ü€😀", b"\x01\x02\x03\x04", b"", b"x" * 900_000, "4" + "y" * 900_000):
            ws.send(message)
            assert await ws.receive() == message


async def test_fragments_are_put_together(engine: EchoServer) -> None:
    async with await engine.open() as ws:
        euro = "4€".encode()
        ws.frame(TEXT, euro[:2], fin=False)
        ws.frame(PING, b"between")
        ws.frame(CONTINUATION, euro[2:3], fin=False)
        ws.frame(CONTINUATION, euro[3:])
        assert await ws.receive_frame() == (PONG, b"between")
        assert await ws.receive() == "4€"
        ws.frame(BINARY, b"\x01", fin=False)
        ws.frame(CONTINUATION, b"\x02")
        assert await ws.receive() == b"\x01\x02"


async def test_order_is_kept(engine: EchoServer) -> None:
    async with await engine.open() as ws:
        sent = [f"4{number}" if number % 3 else bytes([number % 256]) for number in range(2_000)]
        for message in sent:
            ws.send(message)
        assert [await ws.receive() for _ in sent] == sent


# Bad frames and payloads: B21 to B25, B30 to B34

BAD_POSTS = [
    b"",
    b"abc",
    b"\x1e",
    b"\x1e\x1e",
    b"4a\x1e",
    b"7",
    b"9x",
    b"-",
    b"0",
    b"2",
    b"2probe",
    b"5",
    b"6",
    b"bA",
    b"b=%",
]


@pytest.mark.parametrize("body", [*BAD_POSTS, b"4\xff", b"4good\x1eabc", b"\x1e".join([b"4"] * 4_097)])
async def test_bad_posts_end_the_session(engine: EchoServer, body: bytes) -> None:
    sid = await engine.sid()
    answer = await request(engine.session(sid), "POST", body)
    assert (answer.status, answer.json()) == (400, {"code": 3, "message": "Bad request"})
    await gone(engine, sid)


async def test_a_burst_in_one_post_is_no_crime(engine: EchoServer) -> None:
    sid = await engine.sid()
    packets = [b"4%d" % number for number in range(500)]
    assert (await request(engine.session(sid), "POST", b"\x1e".join(packets))).text == "ok"
    got: list[bytes] = []
    while len(got) < len(packets):
        answer = (await request(engine.session(sid))).body.split(b"\x1e")
        assert len(answer) <= 16, "python-socketio's client takes no more"
        got += answer
    assert got == packets
    await request(engine.session(sid), "POST", b"1")


@pytest.mark.parametrize("text", ["", "abc", "7", "9x", "-", "0{}", "2", "2probe", "5", "6", "\x1e"])
async def test_bad_frames_close_at_once(engine: EchoServer, text: str) -> None:
    ws = await engine.open()
    ws.send(text)
    await closes(ws)


async def test_text_that_is_not_utf8(engine: EchoServer) -> None:
    ws = await engine.open()
    ws.frame(TEXT, b"4\xff\xfe")
    await closes(ws, 1007)


@pytest.mark.parametrize("size", [1_000_001, 2_000_000])
async def test_a_frame_over_the_limit(engine: EchoServer, size: int) -> None:
    ws = await engine.open()
    ws.frame(BINARY, b"x" * size)
    await closes(ws, 1009)


async def test_a_message_over_the_limit_in_fragments(engine: EchoServer) -> None:
    ws = await engine.open()
    ws.frame(BINARY, b"x" * 600_000, fin=False)
    ws.frame(CONTINUATION, b"x" * 600_000, fin=False)
    await closes(ws, 1009)


async def test_a_claim_of_2_to_the_63_bytes(engine: EchoServer) -> None:
    ws = await engine.open()
    ws.raw(b"\x82\xff" + (2**63 - 1).to_bytes(8, "big") + b"\0\0\0\0")
    await closes(ws, 1009)


async def test_endless_empty_fragments(engine: EchoServer) -> None:
    ws = await engine.open()
    ws.frame(TEXT, b"4", fin=False)
    for _ in range(3_000):
        ws.frame(CONTINUATION, b"", fin=False)
    await closes(ws, 1008)


async def test_a_flood_of_pings(engine: EchoServer) -> None:
    ws = await engine.open()
    for _ in range(3_000):
        ws.frame(PING, b"")
    await closes(ws, 1008)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x81\x01x",
        b"\x83\x80\0\0\0\0",
        b"\xc1\x80\0\0\0\0",
        b"\x80\x80\0\0\0\0",
        b"\x09\x80\0\0\0\0",
        b"\x89\xfe\0\x7e" + b"\0" * 130,
    ],
)
async def test_frames_that_rfc_6455_forbids(engine: EchoServer, raw: bytes) -> None:
    ws = await engine.open()
    ws.raw(raw)
    await closes(ws)


async def test_a_close_frame_is_answered(engine: EchoServer) -> None:
    ws = await engine.open()
    ws.frame(CLOSE, (1000).to_bytes(2, "big"))
    await closes(ws, 1000)


async def test_post_over_the_limit(engine: EchoServer) -> None:
    sid = await engine.sid()
    answer = await request(engine.session(sid), "POST", b"", {"Content-Length": "10000000000"})
    assert answer.status == 413
    await gone(engine, sid)
    assert (await request(engine.session(await engine.sid()), "POST", b"4" * 1_000_001)).status == 413


async def test_chunks_without_end_are_cut_at_the_limit(engine: EchoServer) -> None:
    sid = await engine.sid()
    reader, writer = await open_request(engine.session(sid), "POST", headers={"Transfer-Encoding": "chunked"})
    chunk = b"10000\r\n" + b"4" * 65_536 + b"\r\n"
    for _ in range(17):
        writer.write(chunk)
    assert (await read_answer(reader, writer)).status == 413
    await gone(engine, sid)


async def test_a_post_at_the_limit_is_taken(engine: EchoServer) -> None:
    sid = await engine.sid()
    assert (await request(engine.session(sid), "POST", b"4" * 1_000_000)).text == "ok"
    assert len((await request(engine.session(sid))).body) == 1_000_000
    await request(engine.session(sid), "POST", b"1")


async def test_a_post_given_up_in_the_middle_ends_the_session(engine: EchoServer) -> None:
    sid = await engine.sid()
    _, writer = await open_request(engine.session(sid), "POST", b"4x", {"Content-Length": "100"})
    writer.close()
    await engine.nothing_left()


async def test_two_polls_at_once(engine: EchoServer) -> None:
    sid = await engine.sid()
    first = await open_request(engine.session(sid))
    await eventually(lambda: _is_polled(engine, sid))
    answer = await read_answer(*first)
    assert (answer.status, answer.text) == (200, "1")
    await gone(engine, sid)


async def _is_polled(engine: EchoServer, sid: str) -> bool:
    return (await request(engine.session(sid))).status == 400


async def test_two_posts_at_once(engine: EchoServer) -> None:
    sid = await engine.sid()
    reader, writer = await open_request(engine.session(sid), "POST", b"4x", {"Content-Length": "100"})

    async def refused() -> bool:
        return (await request(engine.session(sid), "POST", b"4y")).status == 400

    await eventually(refused)
    writer.write(b"z" * 98)
    assert (await read_answer(reader, writer)).status == 400
    await gone(engine, sid)


async def test_a_poll_given_up_ends_the_session(engine: EchoServer) -> None:
    sid = await engine.sid()
    _, writer = await open_request(engine.session(sid))
    writer.close()
    await engine.nothing_left()
    await gone(engine, sid)


# Heartbeat and close


async def test_polling_heartbeat(engine: EchoServer) -> None:
    sid = await engine.sid()
    for _ in range(3):
        assert (await request(engine.session(sid))).text == "2"
        assert (await request(engine.session(sid), "POST", b"3")).text == "ok"
    await request(engine.session(sid), "POST", b"1")


async def test_websocket_heartbeat(engine: EchoServer) -> None:
    async with await engine.open() as ws:
        last = time.monotonic()
        for _ in range(3):
            assert await ws.receive(pings=True) == "2"
            now = time.monotonic()
            assert 0.25 < now - last < AT_ONCE
            last = now
            ws.send("3")


async def test_polling_ping_timeout(impatient: EchoServer) -> None:
    sid = await impatient.sid()
    start = time.monotonic()
    ended = await eventually_none_open(impatient)
    assert 0.4 < ended - start < AT_ONCE
    await gone(impatient, sid)


async def eventually_none_open(engine: EchoServer) -> float:
    async def none_open() -> bool:
        return not (await engine.counts())["connections"]

    await eventually(none_open)
    return time.monotonic()


async def test_websocket_ping_timeout(impatient: EchoServer) -> None:
    ws = await impatient.open()
    start = time.monotonic()
    assert await ws.receive(pings=True) == "2"
    ws.send("4still talking")
    assert await ws.receive(pings=True) == "4still talking"
    code, _ = await ws.closed()
    assert code == 1001
    assert 0.4 < time.monotonic() - start < AT_ONCE


async def test_polling_close(engine: EchoServer) -> None:
    sid = await engine.sid()
    poll = await open_request(engine.session(sid))

    async def released() -> bool:
        return (await request(engine.session(sid), "POST", b"1")).text == "ok"

    await eventually(released)
    assert (await read_answer(*poll)).text in ("6", '{"code":1,"message":"Session ID unknown"}')
    await gone(engine, sid)


async def test_websocket_close(engine: EchoServer) -> None:
    ws = await engine.open()
    ws.send("1")
    await closes(ws, 1000)


async def test_what_follows_a_close_does_nothing(engine: EchoServer) -> None:
    ws = await engine.open()
    ws.send("1")
    ws.send("4hello")
    await closes(ws, 1000)
    sid = await engine.sid()
    assert (await request(engine.session(sid), "POST", b"1\x1e4hello")).status in (200, 400)
    await gone(engine, sid)


# Upgrade


async def offered(engine: EchoServer, sid: str) -> RawWebSocket:
    return await RawWebSocket.connect(f"{engine.websocket}&sid={sid}")


async def upgraded(engine: EchoServer) -> tuple[str, RawWebSocket]:
    sid = await engine.sid()
    ws = await offered(engine, sid)
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    ws.send("5")
    return sid, ws


async def test_upgrade(engine: EchoServer) -> None:
    sid = await engine.sid()
    waiting = await open_request(engine.session(sid))
    ws = await offered(engine, sid)
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    assert (await read_answer(*waiting)).text == "6"
    assert (await request(engine.session(sid))).text == "6", "while probed, a poll is answered at once"
    assert (await request(engine.session(sid), "POST", b"4before")).text == "ok"
    ws.send("5")
    ws.send("4after")
    assert [await ws.receive(), await ws.receive()] == ["4before", "4after"]
    await ws.close()


async def test_after_the_upgrade_polling_is_refused(engine: EchoServer) -> None:
    sid, ws = await upgraded(engine)
    ws.send("4x")
    assert await ws.receive() == "4x"
    assert (await request(engine.session(sid))).status == 400
    assert (await request(engine.session(sid), "POST", b"4y")).status == 400
    ws.send("4hello")
    assert await ws.receive() == "4hello"
    await ws.close()


async def test_after_the_upgrade_another_websocket_is_closed(engine: EchoServer) -> None:
    sid, ws = await upgraded(engine)
    ws.send("4x")
    assert await ws.receive() == "4x"
    await closes(await offered(engine, sid), 1008)
    ws.send("4hello")
    assert await ws.receive() == "4hello"
    await ws.close()


async def test_two_upgrades_at_once(engine: EchoServer) -> None:
    sid = await engine.sid()
    ws = await offered(engine, sid)
    await closes(await offered(engine, sid), 1008)
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    ws.send("5")
    ws.send("4hello")
    assert await ws.receive() == "4hello"
    await ws.close()


@pytest.mark.parametrize(
    "frames", [["5"], ["4hello"], [b"2probe"], ["2probe", "2probe"], ["2probe", "4hello"], ["abc"]]
)
async def test_a_broken_upgrade_leaves_polling_working(engine: EchoServer, frames: list[str | bytes]) -> None:
    sid = await engine.sid()
    ws = await offered(engine, sid)
    for frame in frames:
        ws.send(frame)
    await closes(ws)
    await polling_works(engine, sid)


async def polling_works(engine: EchoServer, sid: str) -> None:
    assert (await request(engine.session(sid), "POST", b"3\x1e4hello")).text == "ok"
    assert "4hello" in (await request(engine.session(sid))).text
    await request(engine.session(sid), "POST", b"1")


async def test_an_upgrade_that_breaks_off_leaves_polling_working(engine: EchoServer) -> None:
    sid = await engine.sid()
    ws = await offered(engine, sid)
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    ws.abort()
    await polling_works(engine, sid)


async def test_an_upgrade_that_is_never_finished() -> None:
    engine = await start("--engine-only", "--ping-interval", "5000", "--upgrade-timeout", "200")
    try:
        sid = await engine.sid()
        ws = await offered(engine, sid)
        ws.send("2probe")
        code, seconds = await ws.closed()
        assert (code, 0.1 < seconds < AT_ONCE) == (1008, True)
        await polling_works(engine, sid)
    finally:
        await engine.stop()


async def test_traffic_over_the_upgrade_keeps_its_order(engine: EchoServer) -> None:
    for _ in range(10):
        sid = await engine.sid()
        await request(engine.session(sid), "POST", b"4a\x1e4b")
        poll, ws = await asyncio.gather(request(engine.session(sid)), offered(engine, sid))
        ws.send("2probe")
        await request(engine.session(sid), "POST", b"4c\x1e4d")
        ws.send("5")
        ws.send("4e")
        got = poll.text.split("\x1e")
        assert await ws.receive() == "3probe"
        while got[-1] != "4e":
            got.append(str(await ws.receive()))
        assert got == ["4a", "4b", "4c", "4d", "4e"]
        await ws.close()


# CORS


async def test_preflight(engine: EchoServer) -> None:
    headers = {
        "Origin": "http://elsewhere.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-custom",
    }
    answer = await request(engine.polling, "OPTIONS", headers=headers)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "x-custom"


async def test_origins_are_allowed_by_the_list_alone() -> None:
    engine = await start("--engine-only", "--origin", "https://chat.example")
    try:
        good, host = {"Origin": "https://chat.example"}, engine.origin
        answer = await request(engine.polling, headers=good)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "https://chat.example"
        assert answer.headers["vary"] == "Origin"
        assert (await request(engine.polling)).status == 200, "no browser, no Origin"
        await (await RawWebSocket.connect(engine.websocket, good)).close()
        for bad in ("https://evil.example", "null", host, "https://chat.example.evil", "http://chat.example"):
            answer = await request(engine.polling, headers={"Origin": bad})
            assert (answer.status, answer.json()["code"]) == (403, 4)
            assert "access-control-allow-origin" not in answer.headers
            assert (await request(engine.polling, "OPTIONS", headers={"Origin": bad})).status == 403
            with pytest.raises(ConnectionRefusedError) as refused:
                await RawWebSocket.connect(engine.websocket, {"Origin": bad})
            assert refused.value.args[0].status == 403
    finally:
        await engine.stop()
