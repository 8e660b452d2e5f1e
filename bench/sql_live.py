"""How soon plain SQL is seen: from the end of another program's COMMIT to a listening client. `python -m bench.sql_live`.

    python -m bench.sql_live [--messages 500]

One program inserts one row after another; two people are connected over WebSocket. Each row is timed from the answer to
its commit until the later of the two has it. Each way of writing is measured: a row, ten rows in ten rooms, `post_message`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import asyncpg

from bench.connects import Client
from bench.database import Room, bench_database
from bench.machine import machine, short_name
from bench.targets import HUBBUB

_ROOMS = 10
_PAUSE_SECONDS = 0.01  # between two rows, as a person would hardly: else they are read together
_ROW = "INSERT INTO messages (room_id, user_id, message_text) SELECT r.id, $2, $3 FROM unnest($1::uuid[]) AS r (id)"
_WAYS = {
    "one row": (_ROW, 1),
    "ten rows in ten rooms": (_ROW, _ROOMS),
    "hubbub.post_message": ("SELECT hubbub.post_message(($1::uuid[])[1]::text, $2::uuid::text, $3)", 1),
}


class Listener(Client):
    """Counts the messages that come after it is live."""

    __slots__ = ("_tail", "heard", "wake")

    def __init__(self, auth: dict[str, str]) -> None:
        super().__init__(auth, None)
        self.heard = 0
        self.wake = asyncio.Event()
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        if not self.live.done():
            super().data_received(data)
            return
        name = b'"receive-message"'
        seen = self._tail + data
        self.heard += seen.count(name)
        self._tail = seen[-(len(name) - 1) :]
        self.wake.set()

    async def until(self, count: int) -> None:
        while self.heard < count:
            self.wake.clear()
            await self.wake.wait()


async def _measure(messages: int) -> dict[str, list[float]]:
    """Milliseconds of each message, by the way it was written."""
    found: dict[str, list[float]] = {}
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        async with bench_database(Path(folder) / "pg") as database:
            rooms = await database.furnish("live", _ROOMS, 2)
            conn = await database.connect()
            await _share(conn, rooms)
            async with HUBBUB.make(database, Path(folder)) as process:
                assert process.match is not None
                people = rooms[0].people
                listeners = []
                for person in people:
                    auth = {"token": person.token}
                    _, one = await loop.create_connection(
                        lambda auth=auth: Listener(auth), "127.0.0.1", int(process.match[1])
                    )  # type: ignore[misc]
                    await one.live
                    listeners.append(one)
                await asyncio.sleep(1.0)  # what connecting sets off
                for way, (sql, count) in _WAYS.items():
                    found[way] = []
                    ids = [room.room_id for room in rooms[:count]]
                    for number in range(messages):
                        await asyncio.sleep(_PAUSE_SECONDS)
                        due = listeners[0].heard + count
                        await conn.execute(sql, ids, people[0].user_id, f"message {number}")
                        began = time.perf_counter()
                        async with asyncio.timeout(30):
                            for one in listeners:
                                await one.until(due)
                        found[way].append(1000 * (time.perf_counter() - began))
                for one in listeners:
                    one.transport.abort()
            await conn.close()
    return found


async def _share(conn: asyncpg.Connection, rooms: list[Room]) -> None:
    """The people of the first room are in all of them."""
    await conn.execute(
        "INSERT INTO room_members (room_id, user_id) SELECT r.id, p.id FROM unnest($1::uuid[]) AS r (id),"
        " unnest($2::uuid[]) AS p (id) ON CONFLICT DO NOTHING",
        [room.room_id for room in rooms],
        [person.user_id for person in rooms[0].people],
    )


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description="How soon plain SQL is seen by connected clients.")
    parser.add_argument("--messages", type=int, default=500, help="of each way of writing")
    options = parser.parse_args()
    found = asyncio.run(_measure(options.messages))
    print(
        f"{short_name(machine(Path(tempfile.gettempdir())))}; {options.messages} of each; milliseconds from the commit to the later of two listeners"
    )
    print("| written as | median | p99 | worst |\n|---|---:|---:|---:|")
    for way, took in found.items():
        p99 = sorted(took)[int(0.99 * len(took))]
        print(f"| {way} | {statistics.median(took):.1f} | {p99:.1f} | {max(took):.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
