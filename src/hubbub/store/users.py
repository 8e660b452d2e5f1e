"""Accounts: rows of `users` in and out. Passwords and addresses leave this file only for oneself or for a check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec import UNSET

from hubbub.domain.ids import stamp
from hubbub.domain.model import Actor, User
from hubbub.store.database import Connection, Record
from hubbub.store.statements import load

SQL: Final = load("users")


def user_of(row: Record, *, own: bool = False) -> User:
    """The account as others see it, or as its owner does."""
    return User(
        user_id=row["user_id"],
        username=row["username"],
        display_name=row["display_name"] or row["username"],
        avatar=row["avatar"],
        bio=row["bio"],
        status="online" if row["status"] == "online" else "offline",
        last_seen=stamp(row["last_seen"]) if row["last_seen"] else None,
        created_at=stamp(row["created_at"]),
        role=row["role"],
        email=row["email"] if own else UNSET,
        last_login=(stamp(row["last_login"]) if row["last_login"] else None) if own else UNSET,
    )


async def register(
    conn: Connection,
    user_id: UUID,
    username: str,
    email: str,
    password_hash: str,
    display_name: str,
    avatar: str | None,
    role: str = "user",
) -> Record | None:
    """Add an account, inside a transaction. None where the name or the address is taken."""
    await conn.execute(SQL["lock_names"], [username, email])
    return await conn.fetchrow(SQL["register"], user_id, username, email, password_hash, display_name, avatar, role)


async def taken(conn: Connection, username: str, email: str) -> tuple[bool, bool]:
    """Whether the name, and the address, belong to somebody."""
    row = await conn.fetchrow(SQL["taken"], username, email)
    return row["username"], row["email"]


async def by_id(conn: Connection, user_id: UUID) -> Record | None:
    return await conn.fetchrow(SQL["by_id"], user_id)


async def for_login(conn: Connection, name: str) -> Record | None:
    """The account that a name or an e-mail address means."""
    return await conn.fetchrow(SQL["for_login"], name)


async def page(conn: Connection, after: UUID, limit: int, offset: int) -> Sequence[Record]:
    return await conn.fetch(SQL["page"], after, limit, offset)  # type: ignore[no-any-return]


async def by_name_after(
    conn: Connection, after: str, limit: int, *, role: str | None = None, disabled: bool = False
) -> Sequence[Record]:
    """Accounts by name, for an operator; those of a role, or the disabled ones, alone."""
    return await conn.fetch(SQL["by_name_after"], after, limit, role, disabled)  # type: ignore[no-any-return]


async def figures(conn: Connection, user_id: UUID, most: int) -> Record:
    """How many `rooms` and `messages` (each up to `most`), `sign_ins` and `connections` an account has."""
    return await conn.fetchrow(SQL["figures"], user_id, most)


async def count(conn: Connection) -> int:
    return int(await conn.fetchval(SQL["count"]))


async def search(conn: Connection, words: str, limit: int) -> list[User]:
    """Accounts by name; `%`, `_` and the backslash stand for themselves."""
    pattern = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [user_of(row) for row in await conn.fetch(SQL["search"], pattern, words, limit)]


async def logged_in(conn: Connection, user_id: UUID, password_hash: str) -> Record | None:
    """Remember the time of a login; the account as it is now. None where its password has changed since it was read."""
    return await conn.fetchrow(SQL["logged_in"], user_id, password_hash)


async def rehash(conn: Connection, user_id: UUID, old_hash: str, new_hash: str) -> None:
    """The same password under a better hash, unless it was changed meanwhile."""
    await conn.execute(SQL["rehash"], user_id, old_hash, new_hash)


async def set_password(conn: Connection, user_id: UUID, password_hash: str) -> None:
    await conn.execute(SQL["set_password"], user_id, password_hash)


async def update_profile(
    conn: Connection,
    user_id: UUID,
    *,
    display_name: tuple[bool, str | None],
    avatar: tuple[bool, str | None],
    bio: tuple[bool, str | None],
) -> Record | None:
    """New names; each field is (given?, value)."""
    return await conn.fetchrow(SQL["update_profile"], user_id, *display_name, *avatar, *bio)


async def set_role(conn: Connection, user_id: UUID, role: str) -> None:
    """Make somebody an administrator, or no longer."""
    await conn.execute(SQL["set_role"], user_id, role)


async def set_disabled(conn: Connection, user_id: UUID, disabled: bool) -> None:
    """Close an account to everybody, or open it again."""
    await conn.execute(SQL["set_disabled"], user_id, disabled)


async def leave_all_rooms(conn: Connection, user_id: UUID) -> list[tuple[UUID, int]]:
    """End every membership of an account: (room, number of the change) of each."""
    return [(row["room_id"], row["change_seq"]) for row in await conn.fetch(SQL["leave_all_rooms"], user_id)]


async def delete_account(conn: Connection, user_id: UUID) -> None:
    """Take the account's names and password away; its row stays for its messages to point to."""
    await conn.execute(SQL["delete_account"], user_id)


async def erase_some(conn: Connection, user_id: UUID, limit: int) -> int:
    """Turn the next `limit` messages of an account into tombstones without author or history; how many there were."""
    return int(await conn.fetchval(SQL["erase_messages"], user_id, limit))


def actor_of(row: Record, session_id: UUID, expires_at: float) -> Actor:
    """Whoever a live session belongs to."""
    return Actor(
        user_id=row["user_id"],
        session_id=session_id,
        username=row["username"],
        display_name=row["display_name"] or row["username"],
        avatar=row["avatar"],
        role=row["role"],
        expires_at=expires_at,
    )
