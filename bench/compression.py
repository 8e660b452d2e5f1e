"""What permessage-deflate costs and saves: `python -m bench.compression`, about two minutes.

One room of 200 readers, one of whom sends, four messages in flight; the whole server, with HUBBUB_COMPRESSION off and
on in turn, rounds interleaved, for bodies of several sizes made of English words (from this repository's own pages, the
same in every run). Prints a Markdown table: bytes to a reader and CPU of the server for each delivery, and what it takes
to compress such a message once, and to inflate it. Before: `database.py`, `targets.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import uvloop

from bench import cpu
from bench.database import Room, bench_database
from bench.load.frames import frame
from bench.targets import HUBBUB
from hubbub.wire.websocket_deflate import deflate, inflate

ROOT: Final = Path(__file__).resolve().parents[1]
READERS: Final = 200
WINDOW: Final = 4
WARM: Final = 1.0
SIZES: Final = (20, 100, 1_000, 8_000)
_EVENT: Final = b'42["receive-message"'
_PONG: Final = frame(b"3")


@dataclass(slots=True)
class Hall:
    """All readers, and what they have received."""

    port: int
    offer: bool
    bodies: list[str]
    run_id: str = field(
        default_factory=lambda: os.urandom(6).hex()
    )  # a clientId that came before would be a repetition
    deliveries: int = 0
    compressed: int = 0
    received: int = 0
    inflated: dict[bytes, bytes] = field(default_factory=dict)

    def open(self, payload: bytes) -> bytes:
        """A compressed message; each is inflated once for all readers, so that this process is not the bottleneck."""
        text = self.inflated.get(payload)
        if text is None:
            if len(self.inflated) > 500:
                self.inflated.clear()
            text = self.inflated[payload] = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
        return text


class Reader(asyncio.Protocol):
    """One member; the first is the sender as well."""

    transport: asyncio.Transport

    def __init__(self, hall: Hall, token: str, room: str) -> None:
        self.hall = hall
        self.token = token
        self.room = room
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sends = False
        self.sent = self.acked = self.own = 0
        self._rest = b""
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        transport = self.transport
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" if self.hall.offer else ""
        transport.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{self.hall.port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n{offer}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.hall.received += len(data)
        data = self._rest + data
        if not self._upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            assert (b"permessage-deflate" in head) is self.hall.offer, head
            self._upgraded = True
        at = 0
        while len(data) - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if start + length > len(data):
                break
            self._message(data[at], data[start : start + length])
            at = start + length
        self._rest = data[at:]

    def _message(self, first: int, payload: bytes) -> None:
        if first & 0x40:
            self.hall.compressed += 1
            payload = self.hall.open(payload)
        if payload.startswith(_EVENT):
            self.hall.deliveries += 1
            self.own += 1
            self.pump()
        elif payload.startswith(b"430"):
            self.joined.set_result(None)
        elif payload.startswith(b"43"):
            assert b'"success":true' in payload, payload
            self.acked += 1
            self.pump()
        elif payload == b"2":
            self.transport.write(_PONG)
        elif payload.startswith(b"40"):
            self.transport.write(frame(b'420["join",{"room":%b}]' % json.dumps(self.room).encode()))
        elif payload.startswith(b"0"):
            self.transport.write(frame(b"40" + json.dumps({"token": self.token}).encode()))

    def pump(self) -> None:
        """Send as many as the window lets: a message is in flight until its ack and its own copy are back."""
        while self.sends and self.sent - min(self.acked, self.own) < WINDOW:
            self.sent += 1
            body = self.hall.bodies[self.sent % len(self.hall.bodies)]
            event = [
                "send-message",
                {"room": self.room, "message": body, "clientId": f"{self.hall.run_id}-{self.sent}"},
            ]
            self.transport.write(frame(f"42{self.sent}{json.dumps(event)}".encode()))


async def measure(pid: int, port: int, room: Room, offer: bool, bodies: list[str], seconds: float) -> dict[str, float]:
    """One run against a fresh server: figures per delivery."""
    hall = Hall(port, offer, bodies)
    readers = []
    loop = asyncio.get_running_loop()
    for person in room.people:
        _, reader = await loop.create_connection(
            lambda person=person: Reader(hall, person.token, room.name),
            "127.0.0.1",
            port,  # type: ignore[misc]
        )
        await asyncio.wait_for(reader.joined, 30)
        readers.append(reader)
    sender = readers[0]
    sender.sends = True
    sender.pump()
    await asyncio.sleep(WARM)
    before, deliveries, received = cpu.taken(pid), hall.deliveries, hall.received
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    spent, elapsed = cpu.since(before, cpu.taken(pid)), time.perf_counter() - began
    deliveries, received = hall.deliveries - deliveries, hall.received - received
    sender.sends = False
    for reader in readers:
        reader.transport.abort()
    assert bool(hall.compressed) is offer
    assert deliveries, "nothing was delivered"
    payload, text = next(iter(hall.inflated.items()), (deflate(_EVENT), _EVENT))
    return {
        "deflate": _microseconds(lambda: deflate(text)),
        "inflate": _microseconds(lambda: inflate(payload, len(text))),
        "user": spent["user"] / deliveries * 1e6,
        "system": spent["system"] / deliveries * 1e6,
        "bytes": received / deliveries,
        "rate": deliveries / elapsed,
    }


def _microseconds(work: Callable[[], object], times: int = 500) -> float:
    """CPU time of one call."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1e6


