"""The real-time core alone, without chat or database, for protocol suites and real clients.

    python tests/conformance/echo_app.py --port 3000 --ping-interval 300 --ping-timeout 200 --connect-timeout 1000

On connection to `/` and to `/custom` it emits `auth` with the auth payload received; both answer the event `message`
with `message-back` and the same arguments, and acknowledge `message-with-ack` with the same arguments. Other
namespaces are refused. With `--engine-only` it echoes Engine.IO messages, text and binary, at `/engine.io/`.
It prints its address when it is ready; `GET /counts` tells what is open, for tests that look for leaks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket as sockets
from collections.abc import Callable
from typing import Any

import uvicorn

from hubbub.realtime import Args, Connection, Encoded, Handler, Options, Realtime, Socket


class Echo:
    """The handlers of both namespaces."""

    def __init__(self) -> None:
        self.joined = 0
        self.parted = 0

    async def connect(self, socket: Socket, auth: Any) -> None:
        self.joined += 1
        socket.emit("auth", auth)

    async def event(self, socket: Socket, name: str, args: list[Any]) -> Any:
        if name == "message":
            socket.emit("message-back", *args)
        elif name == "message-with-ack":
            return Args(args)
        elif name == "disconnect-me":
            socket.disconnect()
        elif name == "close-me":
            socket.close("asked to")
        return None

    def disconnected(self, socket: Socket, reason: str) -> None:
        self.parted += 1


class EngineEcho:
    """Engine.IO messages back to where they came from."""

    deadline = None
    is_idle = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def message(self, data: str | bytes) -> None:
        self._connection.send(Encoded(None, (data,)) if isinstance(data, bytes) else Encoded(b"4" + data.encode()))

    def closed(self, reason: str) -> None:
        pass


def make_app(realtime: Realtime, echo: Echo) -> Callable[..., Any]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["path"].startswith(realtime.options.path):
            await realtime(scope, receive, send)
        else:
            body = json.dumps(counts(realtime, echo)).encode() if scope["path"] == "/counts" else b""
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200 if body else 404, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return app


def counts(realtime: Realtime, echo: Echo) -> dict[str, Any]:
    """What is open now, and what was counted."""
    return {
        "connections": realtime.connections,
        "transports": realtime.transports,
        "tasks": realtime.tasks,
        "sockets": echo.joined - echo.parted,
        "all_tasks": len(asyncio.all_tasks()),
        "opened": realtime.stats.opened,
        "closed": dict(realtime.stats.closed),
        "compressed": realtime.stats.compressed,
        "compressed_messages": realtime.deflater.messages,
    }


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


class Server(uvicorn.Server):
    """Closes the sockets before uvicorn waits for requests to end; a poll would wait for its next ping."""

    def __init__(self, config: uvicorn.Config, realtime: Realtime) -> None:
        super().__init__(config)
        self._realtime = realtime

    async def shutdown(self, sockets: list[sockets.socket] | None = None) -> None:
        await self._realtime.close(1)
        await super().shutdown(sockets)


async def serve(arguments: argparse.Namespace) -> None:
    options = Options(
        path="/engine.io/" if arguments.engine_only else "/socket.io/",
        ping_interval_ms=arguments.ping_interval,
        ping_timeout_ms=arguments.ping_timeout,
        connect_timeout_ms=arguments.connect_timeout,
        upgrade_timeout_ms=arguments.upgrade_timeout,
        outbox_bytes=arguments.outbox_bytes,
        cors_origins=tuple(arguments.origin) or "*",
        compression=arguments.compression,
    )
    echo = Echo()
    engine: Callable[[Connection], Handler] | None = EngineEcho if arguments.engine_only else None
    realtime = Realtime(options, {"/": echo, "/custom": echo}, engine=engine)
    config = uvicorn.Config(
        make_app(realtime, echo),
        host=arguments.host,
        port=arguments.port,
        ws=realtime.protocol_factory,  # type: ignore[arg-type]
        http="httptools",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    listener = config.bind_socket()
    host, port = listener.getsockname()[:2]
    server = Server(config, realtime)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    print(f"http://{host}:{port}{options.path}", flush=True)  # noqa: T201
    await serving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3000, help="0 takes a free one")
    parser.add_argument("--ping-interval", type=int, default=300, metavar="MS")
    parser.add_argument("--ping-timeout", type=int, default=200, metavar="MS")
    parser.add_argument("--connect-timeout", type=int, default=1000, metavar="MS")
    parser.add_argument("--upgrade-timeout", type=int, default=10_000, metavar="MS")
    parser.add_argument("--outbox-bytes", type=int, default=1_048_576)
    parser.add_argument("--origin", action="append", default=[], help="allow this origin only; may be repeated")
    parser.add_argument("--compression", action="store_true", help="compress WebSockets of clients that offer it")
    parser.add_argument("--engine-only", action="store_true", help="Engine.IO alone, echoing, at /engine.io/")
    arguments = parser.parse_args()
    runner = asyncio.Runner(loop_factory=loop_factory())
    with runner:
        runner.run(serve(arguments))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
