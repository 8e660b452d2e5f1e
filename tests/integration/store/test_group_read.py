"""Group reads are answered, each of them, whoever asks when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hubbub.chat.group_read import GroupRead
from hubbub.store.database import Connection, Database


async def read(conn: Connection, asked: Sequence[int]) -> list[int]:
    rows = await conn.fetch(
        "SELECT 2 * n AS answer FROM unnest($1::int[]) WITH ORDINALITY AS t (n, ord) ORDER BY ord", asked
    )
    return [row["answer"] for row in rows]


async def test_who_asks_as_soon_as_an_answer_is_there_is_answered_too(database: str) -> None:
    db = await Database.open({"dsn": database}, size=3, timeout=5)
    try:
        group = GroupRead(db, read, waiting_max=10)
        async with asyncio.timeout(20):
            # The reader of the first question has nothing left to read, and has not ended yet.
            assert [await group.ask(number) for number in range(5)] == [0, 2, 4, 6, 8]
        assert group.waiting == 0
    finally:
        await db.close()
