"""What was done under a client id: rows of `hubbub.commands` in and out."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from hubbub.store.database import Connection, Record
from hubbub.store.statements import load

SQL: Final = load("commands")


async def begin(conn: Connection, user_id: UUID, client_id: str, digest: bytes) -> Record | None:
    """Take a client id, in the transaction that does the command: None, or what was done under it before.

    Where somebody else is taking the same one just now, this waits until they have committed, or have not.
    """
    if await conn.fetchval(SQL["begin"], user_id, client_id, digest) is not None:
        return None
    return await conn.fetchrow(SQL["first"], user_id, client_id)


async def keep(conn: Connection, user_id: UUID, client_id: str, answer: str) -> None:
    """What is answered, to this command and to its repeats."""
    await conn.execute(SQL["keep"], user_id, client_id, answer)


async def forget(conn: Connection, user_id: UUID) -> None:
    """All that an account did under client ids."""
    await conn.execute(SQL["forget"], user_id)
