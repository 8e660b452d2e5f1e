"""Cost stays flat while a database grows: what is asked all day long, on ten thousand messages, on a million, on more.

Asserted are plans and pages touched, never time: each question has a bound that holds at every size, and touches hardly
more pages in a larger database than in the smallest. Plans are made both for the values and for any values.
`HUBBUB_GROWTH=1e7` (`make growth`) adds a database of that size.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import asyncpg
import pytest
from bench.questions import MODES, QUESTIONS, Cost, Landmarks, Mode, Question, cost, landmarks, sends
from tests.support.database import Databases

from hubbub.domain import limits
from hubbub.store.messages import NEWEST
from hubbub.store.seeding import Size, sow

SIZES = [10_000, 1_000_000, *([int(float(os.environ["HUBBUB_GROWTH"]))] if "HUBBUB_GROWTH" in os.environ else [])]
pytestmark = pytest.mark.timeout(3_600 if len(SIZES) > 2 else 300)

# What the seed has not: somebody who says a twentieth of everything, to a room where nobody answers, and reads nothing;
# and other people's private rooms, as many, whose names come first in any list.
MORE = """
    INSERT INTO users (username) VALUES ('talker'), ('listener');
    INSERT INTO rooms (room_name, last_seq, message_count, member_count, last_message_at)
        VALUES ('monologue', {n} + 2, {n}, 2, '2026-01-01');
    INSERT INTO room_members (room_id, user_id, change_seq, from_seq, delivered_seq, read_seq)
        SELECT room_id, user_id, k, k, k, k
        FROM rooms, (SELECT user_id, row_number() OVER (ORDER BY username) AS k FROM users WHERE email IS NULL) AS u
        WHERE room_name = 'monologue';
    INSERT INTO messages (user_id, room_id, message_text, created_at, seq, change_seq)
        SELECT user_id, room_id, 'and another thing', '2025-01-01'::timestamptz + k * interval '1 second', k + 2, k + 2
        FROM users, rooms, generate_series(1, {n}) AS k WHERE username = 'talker' AND room_name = 'monologue';
    INSERT INTO rooms (room_name, is_private) SELECT 'direct ' || k, true FROM generate_series(1, {n}) AS k;
    VACUUM ANALYZE rooms, messages
