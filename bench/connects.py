"""What a connect costs, a return of everybody at once, and an idle connection: Hubbub beside Node socket.io.

    python -m bench.connects [--connections 2000] [--rounds 3] [--rooms 1] [--servers hubbub,node-relay]

Each client does what an official one does over WebSocket: handshake, CONNECT with its token, and then waits until it is
in its room (Hubbub says so with `ready`; the relay is asked to `join`). After a return each client of Hubbub also calls
`sync` with its cursor. Processor time is the server's, from the kernel's account; memory is its proportional set size,
before the first connect and with everybody idle. Rounds are interleaved, every server fresh in each of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import psutil  # type: ignore[import-untyped]
import uvloop

from bench import cpu
from bench.database import BenchDatabase, Person, Room, bench_database
from bench.load.frames import frame
from bench.targets import HUBBUB, TARGETS, Target

_AT_ONCE = 64  # handshakes in progress, as far as the client is concerned
_SETTLE_SECONDS = 3.0  # for what connecting sets off: presence, rows, lists of who is here
_HELLO = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade"
    b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_READY = re.compile(rb'"epoch":"([^"]+)".*?"rooms":\[\{"roomId":"([^"]+)".*?"seq":(\d+)')


class Client(asyncio.Protocol):
    """One client; `live` is done when it is in its room, `synced` when its `sync` was answered."""

    __slots__ = ("_auth", "_data", "_join", "live", "synced", "transport")

    transport: asyncio.Transport

    def __init__(self, auth: dict[str, str], join: str | None) -> None:
        loop = asyncio.get_running_loop()
        self._auth = frame(b"40" + json.dumps(auth).encode())
        self._join = None if join is None else frame(b'420["join",{"room":%b}]' % json.dumps(join).encode())
        self._data = b""
        self.live: asyncio.Future[bytes] = loop.create_future()
        self.synced: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(_HELLO)

    def data_received(self, data: bytes) -> None:
        if self.live.done():
            if not self.synced.done() and b'431[{"success":true' in data:
                self.synced.set_result(None)
            return
        self._data += data
        if self._auth and b"pingInterval" in self._data:
            self.transport.write(self._auth)
            self._auth = b""
        elif self._join and b'40{"sid"' in self._data:
            self.transport.write(self._join)
            self._join = None
        elif b"430[" in self._data or _READY.search(self._data):
            self.live.set_result(self._data)
            self._data = b""

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.live.done():
            self.live.set_exception(ConnectionError("closed before it was live"))

    def sync(self) -> None:
        """Ask what was missed since `ready`."""
        found = _READY.search(self.live.result())
        assert found is not None
        command = {"epoch": found[1].decode(), "rooms": {found[2].decode(): int(found[3])}}
        self.transport.write(frame(b'421["sync",%b]' % json.dumps(command).encode()))


async def _connect(port: int, people: Sequence[tuple[dict[str, str], str | None]], sync: bool) -> list[Client]:
    turn = asyncio.Semaphore(_AT_ONCE)
    loop = asyncio.get_running_loop()

    async def one(auth: dict[str, str], join: str | None) -> Client:
        async with turn:
            _, client = await loop.create_connection(lambda: Client(auth, join), "127.0.0.1", port)
            await client.live
            if sync:
                client.sync()
                await client.synced
            return client

    async with asyncio.timeout(300):
        return list(await asyncio.gather(*(one(*person) for person in people)))


def _memory(pid: int) -> int:
    return int(psutil.Process(pid).memory_full_info().pss)


async def _measure(
    target: Target, database: BenchDatabase, folder: Path, people: Sequence[tuple[Person, Room]]
) -> dict[str, float]:
    """One server, once: first connect of all, idle, all cut, return of all; microseconds and bytes per connection."""
    plan = [(target.auth(person), None if target is HUBBUB else room.name) for person, room in people]
    await database.calm()
    process = target.make(database, folder)
    async with process:
        assert process.match is not None
        port, pid, count = int(process.match[1]), process.pid, len(plan)
        for client in await _connect(port, plan[:20], sync=False):  # what is done once, at the first of its kind
            client.transport.abort()
        await asyncio.sleep(_SETTLE_SECONDS)
        empty = _memory(pid)
        database_before = cpu.taken(database.pid)
        before = cpu.taken(pid)
        clients = await _connect(port, plan, sync=False)
        connected = cpu.taken(pid)
        await asyncio.sleep(_SETTLE_SECONDS)
        settled = cpu.taken(pid)
        database_after = cpu.taken(database.pid)
        full = _memory(pid)
        for client in clients:
            client.transport.abort()
        await asyncio.sleep(0.2)
        cut = cpu.taken(pid)
        random.shuffle(plan)
        clients = await _connect(port, plan, sync=target is HUBBUB)
        returned = cpu.taken(pid)
        for client in clients:
            client.transport.abort()
    micro = 1e6 / count
    first, later, again = cpu.since(before, connected), cpu.since(connected, settled), cpu.since(cut, returned)
    sql = cpu.since(database_before, database_after)
    return {
        "connect user": first["user"] * micro,
        "connect system": first["system"] * micro,
        "after user": later["user"] * micro,
        "return user": again["user"] * micro,
        "return system": again["system"] * micro,
        "postgres": (sql["user"] + sql["system"]) * micro,
        "bytes": (full - empty) / count,
    }


async def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    names = arguments.servers.split(",")
    targets = [target for target in TARGETS if target.name in names]
    for target in targets:
        target.prepare()
    found: dict[str, list[dict[str, float]]] = {target.name: [] for target in targets}
    with tempfile.TemporaryDirectory(prefix="hubbub-connects-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        async with bench_database(folder / "postgres") as database:
            rooms = await database.furnish("door", arguments.rooms, arguments.connections // arguments.rooms)
            people = [(person, room) for room in rooms for person in room.people]
            for number in range(arguments.rounds):
                for target in targets:
                    figures = await _measure(target, database, folder, people)
                    found[target.name].append(figures)
                    print(f"round {number + 1}, {target.label}: {_shown(figures)}", flush=True)
    return {
        name: {figure: statistics.median(one[figure] for one in rounds) for figure in rounds[0]}
        for name, rounds in found.items()
    }


def _shown(figures: dict[str, float]) -> str:
    return " · ".join(f"{name} {value:,.0f}" for name, value in figures.items())


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m bench.connects", description="The cost of connecting.")
    parser.add_argument("--connections", type=int, default=2_000)
    parser.add_argument("--rooms", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", default="hubbub,node-relay")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        medians = runner.run(_run(parser.parse_args()))
    print("medians; microseconds and bytes per connection:")
    for name, figures in medians.items():
        print(f"  {name}: {_shown(figures)}")


if __name__ == "__main__":
    main()
