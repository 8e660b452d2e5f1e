"""What is asked of the database all day long, with realistic values, and what each question costs in pages touched.

The statements are Hubbub's own, by name; the views are asked as an operator would. PostgreSQL plans each both ways: for
the values at hand (`custom`), and for any (`generic`), which is what a prepared statement gets after a few uses.
Asked by `growth.py`, which reports, and by tests/integration/schema/test_growth.py, which holds them to their bounds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg

from hubbub.domain import limits
from hubbub.domain.ids import new_id
from hubbub.store.messages import NEWEST
from hubbub.store.statements import load

Mode = Literal["custom", "generic"]
MODES: Final[tuple[Mode, ...]] = ("custom", "generic")


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Places in a seeded database that questions are about."""

    large: UUID
    """The largest room: everybody is in it, and an eighth of all messages."""
    last_seq: int
    middle: int
    """The place half-way between its oldest and its newest message."""
    middling: UUID
    """A room of 250 members."""
    small: UUID
    """A room that gets receipt rows."""
    busy: UUID
    """Somebody in a thousand rooms."""
    people: tuple[UUID, ...]
    """Members of the large room."""
    rooms: tuple[UUID, ...]
    newest: UUID
    """The newest message of the large room; its place and author."""
    newest_seq: int
    newest_author: UUID
    oldest: UUID
    oldest_seq: int
    oldest_author: UUID


