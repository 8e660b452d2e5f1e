"""Accounts for tests, made straight in the database: signed in, without the cost of hashing a password.

Works beside any server on the same database that was given the same `SECRET`.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from hubbub.chat.tokens import Tokens, fingerprint, new_refresh_token
from hubbub.domain.ids import new_id
from hubbub.domain.model import Actor
from hubbub.store import members, sessions, users

SECRET = "a key for tests alone, 32 characters or more"


@dataclass(frozen=True)
class Person:
    """An account with one signed-in session."""

    user_id: UUID
    session_id: UUID
    username: str
    token: str

    @property
    def id(self) -> str:
        return str(self.user_id)

    @property
    def actor(self) -> Actor:
        return Actor(
            user_id=self.user_id,
            session_id=self.session_id,
            username=self.username,
            display_name=self.username.title(),
            avatar=None,
            role="user",
            expires_at=2**40,
        )


async def sign_up(conn: asyncpg.Connection, username: str, *, role: str = "user", expires_in: int = 900) -> Person:
    """A new account and a session of it."""
    user_id = new_id()
    row = await users.register(conn, user_id, username, f"{username}@example.org", "!", username.title(), None, role)
    assert row is not None, f"{username} is taken"
    return await sign_in_again(conn, Person(user_id, user_id, username, ""), expires_in=expires_in)


async def sign_in_again(conn: asyncpg.Connection, person: Person, *, expires_in: int = 900) -> Person:
    """Another session of the same account."""
    session_id = new_id()
    await sessions.open_session(conn, session_id, person.user_id, fingerprint(new_refresh_token()), 86_400, None)
    token = Tokens(SECRET, expires_in).issue(person.user_id, session_id)
    return Person(person.user_id, session_id, person.username, token)


async def room(
    conn: asyncpg.Connection, name: str, *people: Person, private: bool = False, by: Person | None = None
) -> UUID:
    """A new room with these members."""
    room_id: UUID = await conn.fetchval(
        "INSERT INTO rooms (room_name, is_private, created_by) VALUES ($1, $2, $3) RETURNING room_id",
        name,
        private,
        by.user_id if by else None,
    )
    for person in people:
        assert await members.add(conn, person.user_id, room_id, person.user_id, True) is not None
    return room_id
