"""What is measured, in which order: interleaved rounds, every server fresh for each measurement.

`SCENARIOS` says what there is; each yields cells, a cell is one server under the phases of a scenario.
Before: `__main__.py`. After: `report.py`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import alone
from bench.database import BenchDatabase, Room
from bench.load.client import MemberPlan, Phase, Plan
from bench.targets import HUBBUB, NODE_CHAT, NODE_RELAY, PYTHON_RELAY, UWS, Target

ROOT: Final = Path(__file__).resolve().parents[1]
DELIVERY: Final = (HUBBUB, UWS, NODE_RELAY, PYTHON_RELAY)
SMALL_ROOMS: Final = (HUBBUB, NODE_CHAT, NODE_RELAY, UWS)
SENDS: Final = (HUBBUB, NODE_CHAT)
SCENARIOS: Final = {
    "delivery": "many members in one room, one and eight senders",
    "small-rooms": "many rooms of five, a sender in each",
    "sends": "durable sends: a sender in each of many rooms of two, one and eight in flight",
    "alone": "PostgreSQL without a server before it",
}
IN_SMALL_ROOM: Final = 5
_CLIENT_SECONDS: Final = 240.0  # beyond the phases: connecting, draining

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. Seconds are per phase."""

    rounds: int = 3
    members: int = 500
    senders: int = 8
    rooms: int = 50
    small_rooms: int = 100
    window: int = 4
    deep_window: int = 8
    body_bytes: int = 100
    warm: float = 1.5
    delivery_seconds: float = 7.0
    send_seconds: float = 5.0
    alone_seconds: float = 4.0


QUICK: Final = Size(
    rounds=1,
    members=40,
    senders=4,
    rooms=8,
    small_rooms=10,
    warm=0.2,
    delivery_seconds=0.8,
    send_seconds=0.8,
    alone_seconds=0.8,
)


class BenchError(Exception):
    """A measurement could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: a server under all phases of a scenario."""

    label: str
    seconds: float
    measure: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """All measurements over one database."""

    size: Size
    database: BenchDatabase
    folder: Path
    targets: tuple[Target, ...]
    scenarios: tuple[str, ...]
    hall: list[Room]
    rooms: list[Room]
    small: list[Room]

    def cells(self) -> list[Cell]:
        """What one round is made of."""
        makers = {
            "delivery": self._deliveries, "small-rooms": self._small_rooms, "sends": self._sends, "alone": self._alone
        }  # fmt: skip
        return [cell for name in self.scenarios for cell in makers[name]()]

    async def round(self, number: int, tell: Tell) -> list[dict[str, Any]]:
        """One round; each begins with another cell, so that nothing always comes first."""
        cells = self.cells()
        shift = (number - 1) % len(cells)
        found: list[dict[str, Any]] = []
        for cell in cells[shift:] + cells[:shift]:
            tell(cell.label)
            await self.database.calm()
            found.extend({"round": number, **figures} for figures in await cell.measure())
        return found

    def _deliveries(self) -> Iterator[Cell]:
        size, members = self.size, self.size.members
        spread = [index * members // size.senders for index in range(size.senders)]
        phases = [
            Phase(f"{len(senders)} sender{'s' * (len(senders) > 1)}", senders, size.window, size.warm,
                  size.delivery_seconds, own_copy=True)
            for senders in (spread[:1], spread)
        ]  # fmt: skip
        for target in DELIVERY:
            if target in self.targets:
                yield self._cell("delivery", target, self.hall, phases)

    def _small_rooms(self) -> Iterator[Cell]:
        size = self.size
        senders = [IN_SMALL_ROOM * index for index in range(size.small_rooms)]
        phase = Phase(
            f"{size.small_rooms} senders", senders, size.window, size.warm, size.delivery_seconds, own_copy=True
        )
        for target in SMALL_ROOMS:
            if target in self.targets:
                yield self._cell("small-rooms", target, self.small, [phase])

    def _sends(self) -> Iterator[Cell]:
        size = self.size
        senders = [2 * index for index in range(size.rooms)]
        phases = [
            Phase(f"{window} in flight", senders, window, size.warm, size.send_seconds, own_copy=False)
            for window in (1, size.deep_window)
        ]
        for target in SENDS:
            if target in self.targets:
                yield self._cell("sends", target, self.rooms, phases)

    def _alone(self) -> Iterator[Cell]:
        size = self.size

        async def inserts() -> list[dict[str, Any]]:
            found = await alone.one_insert_each(
                self.database, self.folder, size.rooms, size.alone_seconds, size.body_bytes
            )
            return [
                {"scenario": "alone", "case": f"{size.rooms} clients, a row a commit", "server": "pgbench", **found}
            ]

        async def batches() -> list[dict[str, Any]]:
            answers = []
            for rows in (size.rooms, size.rooms * size.deep_window):
                found = await alone.journal_alone(self.database, self.rooms, rows, size.alone_seconds, size.body_bytes)
                answers.append({"scenario": "alone", "case": f"{rows} rows a commit", "server": "journal", **found})
            return answers

        yield Cell("PostgreSQL alone: pgbench", size.alone_seconds + 1, inserts)
        yield Cell("PostgreSQL alone: the journal's statement", 2 * size.alone_seconds + 1, batches)

    def _cell(self, scenario: str, target: Target, rooms: list[Room], phases: list[Phase]) -> Cell:
        async def measure() -> list[dict[str, Any]]:
            found = await self._run(target, rooms, phases)
            return [{"scenario": scenario, "case": one.pop("phase"), "server": target.name, **one} for one in found]

        seconds = sum(phase.warm + phase.seconds for phase in phases) + 2 + 0.008 * sum(len(r.people) for r in rooms)
        return Cell(f"{scenario}: {target.label}", seconds, measure)

    async def _run(self, target: Target, rooms: list[Room], phases: list[Phase]) -> list[dict[str, Any]]:
        """Start the server, let the load client at it, stop it.

        Raises:
            BenchError: the client failed; ends with what both said.
        """
        process = target.make(self.database, self.folder)
        async with process:
            assert process.match is not None
            plan = Plan(
                port=int(process.match[1]),
                members=[MemberPlan(target.auth(person), room.name) for room in rooms for person in room.people],
                phases=phases,
                body_bytes=self.size.body_bytes,
                watch={"server": process.pid, "postgres": self.database.pid},
            )
            answers, complaint = await _client(plan)
            if len(answers) != len(phases):
                raise BenchError(
                    f"{target.label}: the load client ended early.\n{complaint[-3000:]}\n--- server:\n{process.output[-3000:]}"
                )
        return answers


async def _client(plan: Plan) -> tuple[list[dict[str, Any]], str]:
    """Run the load client as a process of its own: its answers, and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load.client", cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    limit = _CLIENT_SECONDS + sum(phase.warm + phase.seconds for phase in plan.phases)
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