async def landmarks(conn: asyncpg.Connection, seed: int = 1) -> Landmarks:
    """Find them, and open sessions for the people among them, each with the id of its owner."""
    numbers = "SELECT room_id, last_seq FROM rooms WHERE room_name = $1"
    large, middling, small = [await conn.fetchrow(numbers, f"seed-{seed}-{number}") for number in (1, 20, 60)]
    newest, oldest = [
        await conn.fetchrow(
            f"SELECT message_id, seq, user_id FROM messages WHERE room_id = $1 ORDER BY seq {way} LIMIT 1",
            large["room_id"],
        )
        for way in ("DESC", "ASC")
    ]
    people = "SELECT user_id FROM room_members WHERE room_id = $1 ORDER BY change_seq LIMIT 1000"
    rooms = "SELECT room_id FROM rooms WHERE room_name LIKE $1 ORDER BY room_name LIMIT 1000"
    busy = await conn.fetchval("SELECT user_id FROM users WHERE username = $1", f"seed-{seed}_0")
    found = [row["user_id"] for row in await conn.fetch(people, large["room_id"])]
    await conn.execute(
        "INSERT INTO hubbub.auth_sessions (session_id, user_id, expires_at) "
        "SELECT id, id, now() + interval '1 day' FROM unnest($1::uuid[]) AS p (id) ON CONFLICT DO NOTHING",
        [busy, *found],
    )
    return Landmarks(
        large=large["room_id"], last_seq=large["last_seq"], middle=(oldest["seq"] + newest["seq"]) // 2,
        middling=middling["room_id"], small=small["room_id"],
        busy=busy, people=tuple(found),
        rooms=tuple(row["room_id"] for row in await conn.fetch(rooms, f"seed-{seed}-%")),
        newest=newest["message_id"], newest_seq=newest["seq"], newest_author=newest["user_id"],
        oldest=oldest["message_id"], oldest_seq=oldest["seq"], oldest_author=oldest["user_id"],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        name: for people.
        asks: a statement's name such as `messages.before`, or SQL over the views.
        values: its parameters, from the landmarks.
        pages: the most pages it may touch, whatever the size of the database.
        index: what the plan is to use; None where a function does the work, whose plans do not show.
        more: the most pages it may touch more in a database a thousand times as large: a level more of an index for
            each look-up, and of what is unread, which is more then, up to a thousand messages a room.
        is_kept: whether what it writes is committed. A batch that is rolled back leaves dead rows with the numbers that
            the next one takes again, which would then meet them.
    """

    name: str
    asks: str
    values: Callable[[Landmarks], tuple[Any, ...]]
    pages: int
    index: str | None
    more: int = 20
    is_kept: bool = False

    @property
    def sql(self) -> str:
        noun, _, statement = self.asks.partition(".")
        return self.asks if " " in self.asks else load(noun)[statement]


def sends(here: Landmarks, rows: int) -> tuple[Any, ...]:
    """The journal's parameters for a batch of new messages of as many people, in the large room."""
    ids = [new_id() for _ in range(rows)]
    people = [here.people[n % len(here.people)] for n in range(rows)]
    return ids, people, [here.large] * rows, ["Is anybody there?"] * rows, [str(one) for one in ids], [None] * rows


_SCANS: Final = "SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE seq_scan > 0"
_PLACE: Final = "messages_room_id_seq_key"
_MEMBER: Final = "room_members_room_id_user_id_key"

QUESTIONS: Final = (
    Question("history: newest page", "messages.before", lambda h: (h.large, NEWEST, 50, 0), 210, _PLACE),
    Question("history: page before a place", "messages.before", lambda h: (h.large, h.middle, 100, 0), 420, _PLACE),
    Question("history: page after a place", "messages.after", lambda h: (h.large, h.middle, 100), 420, _PLACE),
    Question("one message", "messages.by_id", lambda h: (h.newest,), 10, "messages_pkey"),
    Question("sync: messages", "messages.changed_after", lambda h: (h.large, h.middle, limits.SYNC_PAGE + 1), 850, "idx_messages_change"),
    Question("sync: members", "sync.changed_members", lambda h: (h.large, 0, limits.SYNC_PAGE + 1), 850, "idx_room_members_change"),
    Question("room by id", "rooms.by_id", lambda h: (h.busy, h.large), 10, _MEMBER),
    Question("room by name", "rooms.by_name", lambda h: (h.busy, "seed-1-1"), 10, _MEMBER),
    Question("ready: somebody in 1,000 rooms", "arrivals.arrive", lambda h: ([h.busy], [h.busy], limits.READY_ROOMS, limits.UNREAD_MAX, limits.UNREAD_LOOK), 8_000, _PLACE, more=3_000),
    Question("ready: 100 people at once", "arrivals.arrive", lambda h: (h.people[:100], h.people[:100], limits.READY_ROOMS, limits.UNREAD_MAX, limits.UNREAD_LOOK), 25_000, _PLACE, more=12_000),
    Question("sync: where 500 rooms stand", "sync.look", lambda h: ([h.busy] * 500, h.rooms[:500]), 5_000, _MEMBER, more=1_000),
    Question("unread: all of a large room", "rooms.unread", lambda h: (h.busy, h.large, 0, limits.UNREAD_MAX, limits.UNREAD_LOOK), 50, _PLACE),
    Question("unread: nothing", "rooms.unread", lambda h: (h.busy, h.large, h.last_seq, limits.UNREAD_MAX, limits.UNREAD_LOOK), 10, _PLACE),
    Question("rooms: a page", "rooms.page", lambda h: (h.busy, "seed-1-5", 100, 0, limits.UNREAD_MAX, limits.UNREAD_LOOK), 6_500, _PLACE, more=1_500),
    Question("rooms: how many", "rooms.count", lambda h: (h.busy,), 5_500, "rooms_pkey", more=1_500),
    Question("rooms: where 1,000 stand", "rooms.positions", lambda h: (h.rooms,), 4_500, "rooms_pkey"),
    Question("members: a page of 5,000", "members.page", lambda h: (h.large, h.people[10], 100), 520, _MEMBER),
    Question("marks of a page, small room", "members.watermarks", lambda h: ([h.small], 200), 120, "idx_room_members_change"),
    Question("marks of a page, 5,000 members", "members.watermark_counts", lambda h: (h.large, list(range(h.last_seq - 50, h.last_seq))), 400, "idx_room_members_change"),
    Question("marks of 50 authors", "members.watermarks_of", lambda h: (h.large, h.people[:50]), 200, _MEMBER),
    Question("readers of the newest message", "receipts.readers", lambda h: (h.newest, h.large, h.newest_seq, h.newest_author, UUID(int=0), 100), 2_000, "message_reads_message_id_user_id_key", more=800),
    Question("recipients of the oldest message", "receipts.recipients", lambda h: (h.oldest, h.large, h.oldest_seq, h.oldest_author, UUID(int=0), 100), 1_500, "message_deliveries_message_id_user_id_key"),
    Question("100 people read a message", "receipts.mark", lambda h: (h.people[:100], [h.newest] * 100, [True] * 100), 4_500, _MEMBER, more=1_200),
    Question("mark all: the newest message", "receipts.latest_message", lambda h: (h.large,), 10, _PLACE),
    Question("mark all: what it read", "receipts.newly_read", lambda h: (h.large, h.busy, 0, h.last_seq, limits.PAGE_MAX, limits.UNREAD_LOOK), 150, _PLACE),
    Question("edit", "messages.edit", lambda h: (h.newest, h.newest_author, "better"), 100, "messages_pkey"),
    Question("delete", "messages.delete", lambda h: (h.newest, h.newest_author, False), 100, "messages_pkey"),
    Question("send one", "messages.append", lambda h: sends(h, 1), 150, None, more=50, is_kept=True),
    Question("send 100", "messages.append", lambda h: sends(h, 100), 7_000, None, more=2_500, is_kept=True),
    Question("view: newest 50 messages, 250 members", "SELECT * FROM messages_with_user_view WHERE room_id = $1 ORDER BY created_at DESC LIMIT 50", lambda h: (h.middling,), 2_000, "idx_messages_room"),
    Question("view: a room", "SELECT * FROM room_stats_view WHERE room_id = $1", lambda h: (h.large,), 10, "rooms_pkey"),
    Question("view: a person", "SELECT * FROM active_users_view WHERE username = $1", lambda h: ("seed-1_7",), 10, "idx_users_username"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """What one answer took.

    Attributes:
        rows: of the answer.
        pages: touched, found in memory or not.
        milliseconds: of execution; noisy, to be read and not to be asserted.
        indexes: those in the plan; what functions use inside is not among them.
        scanned: the tables that were read from end to end, also by functions and triggers.
    """

    rows: int
    pages: int
    milliseconds: float
    indexes: frozenset[str]
    scanned: frozenset[str]


async def cost(conn: asyncpg.Connection, question: Question, here: Landmarks, mode: Mode = "custom") -> Cost:
    """Ask, three times; the cheapest counts, because the first ones fill the caches of a new connection."""
    await conn.execute(f"SET plan_cache_mode = force_{mode}_plan; PREPARE asked AS {question.sql}")
    try:
        found = [await _ask(conn, question, here) for _ in range(3)]
    finally:
        await conn.execute("DEALLOCATE asked; RESET plan_cache_mode")
    return min(found, key=lambda one: one.pages)


async def _ask(conn: asyncpg.Connection, question: Question, here: Landmarks) -> Cost:
    values = ", ".join(map(_literal, question.values(here)))
    transaction = conn.transaction()
    await transaction.start()
    try:
        before = set(await conn.fetch(_SCANS))
        said = await conn.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked ({values})")
        scanned = set(await conn.fetch(_SCANS)) - before
    finally:
        await (transaction.commit() if question.is_kept else transaction.rollback())
    (answer,) = json.loads(said)
    plan = answer["Plan"]
    return Cost(
        rows=int(plan["Actual Rows"]),
        pages=plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
        milliseconds=answer["Execution Time"],
        indexes=frozenset(node["Index Name"] for node in _nodes(plan) if "Index Name" in node),
        scanned=frozenset(row["relname"] for row in scanned),
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _literal(value: Any) -> str:
    """A value as PostgreSQL reads it, whatever the parameter's type."""
    if value is None:
        return "NULL"
    return "'" + _text(value).replace("'", "''") + "'"


def _text(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "{" + ",".join("NULL" if one is None else f'"{one}"' for one in value) + "}"
    return str(value)
