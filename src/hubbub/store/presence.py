"""Connections (`active_sessions`), leases of processes, on-line or not. Everything in batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from hubbub.domain.events import UserStatusUpdate
from hubbub.domain.ids import stamp
from hubbub.errors import HubbubError
from hubbub.store.database import Connection, Record
from hubbub.store.migrate import code_revision
from hubbub.store.statements import load

SQL: Final = load("presence")


def status_of(row: Record, online: bool) -> UserStatusUpdate:
    return UserStatusUpdate(
        user_id=row["user_id"],
        username=row["username"],
        display_name=row["display_name"] or row["username"],
        online=online,
        last_seen=stamp(row["last_seen"]) if row["last_seen"] else None,
    )


async def take_lease(conn: Connection, node_id: UUID, host: str, address: str | None, seconds: float) -> None:
    """A node begins, with a lease of `seconds` by the database's clock; others reach it at `address` (`host:port`).

    Raises:
        HubbubError: `unavailable`: since this process started, a newer Hubbub has upgraded the database beyond it.
    """
    if await conn.fetchval(SQL["take_lease"], node_id, host, address, code_revision(), seconds) is None:
        raise HubbubError("unavailable", "A newer Hubbub has upgraded the database; this version cannot serve it.")


async def addresses(conn: Connection) -> list[str]:
    """Where the nodes that live are reached."""
    return [row["address"] for row in await conn.fetch(SQL["addresses"])]


async def renew_lease(conn: Connection, node_id: UUID, seconds: float) -> bool:
    """A node's lease lasts `seconds` from now. False where the node has been swept."""
    return await conn.fetchval(SQL["renew_lease"], node_id, seconds) is not None


async def node_stands(conn: Connection, node_id: UUID) -> bool:
    """Whether nobody has swept a node."""
    return bool(await conn.fetchval(SQL["node_stands"], node_id))


async def retire(conn: Connection, node_id: UUID) -> bool:
    """A node ends, and its connections with it; whether others live on."""
    await conn.execute(SQL["retire"], node_id)
    return bool(await conn.fetchval(SQL["others_live"], node_id))


async def anybody_serves(conn: Connection) -> bool:
    """Whether there is a node that lives."""
    return bool(await conn.fetchval(SQL["others_live"], UUID(int=0)))


async def sweep(conn: Connection) -> int:
    """Remove nodes whose lease has run out, and their connections: how many. One node does so at a time."""
    return int((await conn.execute(SQL["sweep"])).split()[-1])


async def page(conn: Connection, after: UUID, limit: int, user_id: UUID | None = None) -> Sequence[Record]:
    """Connections by id after an id, of everybody or of one person; `is_held` says whether their process lives."""
    return await conn.fetch(SQL["page"], after, limit, user_id)  # type: ignore[no-any-return]


async def opened(conn: Connection, node_id: UUID, rows: Sequence[tuple[UUID, UUID, str, UUID]]) -> None:
    """Add connections: (row id, user, socket id, signed-in session)."""
    ids, users, sockets, sessions = (list(column) for column in zip(*rows, strict=True))
    await conn.execute(SQL["opened"], ids, users, sockets, node_id, sessions)


async def touched(conn: Connection, rows: Sequence[tuple[UUID, UUID | None, datetime]]) -> None:
    """Set current room and latest activity: (row id, room, time)."""
    ids, rooms, times = (list(column) for column in zip(*rows, strict=True))
    await conn.execute(SQL["touched"], ids, rooms, times)


async def closed(conn: Connection, ids: list[UUID]) -> None:
    """Remove connections."""
    await conn.execute(SQL["closed"], ids)


async def now_online(conn: Connection, user_ids: list[UUID]) -> list[UserStatusUpdate]:
    """Of these people, those who have just come on-line."""
    return [status_of(row, True) for row in await conn.fetch(SQL["now_online"], user_ids)]


async def now_offline(conn: Connection, user_ids: list[UUID], seconds: float) -> list[UserStatusUpdate]:
    """Of these people, those who have just gone off-line: without any connection for `seconds`."""
    return [status_of(row, False) for row in await conn.fetch(SQL["now_offline"], user_ids, seconds)]


async def strays(conn: Connection, seconds: float) -> list[UserStatusUpdate]:
    """People called on-line who have had no connection for `seconds`, whoever held their last; off-line from now on."""
    return [status_of(row, False) for row in await conn.fetch(SQL["strays"], seconds)]


async def set_status(conn: Connection, user_id: UUID, online: bool) -> UserStatusUpdate | None:
    """What a person says of themselves."""
    row = await conn.fetchrow(SQL["set_status"], user_id, "online" if online else "offline")
    return status_of(row, online) if row else None


async def rooms_of(
    conn: Connection, user_ids: list[UUID], most_members: int, most_rooms: int
) -> dict[UUID, tuple[list[UUID], list[UUID]]]:
    """Each person's rooms: those of up to `most_members` members, and the larger ones."""
    rows = await conn.fetch(SQL["rooms_of"], user_ids, most_members, most_rooms)
    return {row["user_id"]: (row["small"] or [], row["large"] or []) for row in rows}
