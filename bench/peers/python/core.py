"""Hubbub's real-time core alone: a relay like `peers/node/relay.mjs`, without chat, accounts or database.

What a message costs and how long it takes before anything is stored. On the server of the protocol suites.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import uvicorn
import uvloop
from tests.conformance.echo_app import Echo, Server, make_app

from hubbub.realtime import Options, Realtime, Socket, broadcast, encode_event


class Relay(Echo):
    """Rooms, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms: dict[str, set[Socket]] = {}

    async def connect(self, socket: Socket, auth: Any) -> None:
        self.joined += 1
        socket.data = {"userId": str(uuid4()), "username": auth["username"]}

    async def event(self, socket: Socket, name: str, args: list[Any]) -> Any:
        data = args[0]
        room = data["room"]
        place = {"success": True, "room": room}
        if name == "join":
            self.rooms.setdefault(room, set()).add(socket)
            return place
        message = {"id": str(uuid4()), "room": room, **socket.data, **data}
        broadcast(self.rooms[room], encode_event("/", "receive-message", [message]))
        return place

    def disconnected(self, socket: Socket, reason: str) -> None:
        self.parted += 1
        for members in self.rooms.values():
            members.discard(socket)


async def serve() -> None:
    """Listen on a free port and say which."""
    relay = Relay()
    realtime = Realtime(Options(), {"/": relay})
    config = uvicorn.Config(
        make_app(realtime, relay),
        port=0,
        ws=realtime.protocol_factory,  # type: ignore[arg-type]
        http="httptools",
        log_level="warning",
        access_log=False,
    )
    listener = config.bind_socket()
    print(f"ready on port {listener.getsockname()[1]}", flush=True)
    await Server(config, realtime).serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
