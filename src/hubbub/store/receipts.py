"""Receipts: watermarks in `room_members`, and the rows beside them in small rooms (law 8).

A message counts as read by a member iff `from_seq < seq <= read_seq` and it is not their own; delivered likewise.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import UNSET, UnsetType

from hubbub.domain import limits
from hubbub.domain.ids import stamp
from hubbub.domain.model import Receipt
from hubbub.store.database import Connection, Record
from hubbub.store.statements import load

SQL: Final = load("receipts")
MEMBERS: Final = load("members")


@dataclass(frozen=True, slots=True)
class Marks:
    """Who has been given and has read one message. The lists are given in rooms of up to 100 members."""

    delivered_count: int
    read_count: int
    delivered_to: list[UUID] | UnsetType = UNSET
    read_by: list[UUID] | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Place:
    """A message whose marks are wanted, and how many members its room has."""

    room_id: UUID
    member_count: int
    seq: int
    author: UUID | None


async def marks(conn: Connection, places: Sequence[Place]) -> list[Marks]:
    """The marks of some messages, in their order. Each room's members are read once, whatever their number."""
    # Twice the number, because the watermarks of those who left stay and count.
    most = 2 * limits.NAMED_PEOPLE_MAX
    small: dict[UUID, list[Record]] = {
        place.room_id: [] for place in places if place.member_count <= limits.NAMED_PEOPLE_MAX
    }
    if small:
        for row in await conn.fetch(MEMBERS["watermarks"], list(small), most):
            small[row["room_id"]].append(row)
    large: dict[UUID, dict[int, Marks]] = {}
    found = []
    for place in places:
        rows = small.get(place.room_id)
        if rows is not None and len(rows) < most:
            found.append(_by_name(rows, place.seq, place.author))
            continue
        if place.room_id not in large:
            wanted = [(other.seq, other.author) for other in places if other.room_id == place.room_id]
            counted = await _by_count(conn, place.room_id, wanted)
            large[place.room_id] = {seq: one for (seq, _), one in zip(wanted, counted, strict=True)}
        found.append(large[place.room_id][place.seq])
    return found


def _by_name(rows: Sequence[Record], seq: int, author: UUID | None) -> Marks:
    delivered = [
        row["user_id"] for row in rows if row["from_seq"] < seq <= row["delivered_seq"] and row["user_id"] != author
    ]
    read = [row["user_id"] for row in rows if row["from_seq"] < seq <= row["read_seq"] and row["user_id"] != author]
    return Marks(len(delivered), len(read), delivered, read)


async def _by_count(conn: Connection, room_id: UUID, messages: Sequence[tuple[int, UUID | None]]) -> list[Marks]:
    """Counts from one histogram: those at or above a place, less those who came after it, less its author."""
    seqs = sorted({seq for seq, _ in messages})
    above = {what: [0] * (len(seqs) + 1) for what in ("from", "delivered", "read")}
    for row in await conn.fetch(MEMBERS["watermark_counts"], room_id, seqs):
        for what, counts in above.items():
            counts[row[what]] += row["members"]
    for counts in above.values():
        for bucket in range(len(seqs) - 1, -1, -1):
            counts[bucket] += counts[bucket + 1]
    authors = {
        row["user_id"]: row
        for row in await conn.fetch(MEMBERS["watermarks_of"], room_id, [author for _, author in messages if author])
    }
    found = []
    for seq, author in messages:
        bucket = bisect_right(seqs, seq)
        own = authors.get(author) if author else None
        delivered = above["delivered"][bucket] - above["from"][bucket]
        read = above["read"][bucket] - above["from"][bucket]
        if own is not None and own["from_seq"] < seq:
            delivered -= own["delivered_seq"] >= seq
            read -= own["read_seq"] >= seq
        found.append(Marks(delivered, read))
    return found


@dataclass(frozen=True, slots=True)
class Moved:
    """Where one member's watermarks stood, and stand now."""

    room_id: UUID
    room: str
    member_count: int
    user_id: UUID
    username: str
    old_delivered: int
    delivered_seq: int
    old_read: int
    read_seq: int


