"""How one measurement is made: a fresh server, the load client at it, both ended.

`cases.py` says what is measured; it makes its cells with `Bench`. Before: `__main__.py`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.database import BenchDatabase, Room
from bench.load.plan import MemberPlan, Phase, Plan, Storm
from bench.size import Size
from bench.targets import Target

ROOT: Final = Path(__file__).resolve().parents[1]
_CLIENT_SECONDS: Final = 240.0  # beyond the phases: connecting, draining
_LOOK_SECONDS: Final = 0.05

Rows = list[dict[str, Any]]


class BenchError(Exception):
    """A measurement could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: a server under all phases of a scenario; about so many seconds."""

    scenario: str
    label: str
    seconds: float
    measure: Callable[[], Awaitable[Rows]]


@dataclass(slots=True)
class Bench:
    """What every measurement needs: the database, and the servers that are here."""

    size: Size
    database: BenchDatabase
    folder: Path
    targets: tuple[Target, ...]
    _rooms: dict[tuple[str, int, int], list[Room]] = field(default_factory=dict)

    def among(self, *wanted: Target) -> list[Target]:
        """Those of them that take part."""
        return [target for target in wanted if target in self.targets]

    async def rooms(self, name: str, rooms: int, members: int, messages: int = 0) -> list[Room]:
        """Rooms with members of their own; made when first asked for."""
        key = (name, rooms, members)
        if key not in self._rooms:
            self._rooms[key] = await self.database.furnish(f"{name}-{members}", rooms, members, messages)
        return self._rooms[key]

    async def run(
        self,
        target: Target,
        rooms: Sequence[Room],
        phases: Sequence[Phase],
        *,
        narrow: frozenset[int] = frozenset(),
        first: int = 0,
        storm: Storm | None = None,
    ) -> Rows:
        """Start the server, let the load client at it, stop it; an answer for each phase, by its name in `phase`.

        Raises:
            BenchError: the client failed; ends with what both said.
        """
        people = [(person, room) for room in rooms for person in room.people]
        process = target.make(self.database, self.folder)
        async with process:
            assert process.match is not None
            plan = Plan(
                port=int(process.match[1]),
                members=[
                    MemberPlan(target.auth(person), room.name, index in narrow)
                    for index, (person, room) in enumerate(people)
                ],
                phases=list(phases),
                body_bytes=self.size.body_bytes,
                watch={"server": process.pid, "postgres": self.database.pid},
                first=first,
                storm=storm,
            )
            async with self._sessions() as most:
                answers, complaint = await _client(plan)
            wanted = len(phases) + bool(first) + bool(storm)
            if len(answers) != wanted or process.returncode is not None:
                raise BenchError(
                    f"{target.label}: the load client or the server ended early.\n{complaint[-3000:]}\n"
                    f"--- server:\n{process.output[-3000:]}"
                )
        return [answer | {"sessions": most[0]} for answer in answers]

    @asynccontextmanager
    async def _sessions(self) -> AsyncIterator[list[int]]:
        """The most connections that Hubbub's database has during the block; settled at its end."""
        conn = await self.database.connect()
        most = [0]

        async def look() -> None:
            while True:
                most[0] = max(most[0], await self.database.sessions(conn))
                await asyncio.sleep(_LOOK_SECONDS)

        looking = asyncio.create_task(look())
        try:
            yield most
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            await conn.close()


async def _client(plan: Plan) -> tuple[Rows, str]:
    """Run the load client as a process of its own: its answers, and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load.client", cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    limit = _CLIENT_SECONDS + sum(phase.warm + phase.seconds for phase in plan.phases)
    limit += plan.storm.limit if plan.storm else 0
    try:
        async with asyncio.timeout(limit):
            said, complaint = await process.communicate(msgspec.json.encode(plan))
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    lines = [json.loads(line) for line in said.splitlines() if line.strip()]
    return [line for line in lines if "phase" in line], complaint.decode(errors="replace")
