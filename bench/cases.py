"""What is measured, in which order: interleaved rounds, every server fresh for each measurement.

`SCENARIOS` lists them; each makes cells, a cell is one server under all phases of a scenario, and each phase is a case
of the results. Before: `suite.py`. After: `figures.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bench import alone
from bench.load.plan import Phase, Storm
from bench.size import IN_QUIET_ROOM, IN_SMALL_ROOM, MISSED, SEEN_BEFORE
from bench.suite import Bench, Cell, Rows
from bench.targets import CORE, HUBBUB, NODE_CHAT, NODE_RELAY, PYTHON_RELAY, UWS, WORKERS, Target

_START_SECONDS: Final = 2.0  # a server's start, and the client's
_CONNECT_SECONDS: Final = 0.004  # a member's
_STORM_SECONDS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a scenario is, in a few words, and what makes its cells."""

    what: str
    cells: Callable[[Bench], Iterator[Cell]]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number > 1)}"


def _cell(
    bench: Bench, scenario: str, target: Target, phases: list[Phase], rooms: tuple[str, int, int], **more: Any
) -> Cell:
    """A cell whose cases are the phases; `rooms`: name, how many, with how many members."""

    async def measure() -> Rows:
        found = await bench.run(target, await bench.rooms(*rooms), phases, **more)
        return [{"scenario": scenario, "case": row.pop("phase"), "server": target.name, **row} for row in found]

    seconds = _START_SECONDS + _CONNECT_SECONDS * rooms[1] * rooms[2] + sum(p.warm + p.seconds for p in phases)
    return Cell(scenario, f"{scenario}: {target.label}", seconds, measure)


