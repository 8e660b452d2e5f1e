"""Every foreign key is served by an index: whoever removes a row by plain SQL waits for what points to it, not for whole tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import asyncpg

KEYS = """
    SELECT k.conname AS name, k.conrelid::regclass::text AS holder, k.confdeltype AS on_delete, count(*) OVER (PARTITION BY k.oid) AS columns,
        quote_ident(a.attname) AS field, format_type(a.atttypid, NULL) AS type
    FROM pg_constraint AS k JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
    WHERE k.contype = 'f' AND k.connamespace IN ('public'::regnamespace, 'hubbub'::regnamespace)
    ORDER BY 1
"""
# Foreign keys without one, each with its reason. There is none.
EXCEPTIONS: dict[str, str] = {}


async def unserved(connection: asyncpg.Connection) -> set[str]:
    """The foreign keys whose statement, as PostgreSQL itself runs it when a row is removed, reads the table from end to end."""
    found = set()
    for key in await connection.fetch(KEYS):
        assert key["columns"] == 1, key
        condition = f"WHERE $1 OPERATOR(pg_catalog.=) {key['field']}"  # ri_triggers.c
        if key["on_delete"] == b"c":
            statement = f"DELETE FROM ONLY {key['holder']} {condition}"
        else:
            statement = f"UPDATE ONLY {key['holder']} SET {key['field']} = NULL {condition}"
        await connection.execute(f"PREPARE removal ({key['type']}) AS {statement}")
        plan = json.loads(await connection.fetchval("EXPLAIN (FORMAT JSON) EXECUTE removal (NULL)"))
        await connection.execute("DEALLOCATE removal")
        used = [node["Index Name"] for node in nodes(plan[0]["Plan"]) if key["field"] in node.get("Index Cond", "")]
        # An index that begins with another column can be used, and is read from end to end.
        first = "SELECT pg_get_indexdef(c.oid, 1, true) FROM pg_class AS c WHERE c.relname = $1 AND c.relkind = 'i'"
        if [await connection.fetchval(first, name) for name in used] != [key["field"]]:
            found.add(key["name"])
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def test_every_foreign_key_has_an_index_that_serves_it(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        # The tables are empty: what could be used is, however small they are; and for any value, as for a trigger.
        await connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        assert len(await connection.fetch(KEYS)) >= 16
        assert await unserved(connection) == set(EXCEPTIONS)
        # Without them it is noticed; a partial index, or one that begins with another column, serves nobody.
        await connection.execute(
            """
            DROP INDEX public.idx_rooms_creator, public.idx_room_members_user, public.idx_active_sessions_room;
            CREATE INDEX ON public.room_members (user_id) WHERE is_active;
            CREATE INDEX ON public.active_sessions (user_id, room_id);
            """
        )
        assert await unserved(connection) == {
            "rooms_created_by_fkey", "room_members_user_id_fkey", "active_sessions_room_id_fkey"
        } | set(EXCEPTIONS)  # fmt: skip
    finally:
        await connection.close()


async def test_the_present_rooms_of_somebody_are_found_among_the_past_ones(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        query = "SELECT count(*) FROM public.room_members WHERE user_id = '00000000-0000-0000-0000-000000000000' AND is_active"
        plan = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query}"))
        conditions = [node["Index Cond"] for node in nodes(plan[0]["Plan"]) if "Index Cond" in node]
        assert [("user_id" in one, "is_active" in one) for one in conditions] == [(True, True)]
    finally:
        await connection.close()
