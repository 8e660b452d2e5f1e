"""What adopting the older backend's database would do, found out by doing it and taking it back.

Promises: the database is left as it was; what is told is what `migrate.upgrade` does, for it is the same statements. While it
lasts the tables are locked, as they are for the adoption itself. Before: `cli/db.py`. After: `migrate.py`, `sql/adoption.sql`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from hubbub.postgres.quoting import quoted
from hubbub.store import migrate
from hubbub.store.database import Connection
from hubbub.store.migrate import Connect
from hubbub.store.statements import load

SQL: Final = load("adoption")
OURS: Final = (
    "users", "rooms", "messages", "message_reads", "message_deliveries", "room_members", "active_sessions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What an adoption would change.

    Attributes:
        rows: for each table of the chat how many there are, None where it is missing, and how many there would be.
        columns: that would be added.
        set_aside: rows that point nowhere, by table; they would be kept in hubbub.adopted_orphans.
        lost_rooms: rooms that would be made for messages of no known room.
        kept_tables, kept_triggers: what Hubbub does not use, and would leave as it is.
        seconds: for which the tables were locked, and would be.
    """

    rows: dict[str, tuple[int | None, int]]
    columns: tuple[str, ...]
    set_aside: dict[str, int]
    lost_rooms: int
    kept_tables: tuple[str, ...]
    kept_triggers: tuple[str, ...]
    seconds: float


class _TakenBackError(Exception):
    """Ends the transaction."""


async def rehearse(connect: Connect) -> Rehearsal | None:
    """Adopt, look, and take it back. None where there is nothing to adopt.

    Raises:
        MigrationError: as `migrate.upgrade` does; `AdoptionRefused` lists what has to be mended first.
        asyncpg.PostgresError: PostgreSQL refused.
    """
    found: Rehearsal | None = None
    try:
        async with migrate.migrating(connect) as connection:
            if not (await migrate.status_on(connection)).adoptable:
                return None
            began = time.monotonic()
            kept = tuple(name for name in await _tables(connection) if name not in OURS)
            before = await _counts(connection)
            columns = {row["name"] for row in await connection.fetch(SQL["columns"], OURS)}
            await migrate.apply(connection)
            rows = {name: (before.get(name), count) for name, count in (await _counts(connection)).items()}
            added = [row["name"] for row in await connection.fetch(SQL["columns"], OURS) if row["name"] not in columns]
            found = Rehearsal(
                rows=rows,
                columns=tuple(added),
                set_aside={row["name"]: row["rows"] for row in await connection.fetch(SQL["set_aside"])},
                lost_rooms=await connection.fetchval(SQL["lost_rooms"]),
                kept_tables=kept,
                kept_triggers=tuple(row["name"] for row in await connection.fetch(SQL["triggers"], OURS)),
                seconds=time.monotonic() - began,
            )
            raise _TakenBackError
    except _TakenBackError:
        return found


async def _tables(connection: Connection) -> list[str]:
    return [row["name"] for row in await connection.fetch(SQL["tables"])]


async def _counts(connection: Connection) -> dict[str, int]:
    """The rows of each table of the chat that is there."""
    ours = [name for name in await _tables(connection) if name in OURS]
    return {
        name: await connection.fetchval(SQL["count"].format(table=f"public.{quoted(name)}"), timeout=None)
        for name in ours
    }
