"""How the database does, from PostgreSQL's own statistics; what clears it up; and the plans of our statements."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import asyncpg

from hubbub.store.database import Connection, Record
from hubbub.store.statements import load

SQL: Final = load("statistics")


async def database(conn: Connection) -> Record:
    """The database in use: size, hits and reads of pages, commits, `counted_since`, `max_connections`."""
    return await conn.fetchrow(SQL["database"])


async def tables(conn: Connection, limit: int) -> Sequence[Record]:
    """The largest tables, with sizes in bytes and estimated rows."""
    return await conn.fetch(SQL["tables"], limit)  # type: ignore[no-any-return]


async def unused_indexes(conn: Connection, limit: int) -> Sequence[Record]:
    """The largest indexes that nothing has read since statistics are counted."""
    return await conn.fetch(SQL["unused_indexes"], limit)  # type: ignore[no-any-return]


async def unindexed_keys(conn: Connection, limit: int) -> Sequence[Record]:
    """Foreign keys that no index begins with."""
    return await conn.fetch(SQL["unindexed_keys"], limit)  # type: ignore[no-any-return]


def own() -> frozenset[str]:
    """The indexes and foreign keys of Hubbub's own schema: they are documented, and stay as they are."""
    text = files("hubbub.store").joinpath("schema.sql").read_text(encoding="utf-8")
    indexes = {f"{schema}.{name}" for name, schema in re.findall(r"INDEX (\w+) ON (\w+)\.", text)}
    return frozenset(indexes | set(re.findall(r"CONSTRAINT (\w+) FOREIGN KEY", text)))


async def connections(conn: Connection) -> Sequence[Record]:
    """How many connections there are to the server, by database, application, role and state."""
    return await conn.fetch(SQL["connections"])  # type: ignore[no-any-return]


async def activity(conn: Connection, *, idle: bool, limit: int) -> Sequence[Record]:
    """What the other connections to this database do, the longest at it first."""
    return await conn.fetch(SQL["activity"], idle, limit)  # type: ignore[no-any-return]


async def slowest(conn: Connection) -> Sequence[Record]:
    """The statements that took the most time: `query`, `calls`, `mean_seconds`, `total_seconds`.

    Nothing where the extension pg_stat_statements is not in this database, or not loaded by its server.
    """
    command = await conn.fetchval(SQL["slowest"])
    try:
        return await conn.fetch(command) if command is not None else []
    except (asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.InsufficientPrivilegeError):
        return []


async def to_vacuum(conn: Connection, names: Sequence[str] | None) -> Sequence[Record]:
    """The tables of these names, or all: `relid`, `name`, and the `command` that clears each."""
    return await conn.fetch(SQL["to_vacuum"], names)  # type: ignore[no-any-return]


async def vacuum(conn: Connection, table: Record) -> tuple[Record, Record]:
    """Clear one row of `to_vacuum`: the table before and after, as `table_now` has it."""
    before = await conn.fetchrow(SQL["table_now"], table["relid"])
    await conn.execute(table["command"])
    return before, await conn.fetchrow(SQL["table_now"], table["relid"])


async def explain(conn: Connection, sql: str, parameters: Sequence[str] | None, options: str) -> list[str]:
    """The plan of a statement, in a transaction that can write nothing and is rolled back.

    Args:
        parameters: their texts; None for the generic plan, which is that of any parameters.
        options: of EXPLAIN, such as `ANALYZE, BUFFERS`; ours, never a user's.

    Raises:
        asyncpg.PostgresError: a parameter is of the wrong type, or the statement would write.
    """
    if parameters is None:
        parameters_or_null: list[str | None] = [None] * max(map(int, re.findall(r"\$(\d+)", sql)), default=0)
    else:
        parameters_or_null = list(parameters)
    transaction = conn.transaction(readonly=True)
    await transaction.start()
    try:
        if parameters is None:
            await conn.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        command = await conn.fetchval(SQL["explain"], options, parameters_or_null)
        await conn.execute(f"PREPARE hubbub_explained AS {sql}")
        try:
            # A savepoint, so that what a refusal leaves can still be put away: through a pooler the session lives on.
            async with conn.transaction():
                return [row[0] for row in await conn.fetch(command)]
        finally:
            await conn.execute("DEALLOCATE hubbub_explained")
    finally:
        await transaction.rollback()
