"""Small statements that keep a database in order."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hubbub.store.database import Connection
from hubbub.store.statements import load

SQL: Final = load("upkeep")


async def remember(conn: Connection, **numbers: int) -> None:
    """Tell the functions of the database what the settings say: `receipt_rows_max_members`, `max_message_bytes`."""
    await conn.execute(SQL["remember"], list(numbers), [str(number) for number in numbers.values()])


async def deployment(conn: Connection) -> str:
    """What tells this database's processes from those of another, where both use one bus."""
    return str(await conn.fetchval(SQL["deployment"]))


async def prune(conn: Connection) -> int:
    """Forget some of the sessions that ended long ago: how many; 0 when none is left."""
    return int((await conn.execute(SQL["prune"])).split()[-1])


async def claim_backup(conn: Connection, due: datetime) -> bool:
    """Take the backup that was due; False where it was made, is under way, or was taken in the last quarter of an hour."""
    return bool(await conn.fetchval(SQL["claim_backup"], due.timestamp()))


async def hold_backup(conn: Connection) -> None:
    """Say that a backup is under way, until the transaction ends."""
    await conn.execute(SQL["hold_backup"])


async def backup_made(conn: Connection, moment: datetime) -> None:
    """Remember the latest backup, which holds what was committed until `moment`."""
    await conn.execute(SQL["backup_made"], moment.timestamp())


async def latest_backup(conn: Connection) -> float:
    """When the latest backup was made, in seconds since 1970; 0: never."""
    return float(await conn.fetchval(SQL["latest_backup"]))