async def run(rounds: int, seconds: float) -> None:
    """All sizes, both ways, and the table."""
    words = " ".join((ROOT / name).read_text() for name in ("ARCHITECTURE.md", "README.md", "CONTRIBUTING.md")).split()
    dice = random.Random(7)
    found: dict[tuple[int, bool], list[dict[str, float]]] = {}
    (ROOT / "tmp").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="compression-", dir=ROOT / "tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        async with bench_database(folder) as database:
            (room,) = await database.furnish("compression", 1, READERS)
            for number in range(rounds):
                for size in SIZES:
                    bodies = [" ".join(dice.choices(words, k=size))[:size] for _ in range(64)]
                    for offer in (False, True) if number % 2 else (True, False):
                        place = folder / ("on" if offer else "off")  # the server reads its `.env` there
                        place.mkdir(exist_ok=True)
                        (place / ".env").write_text(f"HUBBUB_COMPRESSION={place.name}\n")
                        async with HUBBUB.make(database, place) as server:
                            assert server.match is not None
                            figures = await measure(server.pid, int(server.match[1]), room, offer, bodies, seconds)
                        found.setdefault((size, offer), []).append(figures)
                        print(f"round {number + 1}, body {size}, {place.name}: {figures}", flush=True)
    print(table(found))


def table(found: dict[tuple[int, bool], list[dict[str, float]]]) -> str:
    """Medians of the rounds."""

    def median(size: int, offer: bool, name: str) -> float:
        return statistics.median(figures[name] for figures in found[size, offer])

    lines = [
        "| body, bytes | bytes a delivery: off | on | saved | server's CPU a delivery, user + system: off | on | "
        "to compress one, once | to inflate one |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size in SIZES:
        plain, packed = median(size, False, "bytes"), median(size, True, "bytes")
        shown = [f"{median(size, o, 'user'):.1f} + {median(size, o, 'system'):.1f} µs" for o in (False, True)]
        shown += [f"{median(size, True, name):.0f} µs" for name in ("deflate", "inflate")]
        lines.append(f"| {size:,} | {plain:,.0f} | {packed:,.0f} | {1 - packed / plain:.0%} | {' | '.join(shown)} |")
    return "\n".join(lines)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="bench.compression", description="Compression off and on, side by side.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(options.rounds, options.seconds))


if __name__ == "__main__":
    main()
