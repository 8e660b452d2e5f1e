"""A chat in a test's database, spoken to in plain SQL; and the check that its rooms keep the laws."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg

# A number that two things hold, or that is above the counter. (That no number is left out shows in the counter itself,
# which the tests compare with the changes they made.)
_DOUBLE = """
    SELECT r.room_name, n.number, count(*)
    FROM rooms AS r JOIN (
        SELECT room_id, change_seq AS number FROM messages
        UNION ALL SELECT room_id, change_seq FROM room_members WHERE change_seq > 0
        UNION ALL SELECT room_id, change_seq FROM rooms WHERE change_seq > 0
    ) AS n ON n.room_id = r.room_id
    GROUP BY r.room_name, r.last_seq, n.number HAVING count(*) > 1 OR n.number > r.last_seq
"""
_WRONG = """
    SELECT room_name FROM rooms AS r
    WHERE message_count <> (SELECT count(*) FROM messages AS m WHERE m.room_id = r.room_id AND NOT is_deleted)
        OR member_count <> (SELECT count(*) FROM room_members AS m WHERE m.room_id = r.room_id AND is_active)
        OR last_seq < (SELECT coalesce(max(seq), 0) FROM messages AS m WHERE m.room_id = r.room_id)
"""
_DISORDER = """
    SELECT * FROM (SELECT created_at, lag(created_at) OVER (PARTITION BY room_id ORDER BY seq) AS before FROM messages) AS m
    WHERE created_at <= before
"""

Send = tuple[uuid.UUID | None, uuid.UUID | None, str, str | None, uuid.UUID | None]


class Chat:
    """One connection, and the verbs that tests repeat."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    @classmethod
    async def open(cls, dsn: str) -> Chat:
        return cls(await asyncpg.connect(dsn))

    async def close(self) -> None:
        await self.connection.close()

    async def run(self, sql: str, *values: Any) -> None:
        await self.connection.execute(sql, *values)

    async def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.connection.fetch(sql, *values)]

    async def value(self, sql: str, *values: Any) -> Any:
        return await self.connection.fetchval(sql, *values)

    async def user(self, name: str) -> uuid.UUID:
        found: uuid.UUID = await self.value("INSERT INTO users (username) VALUES ($1) RETURNING user_id", name)
        return found

    async def room(self, name: str) -> uuid.UUID:
        found: uuid.UUID = await self.value("INSERT INTO rooms (room_name) VALUES ($1) RETURNING room_id", name)
        return found

    async def join(self, user: uuid.UUID, room: uuid.UUID) -> None:
        await self.run("INSERT INTO room_members (user_id, room_id) VALUES ($1, $2)", user, room)

    async def message(self, user: uuid.UUID, room: uuid.UUID, text: str = "hello") -> uuid.UUID:
        insert = "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, $3) RETURNING message_id"
        found: uuid.UUID = await self.value(insert, user, room, text)
        return found

    async def send(self, sends: Sequence[Send], ids: Sequence[uuid.UUID] | None = None) -> list[asyncpg.Record]:
        """A batch through hubbub.append_messages; each send is (user, room, text, client id, reply to)."""
        columns = [list(column) for column in zip(*sends, strict=True)] or [[]] * 5
        answers: list[asyncpg.Record] = await self.connection.fetch(
            "SELECT * FROM hubbub.append_messages($1, $2, $3, $4, $5, $6)",
            list(ids) if ids is not None else [uuid.uuid4() for _ in sends],
            *columns,
        )
        return answers

    async def counters(self, name: str) -> tuple[int, ...]:
        """(last_seq, change_seq, message_count, member_count) of a room."""
        rows = await self.fetch(
            "SELECT last_seq, change_seq, message_count, member_count FROM rooms WHERE room_name = $1", name
        )
        return rows[0]

    async def receipts(self, table: str, user: uuid.UUID) -> list[int]:
        """The places of the messages for which a user has rows."""
        rows = await self.fetch(
            f"SELECT seq FROM {table} JOIN messages USING (message_id) WHERE {table}.user_id = $1 ORDER BY 1", user
        )
        return [seq for (seq,) in rows]

    async def check(self) -> None:
        """Every room keeps the laws: numbers, counters, order of times."""
        assert await self.fetch(_DOUBLE) == []
        assert await self.fetch(_WRONG) == []
        assert await self.fetch(_DISORDER) == []