async def mark(conn: Connection, wishes: Sequence[tuple[UUID, UUID, bool]]) -> list[Moved]:
    """Move watermarks up, for a batch of (user, message, is it read?). Members' own alone, never down.

    Returns:
        One for each (room, member) concerned, moved or not; none for wishes that are not theirs to make.
    """
    rows = await conn.fetch(SQL["mark"], [w[0] for w in wishes], [w[1] for w in wishes], [w[2] for w in wishes])
    return _moved(rows)


async def standing(conn: Connection, readers: Sequence[tuple[UUID, UUID]]) -> list[Moved]:
    """Where the watermarks of (room, member) stand, as if they had just stood there too."""
    return _moved(await conn.fetch(SQL["standing"], [r[0] for r in readers], [r[1] for r in readers]))


def _moved(rows: Sequence[Record]) -> list[Moved]:
    return [
        Moved(
            room_id=row["room_id"],
            room=row["room_name"],
            member_count=row["member_count"],
            user_id=row["user_id"],
            username=row["username"],
            old_delivered=row["old_delivered"],
            delivered_seq=row["delivered_seq"],
            old_read=row["old_read"],
            read_seq=row["read_seq"],
        )
        for row in rows
    ]


async def write_rows(conn: Connection, moved: Sequence[Moved]) -> None:
    """The rows between the old and the new watermarks of these members, a bounded number a statement.

    To be called in the transaction of `mark`, which holds the members' rows.
    """
    await conn.execute(SQL["quiet"])
    for statement, spans in (
        ("add_delivery_rows", [(one, one.old_delivered, one.delivered_seq) for one in moved]),
        ("add_read_rows", [(one, one.old_read, one.read_seq) for one in moved]),
    ):
        for batch in _batches(spans):
            await conn.execute(
                SQL[statement],
                [one.room_id for one, _, _ in batch],
                [one.user_id for one, _, _ in batch],
                [after for _, after, _ in batch],
                [up_to for _, _, up_to in batch],
            )


def _batches(spans: Sequence[tuple[Moved, int, int]]) -> Iterator[list[tuple[Moved, int, int]]]:
    """Spans of numbers, cut and gathered so that no batch covers more than a bounded count of them."""
    batch: list[tuple[Moved, int, int]] = []
    room_left = limits.RECEIPT_ROWS_PER_STATEMENT
    for one, after, up_to in spans:
        while after < up_to:
            end = min(up_to, after + room_left)
            batch.append((one, after, end))
            room_left -= end - after
            after = end
            if room_left == 0:
                yield batch
                batch, room_left = [], limits.RECEIPT_ROWS_PER_STATEMENT
    if batch:
        yield batch


async def people(
    conn: Connection,
    which: str,
    message_id: UUID,
    room_id: UUID,
    seq: int,
    author: UUID | None,
    after: UUID,
    limit: int,
) -> list[Receipt]:
    """Who has read (`readers`) or been given (`recipients`) one message, by id, after an id."""
    rows = await conn.fetch(SQL[which], message_id, room_id, seq, author, after, limit)
    return [
        Receipt(
            user_id=row["user_id"],
            username=row["username"],
            display_name=row["display_name"] or row["username"],
            avatar=row["avatar"],
            at=stamp(row["at"]) if row["at"] else None,
        )
        for row in rows
    ]


async def latest_message(conn: Connection, room_id: UUID) -> Record | None:
    return await conn.fetchrow(SQL["latest_message"], room_id)


async def newly_read(conn: Connection, user_id: UUID, room_id: UUID, after: int, up_to: int) -> list[UUID]:
    """The latest messages of others between two places, at most a page."""
    rows = await conn.fetch(SQL["newly_read"], room_id, user_id, after, up_to, limits.PAGE_MAX, limits.UNREAD_LOOK)
    return [row["message_id"] for row in rows]
