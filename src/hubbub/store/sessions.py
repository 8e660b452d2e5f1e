"""Signed-in sessions and refresh tokens. Tokens arrive here as hashes; this file never sees one."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from hubbub.store.database import Connection, Record
from hubbub.store.statements import load

SQL: Final = load("auth")


async def open_session(
    conn: Connection, session_id: UUID, user_id: UUID, token_hash: bytes, lifetime: int, user_agent: str | None
) -> None:
    """A new session with its first refresh token; `lifetime` in seconds."""
    await conn.execute(SQL["open_session"], session_id, user_id, token_hash, lifetime, user_agent)


async def lock_refresh_token(conn: Connection, token_hash: bytes) -> Record | None:
    """The token presented, locked until the transaction ends."""
    return await conn.fetchrow(SQL["lock_refresh_token"], token_hash)


async def rotate(conn: Connection, old_hash: bytes, new_hash: bytes, lifetime: int) -> None:
    """The old token is used, the new one stands; `lifetime` in seconds."""
    await conn.execute(SQL["rotate"], old_hash, new_hash, lifetime)


async def revoke(conn: Connection, session_id: UUID) -> bool:
    """End one session. False where it had ended."""
    return await conn.fetchval(SQL["revoke_session"], session_id) is not None


async def revoke_others(conn: Connection, user_id: UUID, keep: UUID | None) -> list[UUID]:
    """End every session of an account but one; those that ended."""
    return [row["session_id"] for row in await conn.fetch(SQL["revoke_others"], user_id, keep)]


async def of_user(conn: Connection, user_id: UUID, limit: int) -> list[Record]:
    """The sessions of an account that stand, the latest used first, each with its open `connections`."""
    return list(await conn.fetch(SQL["sessions_of"], user_id, limit))


async def live(conn: Connection, session_id: UUID, user_id: UUID) -> Record | None:
    """The account behind a session that still stands."""
    return await conn.fetchrow(SQL["live"], session_id, user_id)


async def still_live(conn: Connection, session_ids: list[UUID]) -> dict[UUID, Record]:
    """Of these sessions, those that still stand, each with its account's `role`, `display_name` and `avatar`."""
    return {row["session_id"]: row for row in await conn.fetch(SQL["still_live"], session_ids)}
