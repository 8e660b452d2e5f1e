"""Small statements that keep a database in order."""

from __future__ import annotations

from typing import Final

from hubbub.store.database import Connection
from hubbub.store.statements import load

SQL: Final = load("upkeep")


async def ping(conn: Connection) -> None:
    """Does the database answer?"""
    await conn.execute(SQL["ping"])


async def remember_receipt_rows(conn: Connection, most_members: int) -> None:
    """Tell the triggers up to how many members a room gets receipt rows."""
    await conn.execute(SQL["remember_receipt_rows"], str(most_members))


async def prune(conn: Connection) -> None:
    """Forget some of the sessions that ended long ago."""
    await conn.execute(SQL["prune"])
