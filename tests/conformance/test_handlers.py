"""What `realtime` promises to an application's handlers: order, acks, back-pressure, one farewell."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from tests.support.process import eventually
from tests.support.raw_client import ClosedError, RawWebSocket, open_request, request

from hubbub.realtime import (
    Args,
    ConnectRefused,
    Options,
    Realtime,
    Socket,
    broadcast,
    encode_event,
    encode_event_json,
)


@dataclass
class App:
    """Handlers whose behaviour a test sets, and what happened to them."""

    on_connect: Callable[[Socket, Any], Awaitable[None]] | None = None
    on_event: Callable[[Socket, str, list[Any]], Awaitable[Any]] | None = None
    sockets: list[Socket] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    farewells: list[tuple[Socket, str]] = field(default_factory=list)

    async def connect(self, socket: Socket, auth: Any) -> None:
        if self.on_connect is not None:
            await self.on_connect(socket, auth)
        self.sockets.append(socket)

    async def event(self, socket: Socket, name: str, args: list[Any]) -> Any:
        assert socket not in [gone for gone, _ in self.farewells], "nothing after the farewell"
        self.events.append(args[0] if args else name)
        return await self.on_event(socket, name, args) if self.on_event is not None else None

    def disconnected(self, socket: Socket, reason: str) -> None:
        self.farewells.append((socket, reason))


@asynccontextmanager
async def serving(app: App, **options: Any) -> AsyncIterator[tuple[Realtime, str]]:
    """The application in this process, on a free port; nothing may be left of it at the end."""
    realtime = Realtime(
        Options(cors_origins="*", **options), {"/": app, "/other": app}, on_error=lambda error: {"error": str(error)}
    )

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await realtime(scope, receive, send)

    config = uvicorn.Config(
        asgi,
        port=0,
        ws=realtime.protocol_factory,
        http="httptools",
        lifespan="off",
        log_level="warning",  # type: ignore[arg-type]
    )
    server = uvicorn.Server(config)
    server.config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield realtime, f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport="
        await eventually(lambda: (realtime.connections, realtime.transports, realtime.tasks) == (0, 0, 0))
        assert len(app.farewells) == len(app.sockets), "one farewell for each socket that was joined"
        assert len({id(socket) for socket, _ in app.farewells}) == len(app.farewells)
    finally:
        await realtime.close(1)
        await server.shutdown()


@asynccontextmanager
async def joined(url: str, connect: str = "40") -> AsyncIterator[RawWebSocket]:
    async with await RawWebSocket.connect(url + "websocket") as ws:
        await ws.receive()
        ws.send(connect)
        assert str(await ws.receive()).startswith("40")
        yield ws


async def test_what_is_emitted_while_connecting_follows_the_answer() -> None:
    async def on_connect(socket: Socket, auth: Any) -> None:
        socket.emit("first", auth)
        await asyncio.sleep(0)
        socket.emit("second")

    async with serving(App(on_connect)) as (_, url), joined(url, '40{"a":1}') as ws:
        assert [await ws.receive(), await ws.receive()] == ['42["first",{"a":1}]', '42["second"]']


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (ConnectRefused("no"), '44{"message":"no"}'),
        (ConnectRefused("no", {"code": "x"}), '44{"message":"no","data":{"code":"x"}}'),
        (ValueError("secret"), '44{"message":"Internal error"}'),
    ],
)
async def test_refusing(error: Exception, answer: str, caplog: pytest.LogCaptureFixture) -> None:
    async def on_connect(socket: Socket, auth: Any) -> None:
        socket.emit("never seen")
        raise error

    app = App(on_connect)
    async with serving(app) as (_, url), await RawWebSocket.connect(url + "websocket") as ws:
        await ws.receive()
        ws.send("40")
        ws.send('42["dropped"]')
        assert await ws.receive() == answer
        ws.send("40")
        assert await ws.receive() == answer
    assert app.events == []
    assert app.farewells == []


async def test_refusing_without_end_closes() -> None:
    async def on_connect(socket: Socket, auth: Any) -> None:
        raise ConnectRefused("no")

    async with serving(App(on_connect)) as (_, url), await RawWebSocket.connect(url + "websocket") as ws:
        await ws.receive()
        with pytest.raises(ClosedError):  # noqa: PT012 - it is refused some times before
            for _ in range(100):
                ws.send("40")
                await ws.receive()


async def test_two_thousand_events_with_slow_handlers_keep_their_order() -> None:
    async def on_event(socket: Socket, name: str, args: list[Any]) -> Any:
        if random.random() < 0.1:
            await asyncio.sleep(random.random() * 0.002)
        return args[0]

    app = App(on_event=on_event)
    async with serving(app) as (_, url), joined(url) as ws:
        for number in range(2_000):
            ws.send(f'42{number}["n",{number}]')
        acks = [await ws.receive() for _ in range(2_000)]
    assert acks == [f"43{number}[{number}]" for number in range(2_000)]
    assert app.events == list(range(2_000))


async def test_acks_of_every_kind() -> None:
    pending: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    broken: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def on_event(socket: Socket, name: str, args: list[Any]) -> Any:
        match name:
            case "args":
                return Args((1, b"2"))
            case "pending":
                return pending
            case "broken":
                return broken
            case "raise":
                raise ValueError("it broke")
            case "unspeakable":
                return object()
        return args

    async with serving(App(on_event=on_event)) as (_, url), joined(url) as ws:
        ws.send('421["pending"]')
        ws.send('422["broken"]')
        ws.send('423["args"]')
        assert await ws.receive() == '461-3[1,{"_placeholder":true,"num":0}]'
        assert await ws.receive() == b"2"
        ws.send('424["raise"]')
        assert await ws.receive() == '434[{"error":"it broke"}]'
        ws.send('42["raise"]')
        ws.send('425["unspeakable"]')
        assert str(await ws.receive()).startswith('435[{"error":')
        broken.set_exception(ValueError("later"))
        assert await ws.receive() == '432[{"error":"later"}]'
        pending.set_result({"ok": True})
        assert await ws.receive() == '431[{"ok":true}]'


async def test_unanswered_events_are_limited_and_nobody_times_out_for_it() -> None:
    waiting: list[asyncio.Future[Any]] = []

    async def on_event(socket: Socket, name: str, args: list[Any]) -> Any:
        waiting.append(asyncio.get_running_loop().create_future())
        return waiting[-1]

    app = App(on_event=on_event)
    limits = {"inbox_max": 8, "ping_interval_ms": 150, "ping_timeout_ms": 100}
    async with serving(app, **limits) as (realtime, url), joined(url) as ws:
        for number in range(2_000):
            ws.send(f'42{number}["n","{number}{"x" * 1_000}"]')
        await eventually(lambda: len(waiting) == 8)
        await asyncio.sleep(0.6)  # two ping timeouts pass while reading is paused: time itself is what is tested
        assert len(waiting) == 8
        assert realtime.connections == 1
        assert realtime.stats.messages_in < 1_000, "the rest waits in the sockets' buffers"

        async def answer() -> None:
            for done in range(2_000):
                await eventually(lambda done=done: len(waiting) > done)
                assert len([future for future in waiting if not future.done()]) <= 8
                waiting[done].set_result(done)

        answering = asyncio.ensure_future(answer())
        assert [await ws.receive() for _ in range(2_000)] == [f"43{number}[{number}]" for number in range(2_000)]
        await answering


async def test_a_post_is_not_answered_while_too_much_is_unanswered() -> None:
    gate = asyncio.Event()

    async def on_event(socket: Socket, name: str, args: list[Any]) -> Any:
        await gate.wait()

    app = App(on_event=on_event)
    async with serving(app, inbox_max=4) as (_, url):
        hello = (await request(url + "polling")).text
        session = f"{url}polling&sid={json.loads(hello[1:])['sid']}"
        body = "\x1e".join(["40", *(f'42["n",{number}]' for number in range(20))]).encode()
        reader, writer = await open_request(session, "POST", body)
        await eventually(lambda: app.events == [0])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        gate.set()
        assert (await reader.read()).endswith(b"ok")
        writer.close()
        await eventually(lambda: len(app.events) == 20)
        await request(session, "POST", b"1")


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("41", "client namespace disconnect"),
        ("1", None),
        ("close frame", "transport close"),
        ("reset", None),
        ("42{}", "parse error"),
        ('42["leave"]', "server namespace disconnect"),
        ('42["drop"]', "because"),
    ],
)
async def test_one_farewell_with_its_reason(end: str, reason: str | None) -> None:
    async def on_event(socket: Socket, name: str, args: list[Any]) -> Any:
        if name == "leave":
            socket.disconnect()
            socket.disconnect()
        elif name == "drop":
            socket.close("because")
            socket.close("again")
        socket.emit("into the void")

    app = App(on_event=on_event)
    async with serving(app) as (_, url):
        async with joined(url) as ws:
            if end == "close frame":
                ws.frame(8, b"\x03\xe8")
            elif end == "reset":
                ws.abort()
            else:
                ws.send(end)
            await eventually(lambda: len(app.farewells) == 1)
        assert not app.sockets[0].connected
        app.sockets[0].emit("nobody hears this")
        app.sockets[0].disconnect()
        app.sockets[0].close("late")
    assert reason is None or app.farewells[0][1] == reason


async def test_the_farewell_comes_after_the_running_handler() -> None:
    entered, gate = asyncio.Event(), asyncio.Event()

    async def on_event(socket: Socket, name: str, args: list[Any]) -> Any:
        entered.set()
        await gate.wait()
        assert not app.farewells
        assert not socket.connected

    app = App(on_event=on_event)
    async with serving(app) as (realtime, url):
        async with joined(url) as ws:
            ws.send('421["n",1]')
            ws.send('422["n",2]')
            await entered.wait()
        await eventually(lambda: realtime.connections == 0)
        assert app.farewells == []
        gate.set()
        await eventually(lambda: len(app.farewells) == 1)
    assert app.events == [1], "what had not begun is dropped"


async def test_a_client_that_leaves_while_connecting_gets_its_farewell() -> None:
    entered, gate = asyncio.Event(), asyncio.Event()

    async def on_connect(socket: Socket, auth: Any) -> None:
        entered.set()
        await gate.wait()

    app = App(on_connect)
    async with serving(app) as (realtime, url):
        async with await RawWebSocket.connect(url + "websocket") as ws:
            await ws.receive()
            ws.send("40")
            await entered.wait()
        await eventually(lambda: realtime.connections == 0)
        gate.set()
        await eventually(lambda: len(app.farewells) == 1)


async def test_pending_acks_of_a_client_that_left_are_let_go() -> None:
    futures: list[asyncio.Future[Any]] = []

    async def on_event(socket: Socket, name: str, args: list[Any]) -> Any:
        futures.append(asyncio.get_running_loop().create_future())
        return futures[-1]

    app = App(on_event=on_event)
    async with serving(app) as (realtime, url):
        async with joined(url) as ws:
            for number in range(3):
                ws.send(f'42{number}["n"]')
            await eventually(lambda: len(futures) == 3)
        await eventually(lambda: realtime.connections == 0)
        futures[0].set_result(1)
        futures[1].cancel()
        futures[2].set_exception(ValueError("late"))
        await asyncio.sleep(0)


async def test_broadcast_reaches_everyone_in_order_with_one_write_for_many() -> None:
    app = App()
    async with serving(app) as (realtime, url):
        clients = [await RawWebSocket.connect(url + "websocket") for _ in range(20)]
        for ws in clients:
            await ws.receive()
            ws.send("40")
            await ws.receive()
        before = realtime.stats.writes
        for number in range(100):
            assert broadcast(app.sockets, encode_event("/", "n", [number])) == 20
        broadcast(app.sockets, encode_event("/", "blob", [b"x", {"deep": [b"y"]}]))
        broadcast(app.sockets, encode_event_json("/", "json", [b'{"a":1}', b"2"]))
        for ws in clients:
            assert [await ws.receive() for _ in range(100)] == [f'42["n",{number}]' for number in range(100)]
            assert str(await ws.receive()).startswith('452-["blob",')
            assert [await ws.receive(), await ws.receive()] == [b"x", b"y"]
            assert await ws.receive() == '42["json",{"a":1},2]'
            await ws.close()
        assert realtime.stats.writes - before <= 40


@pytest.mark.parametrize("end", ["close frame", "broken frame", "1"])
async def test_a_client_that_leaves_while_frames_wait(end: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(app := App(), flush_tick_ms=500) as (_, url), joined(url) as ws:
        app.sockets[0].emit("waits for the tick")
        if end == "close frame":
            ws.frame(8, b"\x03\xe8")
        elif end == "broken frame":
            ws.frame(3, b"")
        else:
            ws.send(end)
        await eventually(lambda: len(app.farewells) == 1)
        await ws.closed()
    assert app.farewells[0][1] == ("parse error" if end == "broken frame" else "transport close")
    assert not caplog.records


async def test_a_slow_reader_is_told_apart_and_hurts_nobody() -> None:
    app = App()
    limits = {"outbox_bytes": 65_536, "ping_interval_ms": 60_000}
    async with serving(app, **limits) as (realtime, url), joined(url) as slow, joined(url) as quick:
        message = encode_event("/", "n", ["x" * 20_000])
        for _ in range(2_000):
            broadcast(app.sockets, message)
            await quick.receive()
            if realtime.stats.closed["slow"]:
                break
        assert [reason for _, reason in app.farewells] == ["slow"]
        slow.abort()
    assert realtime.stats.closed["slow"] == 1


async def test_one_message_larger_than_the_outbox_reaches_a_client_that_reads() -> None:
    async with serving(app := App(), outbox_bytes=65_536) as (_, url), joined(url) as ws:
        app.sockets[0].emit("before")
        app.sockets[0].emit("page", "x" * 500_000)
        app.sockets[0].emit("after")
        assert await ws.receive() == '42["before"]'
        assert len(await ws.receive()) > 500_000
        assert await ws.receive() == '42["after"]'


async def test_closing_all() -> None:
    app = App()
    async with serving(app) as (realtime, url), joined(url) as ws:
        await realtime.close(1)
        assert (await ws.closed())[0] == 1001
        assert [reason for _, reason in app.farewells] == ["server shutting down"]
        with pytest.raises(ConnectionRefusedError) as refused:
            await RawWebSocket.connect(url + "websocket")
        assert refused.value.args[0].status == 503