def _hall_senders(bench: Bench, members: int) -> list[int]:
    size = bench.size
    return [index * members // size.senders for index in range(size.senders)]


def _delivery_phase(bench: Bench, name: str, senders: list[int], **more: Any) -> Phase:
    size = bench.size
    how = {"warm": size.warm, "seconds": size.delivery_seconds} | more
    return Phase(name=name, senders=senders, window=size.window, own_copy=True, **how)


def _delivery(bench: Bench) -> Iterator[Cell]:
    senders = _hall_senders(bench, bench.size.members)
    phases = [_delivery_phase(bench, _count(len(some), "sender"), some) for some in (senders[:1], senders)]
    for target in bench.among(HUBBUB, WORKERS, UWS, NODE_RELAY, PYTHON_RELAY):
        yield _cell(bench, "delivery", target, phases, ("hall", 1, bench.size.members))


def _small_rooms(bench: Bench) -> Iterator[Cell]:
    rooms = bench.size.small_rooms
    senders = [IN_SMALL_ROOM * index for index in range(rooms)]
    phases = [_delivery_phase(bench, _count(rooms, "sender"), senders)]
    for target in bench.among(HUBBUB, NODE_CHAT, NODE_RELAY, UWS):
        yield _cell(bench, "small-rooms", target, phases, ("small", rooms, IN_SMALL_ROOM))


def _sizes(bench: Bench) -> Iterator[Cell]:
    size = bench.size
    for target, sizes in ((HUBBUB, size.hubbub_sizes), (UWS, size.peer_sizes), (NODE_RELAY, size.peer_sizes)):
        for members in sizes if bench.among(target) else ():
            phases = [_delivery_phase(bench, f"{members:,} members", _hall_senders(bench, members))]
            yield _cell(bench, "sizes", target, phases, ("hall", 1, members))


def _lone(bench: Bench) -> Iterator[Cell]:
    size = bench.size
    middle = IN_QUIET_ROOM // 2
    phases = [_delivery_phase(bench, f"{size.lone_pace:g} a second", [middle], pace=size.lone_pace,
                              seconds=size.lone_seconds)]  # fmt: skip
    for target in bench.among(HUBBUB, CORE, UWS, NODE_RELAY):
        yield _cell(bench, "lone", target, phases, ("quiet", 1, IN_QUIET_ROOM))

    async def statement() -> Rows:
        rooms = await bench.rooms("quiet", 1, IN_QUIET_ROOM)
        found = await alone.journal_lone(bench.database, rooms[0], size.lone_pace, size.lone_seconds, size.body_bytes)
        return [{"scenario": "lone", "case": phases[0].name, "server": "journal", **found}]

    yield Cell("lone", "lone: the journal's statement", size.lone_seconds, statement)


def _sends(bench: Bench, scenario: str, rooms: tuple[str, int, int], *, slow: bool) -> Iterator[Cell]:
    size = bench.size
    each = rooms[2] if rooms[1] > 1 else 1  # the first of each room, or everybody in the one room
    senders = list(range(0, rooms[1] * rooms[2], each))
    how = {"senders": senders, "warm": size.warm, "seconds": size.send_seconds, "own_copy": False}
    phases = [Phase(name=f"{window} in flight", window=window, **how) for window in (1, size.deep_window)]
    phases.append(Phase(name="at half of that rate", window=4 * size.deep_window, share=0.5, **how))
    for target in bench.among(HUBBUB, *(() if slow else (WORKERS,)), NODE_CHAT):
        cell = _cell(bench, scenario, target, phases, rooms)
        yield _slowed(bench, cell) if slow else cell


def _slowed(bench: Bench, cell: Cell) -> Cell:
    """The same where a commit takes as long as on an ordinary disk; what a lone one took is in the rows."""

    async def measure() -> Rows:
        async with bench.database.slow_commits(bench.size.slow_commit_ms) as commit_ms:
            return [row | {"commit_ms": commit_ms} for row in await cell.measure()]

    return Cell(cell.scenario, cell.label, cell.seconds + 0.5, measure)


def _two_each(bench: Bench) -> tuple[str, int, int]:
    return ("room", bench.size.rooms, 2)


def _one_room(bench: Bench) -> tuple[str, int, int]:
    return ("full", 1, bench.size.rooms)


def _alone(bench: Bench, scenario: str, *, slow: bool) -> Iterator[Cell]:
    size = bench.size

    async def inserts() -> Rows:
        found = await alone.one_insert_each(
            bench.database, bench.folder, size.rooms, size.alone_seconds, size.body_bytes
        )
        return [{"scenario": scenario, "case": f"{size.rooms} clients, a row a commit", "server": "pgbench", **found}]

    async def batches() -> Rows:
        answers = []
        for rows in (size.rooms, size.rooms * size.deep_window):
            rooms = await bench.rooms(*_two_each(bench))
            found = await alone.journal_alone(bench.database, rooms, rows, size.alone_seconds, size.body_bytes)
            answers.append({"scenario": scenario, "case": f"{rows} rows a commit", "server": "journal", **found})
        return answers

    for cell in (
        Cell(scenario, f"{scenario}: pgbench", size.alone_seconds + 1, inserts),
        Cell(scenario, f"{scenario}: the journal's statement", 2 * size.alone_seconds + 1, batches),
    ):
        yield _slowed(bench, cell) if slow else cell


def _idle(bench: Bench) -> Iterator[Cell]:
    """The connecting of many (the first room's are not counted), their memory, then the storm: the same connections."""
    size = bench.size
    rooms = ("crowd", size.crowd // size.crowd_room, size.crowd_room)
    for target in bench.among(HUBBUB, UWS, NODE_RELAY, PYTHON_RELAY):
        yield Cell(
            "idle",
            f"idle and storm: {target.label}",
            _START_SECONDS + _STORM_SECONDS + 2 * _CONNECT_SECONDS * size.crowd,
            partial(_crowd, bench, target, rooms),
        )


async def _crowd(bench: Bench, target: Target, rooms: tuple[str, int, int]) -> Rows:
    size = bench.size
    storm = Storm("storm", target.syncs, MISSED if target.syncs else 0, size.storm_limit)
    crowd = await bench.rooms(*rooms, messages=SEEN_BEFORE)
    found = await bench.run(target, crowd, [], first=size.crowd_room, storm=storm)
    case = _count(size.crowd, "connection")
    return [{"scenario": row.pop("phase"), "case": case, "server": target.name, **row} for row in found]


def _slow_readers(bench: Bench) -> Iterator[Cell]:
    size = bench.size
    stopped = [index for index in range(size.members) if index % (size.members // size.stopped) == 1]
    senders = [index for index in _hall_senders(bench, size.members) if index not in stopped]
    how = {"seconds": size.slow_readers_seconds, "memory": True}
    phases = [
        _delivery_phase(bench, "all read", senders, **how),
        _delivery_phase(bench, f"{len(stopped)} have stopped", senders, stopped=stopped, **how),
    ]
    for target in bench.among(HUBBUB, NODE_RELAY):
        yield _cell(
            bench, "slow-readers", target, phases, ("hall", 1, size.members), narrow=frozenset(stopped)
        )  # fmt: skip


SCENARIOS: Final = {
    "delivery": Scenario("everybody in one room, one and eight senders", _delivery),
    "small-rooms": Scenario("many rooms of five, a sender in each", _small_rooms),
    "sizes": Scenario("one room of many sizes, eight senders", _sizes),
    "lone": Scenario("one message at a time in a quiet room", _lone),
    "sends": Scenario(
        "durable sends, a sender in each of many rooms of two",
        lambda bench: _sends(bench, "sends", _two_each(bench), slow=False),
    ),
    "sends-one-room": Scenario(
        "durable sends, many senders in one room",
        lambda bench: _sends(bench, "sends-one-room", _one_room(bench), slow=False),
    ),
    "sends-slow-commit": Scenario(
        "sends, where a commit takes some milliseconds",
        lambda bench: _sends(bench, "sends-slow-commit", _two_each(bench), slow=True),
    ),
    "sends-one-room-slow-commit": Scenario(
        "sends-one-room, where a commit takes some milliseconds",
        lambda bench: _sends(bench, "sends-one-room-slow-commit", _one_room(bench), slow=True),
    ),
    "alone": Scenario(
        "PostgreSQL without a server before it", lambda bench: _alone(bench, "alone", slow=False)
    ),
    "alone-slow-commit": Scenario(
        "alone, where a commit takes some milliseconds", lambda bench: _alone(bench, "alone-slow-commit", slow=True)
    ),
    "idle": Scenario("memory of idle connections, then all cut and coming back (storm)", _idle),
    "slow-readers": Scenario("a tenth of a room stops reading", _slow_readers),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suite:
    """The scenarios chosen, over one database."""

    bench: Bench
    scenarios: tuple[str, ...]

    def cells(self, number: int) -> list[Cell]:
        """What round `number`, from 1, is made of; each begins with another cell, so that nothing always comes first."""
        names = [name for name in self.scenarios if number == 1 or name not in self.bench.size.once]
        cells = [cell for name in names for cell in SCENARIOS[name].cells(self.bench)]
        shift = (number - 1) * len(cells) // max(1, self.bench.size.rounds)
        return cells[shift:] + cells[:shift]

    async def round(self, number: int, tell: Callable[[str], None]) -> Rows:
        """Measure one round; `tell` is called with the label of each cell before it."""
        found: Rows = []
        for cell in self.cells(number):
            tell(cell.label)
            await self.bench.database.calm()
            found.extend({"round": number, **figures} for figures in await cell.measure())
        return found
