"""Every named statement is one that PostgreSQL takes: each is prepared against the schema it was written for."""

from __future__ import annotations

import re
from importlib.resources import files

import asyncpg
import pytest

from hubbub.store.statements import load

NOUNS = sorted(path.name.removesuffix(".sql") for path in files("hubbub.store").joinpath("sql").iterdir())

# Where the table itself is what changes from one use to the next.
TEMPLATES = ("adoption", "digest", "moving")
WORDS = {
    "table": "public.rooms", "columns": "room_id, room_name", "key": "room_id", "where": "WHERE room_id > $1", "skipped": "9",
    "backwards": "room_id DESC", "how": "DISABLE", "constraint": "rooms_created_by_fkey", "name": "public.idx_rooms_public",
}  # fmt: skip


@pytest.mark.parametrize("noun", NOUNS)
async def test_every_statement_can_be_prepared(database: str, noun: str) -> None:
    statements = load(noun)
    assert statements
    conn = await asyncpg.connect(database)
    try:
        # What only an adopted database has.
        await conn.execute("CREATE TABLE hubbub.adopted_orphans (table_name text, row_data jsonb)")
        await conn.execute("CREATE EXTENSION amcheck")  # which `verify` uses where it is
        refused = {}
        for name, sql in statements.items():
            try:
                await conn.prepare(sql.format_map(WORDS) if noun in TEMPLATES else sql)
            except asyncpg.PostgresError as error:
                refused[name] = f"{error} {error.detail or ''}"
        assert not refused
    finally:
        await conn.close()


def test_every_statement_is_used() -> None:
    source = "\n".join(path.read_text() for path in files("hubbub.store").iterdir() if path.name.endswith(".py"))
    # `write_rows` and `people` choose between two statements by name.
    unused = [f"{noun}.{name}" for noun in NOUNS for name in load(noun) if not re.search(rf"[\"']{name}[\"']", source)]
    assert unused == ["receipts.readers", "receipts.recipients"]
