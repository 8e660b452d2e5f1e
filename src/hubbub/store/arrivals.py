"""Those who connect: the account behind each session, and its rooms, for many in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from hubbub.domain import limits
from hubbub.domain.model import MyRoom
from hubbub.store.database import Connection, Record
from hubbub.store.statements import load

SQL: Final = load("arrivals")


class Arrival(NamedTuple):
    """What one who connects is to be told: the account's row, the database's epoch, the rooms latest used first."""

    account: Record
    epoch: str
    rooms: list[MyRoom]


async def arrive(conn: Connection, asked: Sequence[tuple[UUID, UUID]]) -> list[Arrival | None]:
    """For each session and its account: what to tell, or None where the session does not stand."""
    found: list[Arrival | None] = [None] * len(asked)
    sessions, accounts = [session_id for session_id, _ in asked], [user_id for _, user_id in asked]
    bounds = limits.READY_ROOMS, limits.UNREAD_MAX, limits.UNREAD_LOOK
    for row in await conn.fetch(SQL["arrive"], sessions, accounts, *bounds):
        found[row["ord"] - 1] = Arrival(row, conn.epoch.told, _rooms(row))
    return found


def _rooms(row: Record) -> list[MyRoom]:
    columns = [row[name] for name in ("room_ids", "room_names", "last_seqs", "read_seqs", "unread", "are_private")]
    if columns[0] is None:
        return []
    return [
        MyRoom(room_id=room_id, room=name, seq=seq, read_seq=read_seq, unread=unread, is_private=bool(is_private))
        for room_id, name, seq, read_seq, unread, is_private in zip(*columns, strict=True)
    ]
