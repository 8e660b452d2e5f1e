"""Socket.IO 5 as its specification says, and every abuse that must end a connection at once."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from tests.conformance.conftest import AT_ONCE, EchoServer
from tests.support.raw_client import ClosedError, RawWebSocket, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

P0 = '{"_placeholder":true,"num":0}'
P1 = '{"_placeholder":true,"num":1}'


async def closes(ws: RawWebSocket, code: int | None = 1002) -> None:
    """The server closes by itself, at once, though its pings are answered."""
    got, seconds = await ws.closed()
    assert got == code
    assert seconds < AT_ONCE


async def works(ws: RawWebSocket) -> None:
    ws.send('4299["message-with-ack","still here"]')
    assert await ws.receive() == '4399["still here"]'


# Connect


@pytest.mark.parametrize("namespace", ["/", "/custom"])
@pytest.mark.parametrize("auth", ["", '{"token":"123"}'])
async def test_connect(echo: EchoServer, namespace: str, auth: str) -> None:
    place = "" if namespace == "/" else f"{namespace},"
    async with await echo.open() as ws:
        ws.send(f"40{place}{auth}")
        answer = await ws.receive()
        assert isinstance(answer, str)
        assert answer.startswith(f"40{place}")
        fields = json.loads(answer[2 + len(place) :])
        assert list(fields) == ["sid"]
        assert len(fields["sid"]) >= 22
        assert await ws.receive() == f'42{place}["auth",{auth or "{}"}]'


async def test_connect_without_the_comma(echo: EchoServer) -> None:
    async with await echo.open() as ws:
        ws.send("40/custom")
        assert str(await ws.receive()).startswith("40/custom,")


async def test_connect_over_polling(echo: EchoServer) -> None:
    sid = await echo.sid()
    assert (await request(echo.session(sid), "POST", b"40")).text == "ok"
    connected = (await request(echo.session(sid))).text
    if "\x1e" not in connected:
        assert (await request(echo.session(sid))).text == '42["auth",{}]'
    assert connected.startswith('40{"sid":')
    await request(echo.session(sid), "POST", b"1")


async def test_sids_differ(echo: EchoServer) -> None:
    async with await echo.open() as ws:
        ws.send("40")
        first = await ws.receive()
        await ws.receive()
        ws.send("40/custom,")
        second = await ws.receive()
        assert json.loads(str(first)[2:])["sid"] != json.loads(str(second)[10:])["sid"]


@pytest.mark.parametrize("name", ["/random", "/__proto__", "/custom/", "/CUSTOM", "/?x=1", "//"])
async def test_unknown_namespace(echo: EchoServer, name: str) -> None:
    async with await echo.join() as ws:
        ws.send(f"40{name}")
        assert await ws.receive() == f'44{name},{{"message":"Invalid namespace"}}'
        ws.send(f'42{name},["message","crossed the refusal"]')
        await works(ws)


async def test_no_connect_closes_in_time(echo: EchoServer) -> None:
    ws = await echo.open()
    code, seconds = await ws.closed()
    assert code == 1008
    assert 0.8 < seconds < AT_ONCE


async def test_refused_connects_do_not_prolong(echo: EchoServer) -> None:
    ws = await echo.open()
    start = time.monotonic()
    ws.send("40/random,")
    await ws.receive()
    code, _ = await ws.closed()
    assert code == 1008
    assert time.monotonic() - start < AT_ONCE


@pytest.mark.parametrize(
    "text",
    ["4", "4abc", "47", '42["message"]', "41", "431[]", '42/custom,["message"]', "40[]", "401", '40"x"', "40{", "44{}"],
)
async def test_bad_handshake_closes(echo: EchoServer, text: str) -> None:
    ws = await echo.open()
    ws.send(text)
    await closes(ws)


async def test_binary_before_connect_closes(echo: EchoServer) -> None:
    ws = await echo.open()
    ws.send(b"x")
    await closes(ws)


async def test_a_second_connect_closes(echo: EchoServer) -> None:
    ws = await echo.join()
    ws.send("40")
    await closes(ws)


async def test_ten_thousand_namespaces(echo: EchoServer) -> None:
    ws = await echo.open()
    for number in range(10_000):
        ws.send(f"40/{number},")
    answers = 0
    with contextlib.suppress(ClosedError):
        while True:
            assert str(await ws.receive()).startswith("44/")
            answers += 1
    assert answers < 20


# Disconnect


async def test_disconnect_keeps_the_connection(echo: EchoServer) -> None:
    async with await echo.join() as ws:
        ws.send("41")
        assert await ws.receive(pings=True) == "2"
        ws.send("3")
        ws.send("40")
        assert str(await ws.receive()).startswith("40{")


async def test_disconnect_from_one_of_two(echo: EchoServer) -> None:
    async with await echo.join() as ws:
        ws.send("40/custom,")
        await ws.receive()
        await ws.receive()
        ws.send("41/custom")
        ws.send('42["message","to main"]')
        assert await ws.receive() == '42["message-back","to main"]'


async def test_after_the_last_disconnect_the_connect_timeout_runs(echo: EchoServer) -> None:
    ws = await echo.join()
    ws.send("41")
    code, seconds = await ws.closed()
    assert code == 1008
    assert 0.8 < seconds < AT_ONCE


async def test_events_after_disconnect_close(echo: EchoServer) -> None:
    ws = await echo.join()
    ws.send("41")
    ws.send('42["message"]')
    await closes(ws)


async def test_a_server_side_disconnect(echo: EchoServer) -> None:
    async with await echo.join() as ws:
        ws.send('42["disconnect-me"]')
        ws.send('42["message","crossed it"]')
        assert await ws.receive() == "41"
        ws.send('42["message","late"]')
        ws.send("40")
        assert str(await ws.receive()).startswith("40{")


# Events and acks


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ('42["message"]', '42["message-back"]'),
        ('42["message",1,"2",{"3":[true]}]', '42["message-back",1,"2",{"3":[true]}]'),
        ('42["message",9007199254740993]', '42["message-back",9007199254740993]'),
        ('42["message","€😀"]', '42["message-back","€😀"]'),
        ('42456["message-with-ack",1,"2",{"3":[false]}]', '43456[1,"2",{"3":[false]}]'),
        ('420["message-with-ack"]', "430[]"),
        ('429999999999999999["message-with-ack"]', "439999999999999999[]"),
        ('421["unknown"]', "431[]"),
        ('421["__proto__"]', "431[]"),
    ],
)
async def test_events_and_acks(echo: EchoServer, sent: str, received: str) -> None:
    async with await echo.join() as ws:
        ws.send(sent)
        assert await ws.receive() == received


async def test_binary_events_and_acks(echo: EchoServer) -> None:
    async with await echo.join() as ws:
        ws.send(f'452-["message",{P0},{P1}]')
        ws.send(b"\x01\x02\x03")
        ws.send(b"\x04\x05\x06")
        assert await ws.receive() == f'452-["message-back",{P0},{P1}]'
        assert [await ws.receive(), await ws.receive()] == [b"\x01\x02\x03", b"\x04\x05\x06"]
        ws.send(f'451-789["message-with-ack",{{"x":[{P0}]}}]')
        ws.send(b"")
        assert await ws.receive() == f'461-789[{{"x":[{P0}]}}]'
        assert await ws.receive() == b""


async def test_binary_over_polling(echo: EchoServer) -> None:
    sid = await echo.sid()
    body = f'40\x1e451-7["message-with-ack",{P0}]\x1ebAQIDBA=='.encode()
    assert (await request(echo.session(sid), "POST", body)).text == "ok"
    got: list[str] = []
    while "bAQIDBA==" not in got:
        got += (await request(echo.session(sid))).text.split("\x1e")
    assert got[-2:] == [f"461-7[{P0}]", "bAQIDBA=="]
    await request(echo.session(sid), "POST", b"1")


async def test_two_thousand_events_keep_their_order(echo: EchoServer) -> None:
    async with await echo.join() as ws:
        for number in range(2_000):
            ws.send(f'42{number}["message-with-ack",{number}]')
        assert [await ws.receive() for _ in range(2_000)] == [f"43{number}[{number}]" for number in range(2_000)]


async def test_acks_never_asked_for_are_ignored(echo: EchoServer) -> None:
    async with await echo.join() as ws:
        for _ in range(2):
            ws.send("431[]")
        ws.send(f"461-1[{P0}]")
        ws.send(b"x")
        await works(ws)


# What must close at once: B41 to B55

BAD_TEXT = [
    *[
        "4",
        "4abc",
        "47",
        "4-",
        "42",
        "42{}",
        "42[]",
        "42null",
        '42"x"',
        "42[1]",
        "42[null]",
        '42["x"',
        '42["x"]x',
        "42[0]",
    ],
    *['42["connect"]', '42["disconnect","x"]', '42["connect_error"]', '42["disconnecting"]', '42["newListener"]'],
    *['42["removeListener"]', '42["\\u0063onnect"]', '42["' + "n" * 900_000 + '"]'],
    *['42abc["x"]', '42²["x"]', '42٣["x"]', '42-1["x"]', "42" + "1" * 101 + '["x"]', '4218446744073709551616["x"]'],
    *["43[]", "431", "431{}", '44{"message":"x"}', "41{}", "40"],
    *['450-["x"]', f'45["x",{P0}]', '4511-["x"]', '4510000000000-["x"]', '459999999999-["x"]', '45-["x"]', '451["x"]'],
    *[f'42["x",{P0}]', f"431[{P0}]", '42["x",{"_placehold\\u0065r":true,"num":0}]'],
    *['42["x",NaN]', '42["x",Infinity]', '42["x",-Infinity]', '42["x",1e400]', '42["x",' + "9" * 5_000 + "]"],
    *['42["x",' + "[" * 33 + "]" * 33 + "]", '42["x",' + "[" * 100_000, '42["x","\\ud800"]'],
    '42["x",{' + ",".join(f'"{n}":1' for n in range(70_000)) + "}]",
]


@pytest.mark.parametrize("text", BAD_TEXT, ids=lambda text: text[:30])
async def test_bad_packets_close_at_once(echo: EchoServer, text: str) -> None:
    ws = await echo.join()
    ws.send(text)
    await closes(ws)


@pytest.mark.parametrize("number", ["-1", "99", '"a"', '"0"', "1.5", "true", "null", "{}"])
async def test_bad_placeholders_close_at_once(echo: EchoServer, number: str) -> None:
    ws = await echo.join()
    ws.send('451-["message",{"_placeholder":true,"num":' + number + "}]")
    ws.send(b"x")
    await closes(ws)


@pytest.mark.parametrize(
    "frames",
    [
        [f'452-["message",{P0},{P0}]', b"x", b"y"],
        [f'451-["message",{P0},{P0}]', b"x"],
        ['451-["message"]', b"x"],
        [f'452-["message",{P0}]', b"x", b"y"],
        [f'451-["message",{P0}]', '42["message"]'],
        [f'451-["message",{P0}]', f'451-["message",{P0}]'],
        [f'451-["message",{P0}]', "41"],
        [b"x"],
        [f'451-["message",{P0}]', b"x", b"y"],
        [f'452-["message",{P0},{P1}]', b"x" * 600_000, b"y" * 600_000],
    ],
    ids=range(10),
)
async def test_bad_sequences_close_at_once(echo: EchoServer, frames: list[str | bytes]) -> None:
    ws = await echo.join()
    for frame in frames:
        ws.send(frame)
    while True:  # an event that was whole may be answered first
        try:
            await ws.receive(AT_ONCE)
        except ClosedError:
            return


async def test_a_bad_packet_over_polling(echo: EchoServer) -> None:
    sid = await echo.sid()
    assert (await request(echo.session(sid), "POST", b"40\x1e42[]")).status == 400
    assert (await request(echo.session(sid))).status == 400


async def test_attachments_without_end_are_not_kept(echo: EchoServer) -> None:
    ws = await echo.join()
    ws.send('459999999999-["x"]')
    for _ in range(20):
        ws.send(b"x" * 900_000)
    code, _ = await ws.closed()
    assert code in (1002, None)


async def test_good_neighbours_feel_nothing(echo: EchoServer) -> None:
    async with await echo.join() as witness:
        for text in BAD_TEXT:
            ws = await echo.join()
            ws.send(text)
            await works(witness)
            await ws.close()
