"""Fills a database with made-up people, rooms and messages: what `hubbub bench seed` does.

Promises:
- the same seed and sizes give the same rows, to the byte, on any server; another seed lies beside it without a clash;
- a chat that keeps every law: rooms' numbers without gaps, counters, watermarks and the receipt rows that go with them;
- the shape of a real one: a few large rooms and many small ones (the n-th largest has an n-th of the largest one's
  messages and members), rooms mixed in order of time, edits, tombstones, replies, people who are far behind;
- all or nothing: one transaction, so that an interrupted sowing leaves a database as it was.

No superuser is needed, and no trigger is turned off. Before: `cli/bench.py`. After: `store/sql/seeding.sql`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hubbub.store.database import Connection
from hubbub.store.statements import load

SQL: Final = load("seeding")
RECEIPTS: Final = load("receipts")

SEED_MAX: Final = 0xFFF  # ids have three hexadecimal digits for it
MESSAGES_MAX: Final = 100_000_000
ROOMS_MAX: Final = 1_000_000
USERS_MAX: Final = 1_000_000
MEMBERS_MAX: Final = 5_000  # of the largest room
BUSY_ROOMS: Final = 1_000  # the first person is in this many rooms

_BEGIN: Final = datetime(2025, 1, 1, tzinfo=UTC)
_SPAN: Final = timedelta(days=365)
_SLICE: Final = 50_000  # messages in one statement
_WORDS: Final = (
    "The train was late again, so we walked along the river and talked about the plan for next week. Nobody had read "
    "the notes yet, but everyone agreed that the second draft is better than the first, and that the pictures should "
    "come before the numbers. Could you send me the address once more? I will bring bread, cheese, and the good coffee; "
    "Robin brings the maps and a lamp. If it rains we meet at the library instead, at seven, upstairs."
)


class SeedRefused(Exception):
    """Nothing was sown; the message says why."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is to be sown.

    Raises:
        ValueError: a figure is outside its bounds.
    """

    messages: int
    rooms: int = 1_000
    users: int = 5_000
    seed: int = 1

    def __post_init__(self) -> None:
        bounds = {
            "messages": (1, MESSAGES_MAX),
            "rooms": (1, ROOMS_MAX),
            "users": (2, USERS_MAX),
            "seed": (0, SEED_MAX),
        }
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low:,} and {high:,}")


@dataclass(frozen=True, slots=True)
class Shape:
    """What one room is like; see `sql/seeding.sql`, whose arrays these are the elements of.

    Attributes:
        phase: milliseconds that shift the room's messages in time.
        turn: shifts which messages are changed.
        first, stride: which users its members are.
    """

    room_id: UUID
    number: int
    messages: int
    members: int
    phase: int
    turn: int
    first: int
    stride: int


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many rows there are now that were not before."""

    messages: int
    rooms: int
    users: int
    members: int
    reads: int
    deliveries: int


def shapes(size: Size) -> list[Shape]:
    """The rooms, the largest first."""
    luck = random.Random(size.seed)  # noqa: S311 - repeatable is what is wanted
    weights = [1_000_000_000 // number for number in range(1, size.rooms + 1)]
    total = sum(weights)
    counts = [size.messages * weight // total for weight in weights]
    counts[0] += size.messages - sum(counts)
    found = []
    for number, messages in enumerate(counts, 1):
        stride = 1 + luck.randrange(size.users)
        while math.gcd(stride, size.users) > 1:  # so that no room has one person twice
            stride += 1
        found.append(
            Shape(
                room_id=UUID(_prefix(size.seed, "8002") + f"{number:012x}"),
                number=number,
                messages=messages,
                members=min(size.users, MEMBERS_MAX, max(2, size.users // number)),
                phase=luck.randrange(_milliseconds(_SPAN)),
                turn=luck.randrange(20),
                first=luck.randrange(size.users) if number > BUSY_ROOMS else 0,
                stride=stride,
            )
        )
    return found


async def sow(conn: Connection, size: Size, tell: Callable[[int], None], *, force: bool = False) -> Seeded:
    """Fill the database. Takes minutes for ten million messages, and no lock that stops others from using it.

    Args:
        tell: called now and then with the number of messages stored so far.
        force: do it although people have written here.

    Raises:
        SeedRefused: people have written here, or this seed was sown before.
        asyncpg.PostgresError: PostgreSQL refused; nothing was sown.
    """
    name = f"seed-{size.seed}"
    rooms = shapes(size)
    columns = [list(column) for column in zip(*map(astuple, rooms), strict=True)]
    span = _milliseconds(_SPAN)
    people = _prefix(size.seed, "8001")
    async with conn.transaction():
        await conn.execute(SQL["no_hurry"])
        if not force and await conn.fetchval(SQL["strangers"]):
            raise SeedRefused("People have written in this database.")
        if await conn.fetchval(SQL["is_seeded"], UUID(people + "0" * 12)):
            raise SeedRefused(f"Seed {size.seed} was sown here before.")
        await conn.execute(SQL["users"], people, name, _BEGIN, size.users, timeout=None)
        await conn.execute(SQL["rooms"], *columns, name, people, _BEGIN, span, timeout=None)
        members = await conn.execute(
            SQL["members"], *columns, _prefix(size.seed, "8003"), people, size.users, _BEGIN, timeout=None
        )
        done, slices = 0, -(-size.messages // _SLICE)
        begin = _milliseconds(_BEGIN - datetime.fromtimestamp(0, UTC))
        middle = f"7{size.seed:03x}a"
        for number in range(slices):
            bounds = span * number // slices, span * (number + 1) // slices
            done += await conn.fetchval(
                SQL["messages"],
                *columns,
                middle,
                people,
                size.users,
                span,
                *bounds,
                begin,
                _BEGIN,
                _WORDS,
                timeout=None,
            )
            tell(done)
        await conn.execute(RECEIPTS["quiet"])
        ids = columns[0]
        reads, deliveries = [await conn.execute(SQL[table], ids, timeout=None) for table in ("reads", "deliveries")]
    await conn.execute(SQL["settle"], timeout=None)
    return Seeded(done, size.rooms, size.users, _count(members), _count(reads), _count(deliveries))


def _prefix(seed: int, kind: str) -> str:
    """The first 20 hexadecimal digits of an id: a UUID of version 7, made when everything began."""
    return f"{_milliseconds(_BEGIN - datetime.fromtimestamp(0, UTC)):012x}7{seed:03x}{kind}"


def _milliseconds(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)


def _count(tag: Any) -> int:
    """Rows of a command tag such as `INSERT 0 5`."""
    return int(str(tag).rsplit(" ", 1)[-1])
