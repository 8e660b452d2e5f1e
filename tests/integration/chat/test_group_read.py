"""Group reads over a real pool: what waits is read together, nobody is forgotten, and the pool is left to others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from hubbub.chat import group_read
from hubbub.chat.group_read import GroupRead
from hubbub.errors import HubbubError
from hubbub.store.database import Connection, Database


class Doubler:
    """Answers numbers with their doubles, by the database; remembers what was read together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.running = self.most_running = 0
        self.seconds = 0.0

    async def read(self, conn: Connection, asked: Sequence[int]) -> list[int]:
        self.batches.append(list(asked))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await conn.execute("SELECT pg_sleep($1)", self.seconds)
            rows = await conn.fetch("SELECT 2 * n AS double FROM unnest($1::integer[]) AS n", list(asked))
        finally:
            self.running -= 1
        return [row["double"] for row in rows]


@pytest.fixture
async def database(database: str) -> AsyncIterator[Database]:
    pool = await Database.open({"dsn": database}, size=4, timeout=5)
    yield pool
    await pool.close()


async def test_those_who_ask_in_one_turn_are_answered_by_one_reading(database: Database) -> None:
    doubler = Doubler()
    reads: GroupRead[int, int] = GroupRead(database, doubler.read, 1_000)
    assert await asyncio.gather(*map(reads.ask, range(100))) == [2 * n for n in range(100)]
    assert doubler.batches == [list(range(100))]
    assert (reads.asked, reads.batches, reads.waiting) == (100, 1, 0)


@pytest.mark.parametrize("pause", [0.0, 0.001])
async def test_nobody_is_forgotten_who_asks_as_the_last_is_answered(database: Database, pause: float) -> None:
    reads: GroupRead[int, int] = GroupRead(database, Doubler().read, 1_000, pause=pause)

    async def ask_again_and_again(start: int) -> None:
        for n in range(start, start + 50):
            async with asyncio.timeout(20):
                assert await reads.ask(n) == 2 * n

    await asyncio.gather(*(ask_again_and_again(100 * who) for who in range(5)))


async def test_at_most_two_statements_run_whoever_waits(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_read, "BATCH_MAX", 10)
    doubler = Doubler()
    doubler.seconds = 0.01
    reads: GroupRead[int, int] = GroupRead(database, doubler.read, 1_000)
    asked = [reads.ask(n) for n in range(200)]
    in_use = []
    while reads.waiting:
        in_use.append(database.in_use)
        await asyncio.sleep(0.001)
    assert await asyncio.gather(*asked) == [2 * n for n in range(200)]
    assert doubler.most_running == group_read.READERS
    assert max(in_use) <= group_read.READERS
    assert max(map(len, doubler.batches)) <= 10


async def test_a_long_reading_makes_the_next_smaller(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_read, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(group_read, "READERS", 1)
    doubler = Doubler()
    reads: GroupRead[int, int] = GroupRead(database, doubler.read, 1_000)
    await asyncio.gather(*map(reads.ask, range(64)))
    await asyncio.gather(*map(reads.ask, range(64)))
    assert [len(batch) for batch in doubler.batches] == [64, 32, 16, 8, 4, 2, 1, 1]


async def test_too_many_are_told_so_and_who_gave_up_is_not_read_for(database: Database) -> None:
    doubler = Doubler()
    reads: GroupRead[int, int] = GroupRead(database, doubler.read, 3)
    first, second, third = (reads.ask(n) for n in range(3))
    with pytest.raises(HubbubError) as refused:
        reads.ask(3)
    assert (refused.value.code, reads.overloaded) == ("overloaded", 1)
    second.cancel()
    assert (await first, await third) == (0, 4)
    assert doubler.batches == [[0, 2]]


async def test_a_failure_reaches_all_it_concerns_and_the_next_are_read(database: Database) -> None:
    async def fail(conn: Connection, asked: Sequence[Any]) -> list[Any]:
        raise asyncpg.PostgresConnectionError("gone") if "away" in asked else KeyError("a defect")

    reads: GroupRead[str, Any] = GroupRead(database, fail, 10)
    answers = await asyncio.gather(*map(reads.ask, ["away", "too"]), return_exceptions=True)
    assert [getattr(answer, "code", None) for answer in answers] == ["unavailable", "unavailable"]
    (answer,) = await asyncio.gather(reads.ask("here"), return_exceptions=True)
    assert isinstance(answer, KeyError)