"""


class Grown(NamedTuple):
    """A database of one size."""

    messages: int
    dsn: str
    here: Landmarks


BULKY = (
    "SELECT format('%I.%I', schemaname, indexname) AS name, indexdef AS again FROM pg_indexes "
    "WHERE tablename IN ('messages', 'message_reads', 'message_deliveries') AND indexname LIKE 'idx_%'"
)


async def grow(dsn: str, messages: int) -> Grown:
    """As a backup is restored: without triggers, for every row brings its numbers and what it refers to, and indexes afterwards."""
    connection = await asyncpg.connect(dsn)
    try:
        # VACUUM marks only what was committed for good, and the tests' server is in no hurry with that.
        await connection.execute("SET synchronous_commit = on")
        await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
        indexes = await connection.fetch(BULKY)
        assert len(indexes) >= 6
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        await sow(connection, Size(messages), lambda done: None)
        for index in indexes:
            await connection.execute(index["again"], timeout=600)
        for statement in MORE.format(n=messages // 20).split(";"):
            await connection.execute(statement, timeout=600)
        return Grown(messages, dsn, await landmarks(connection))
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def grown(pg18: Databases) -> Iterator[list[Grown]]:
    """Databases of all sizes, the smallest first."""
    names = [pg18.clone() for _ in SIZES]
    with ThreadPoolExecutor(1) as aside:  # away from the event loop of the test that asks first
        yield [
            aside.submit(lambda: asyncio.run(grow(pg18.cluster.dsn(name), size))).result()  # noqa: B023 - used at once
            for name, size in zip(names, SIZES, strict=True)
        ]
    for name in names:
        pg18.drop(name)


async def costs(grown: list[Grown], question: Question, modes: tuple[Mode, ...] = MODES) -> list[list[Cost]]:
    """Of each size, by mode."""
    found = []
    for one in grown:
        connection = await asyncpg.connect(one.dsn)
        try:
            found.append([await cost(connection, question, one.here, mode) for mode in modes])
        finally:
            await connection.close()
    return found


def hold_to_bounds(question: Question, found: list[list[Cost]]) -> None:
    """The bound at every size, no table read from end to end, the index that is meant, and no growth."""
    smallest = max(one.pages for one in found[0])
    for size, by_mode in zip(SIZES, found, strict=True):
        for mode, one in zip(MODES, by_mode, strict=True):
            told = f"{question.name}, {size:,} messages, {mode}: {one}"
            assert one.pages <= question.pages, told
            assert one.pages <= smallest + question.more, f"{told}; {smallest} pages in the smallest"
            if size == SIZES[0]:
                continue  # in a small table PostgreSQL may have better ways
            assert not one.scanned & {"messages", "room_members", "message_reads", "message_deliveries"}, told
            assert question.index is None or question.index in one.indexes, told


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
async def test_the_cost_does_not_grow(grown: list[Grown], question: Question) -> None:
    found = await costs(grown, question)
    hold_to_bounds(question, found)
    assert (
        len({one.rows for by_mode in found[1:] for one in by_mode}) == 1 or question.asks == "members.watermark_counts"
    )
    assert all(one.rows > 0 for by_mode in found for one in by_mode)


TALKER = "SELECT room_id, user_id FROM rooms, users WHERE room_name = 'monologue' AND username = 'talker'"


@pytest.mark.parametrize("asks", ["rooms.unread", "receipts.newly_read", "arrivals.arrive"])
async def test_ones_own_words_are_not_all_looked_at(grown: list[Grown], asks: str) -> None:
    """Who talked and never read has nothing unread; to know that, a bounded number of messages is looked at."""
    found = []
    for one in grown:
        connection = await asyncpg.connect(one.dsn)
        room, talker = await connection.fetchrow(TALKER)
        session = "INSERT INTO hubbub.auth_sessions (session_id, user_id, expires_at) VALUES ($1, $1, now() + interval '1 day')"
        await connection.execute(session + " ON CONFLICT DO NOTHING", talker)
        values = {
            "rooms.unread": (talker, room, 2, limits.UNREAD_MAX, limits.UNREAD_LOOK),
            "receipts.newly_read": (room, talker, 2, NEWEST, limits.PAGE_MAX, limits.UNREAD_LOOK),
            "arrivals.arrive": ([talker], [talker], limits.READY_ROOMS, limits.UNREAD_MAX, limits.UNREAD_LOOK),
        }[asks]
        question = Question(asks, asks, lambda here, values=values: values, 500, None, more=500)
        found.append([await cost(connection, question, one.here, mode) for mode in MODES])
        await connection.close()
    hold_to_bounds(question, found)


async def test_what_is_unread_is_counted_all_the_same(grown: list[Grown]) -> None:
    """Up to the bound, by the statements that the costs above are of."""
    for one in grown:
        connection = await asyncpg.connect(one.dsn)
        room, talker = await connection.fetchrow(TALKER)
        listener = await connection.fetchval("SELECT user_id FROM users WHERE username = 'listener'")
        (unread,) = [question for question in QUESTIONS if question.name == "unread: nothing"]
        for person, expected in ((talker, 0), (listener, min(one.messages // 20, limits.UNREAD_MAX))):
            bounds = (limits.UNREAD_MAX, limits.UNREAD_LOOK)
            assert await connection.fetchval(unread.sql, person, room, 2, *bounds) == expected
        await connection.close()


async def test_other_peoples_private_rooms_cost_nothing(grown: list[Grown]) -> None:
    """Their names come first; they are most rooms by far; yet a page of the list does not pass over them."""
    (page,) = [question for question in QUESTIONS if question.asks == "rooms.page"]
    bounds = (limits.UNREAD_MAX, limits.UNREAD_LOOK)
    first = replace(page, values=lambda here: (here.busy, "", 100, 0, *bounds))
    stranger = replace(page, values=lambda here: (here.newest, "", 100, 0, *bounds), pages=1_000)  # an id of nobody
    for question in (first, stranger):
        found = await costs(grown, question)
        hold_to_bounds(question, found)
        assert {one.rows for by_mode in found for one in by_mode} == {100}


async def test_a_send_costs_the_same_in_any_batch_and_database(grown: list[Grown]) -> None:
    """Pages of the journal's statement are linear in its rows, from one to a thousand."""
    batches = (1, 10, 50, 100, 400, 1_000)
    for rows in batches:
        question = Question(
            f"send {rows}", "messages.append", lambda here, rows=rows: sends(here, rows), 80 + 70 * rows, None, more=30 + 25 * rows, is_kept=True
        )  # fmt: skip
        found = await costs(grown, question)
        hold_to_bounds(question, found)
        assert {one.rows for by_mode in found for one in by_mode} == {rows}
