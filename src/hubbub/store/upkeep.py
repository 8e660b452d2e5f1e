"""Small statements that keep a database in order."""

from __future__ import annotations

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
