"""Moves a whole chat from one database to another: what `hubbub promote` does.

Promises: the source is only read; rows are copied in the order of their keys, a bounded number in a transaction, so that
a move that was cut off goes on where it stopped; no superuser is needed on either side, and the versions of PostgreSQL
may differ; until the last step the target says that a move is under way, and no Hubbub serves it; it ends only when
counts and checksums of both sides are equal.

The target's schema is made by its own migrations. Its indexes, constraints and triggers are taken away for the time of the
copying and made again by the source's own definitions: rows come as they are, and an index is built once instead of a
million times. Nobody may write to the source meanwhile; the caller sees to that.
Before: `cli/promote.py`. After: `sql/moving.sql`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

from asyncpg import Record

from hubbub.postgres.quoting import quoted
from hubbub.store import digest, migrate
from hubbub.store.database import Connection
from hubbub.store.digest import Digest, Table
from hubbub.store.migrate import Connect
from hubbub.store.statements import load
from hubbub.together import together

SQL: Final = load("moving")
CHUNK: Final = 50_000  # rows in one transaction: half a second's work, which a cut costs at most
_PIECES: Final = 8  # of the copy's stream that may wait between the two connections, up to 64 kB each
_NOT_MOVED: Final = digest.OF_THE_MOMENT | {"hubbub.alembic_version"}  # the revision is set last of all
_OWN: Final = "Give this chat an empty database of its own: CREATE DATABASE chatdb;"

Tell = Callable[[str, int, int], None]
"""Told how it comes along: what is being done, how much of it is done, of how much."""


class MoveRefused(Exception):
    """The chat was not moved, and the source is as it was; the message says why.

    Attributes:
        remedy: what to do.
    """

    def __init__(self, why: str, *remedy: str) -> None:
        super().__init__(why)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: rows by table, whether an earlier try was gone on with, and tables that are not the chat's."""

    rows: dict[str, int]
    resumed: bool
    left: tuple[str, ...]


async def is_unused(connection: Connection) -> bool:
    """Whether nobody has ever come to the chat of a database: nothing would be lost with it."""
    return bool(await connection.fetchval(SQL["is_unused"]))


async def move(source: Connection, target: Connection, connect_target: Connect, tell: Tell) -> Moved:
    """Copy everything, prove that it is equal, and let the target be served.

    Args:
        source: a connection to a database of this schema that nobody writes to.
        target: a connection of the role that is to own the chat there.
        connect_target: opens another one, for the migrations.

    Raises:
        MoveRefused: the target holds another chat, or one side is not of this schema.
        MigrationError: the target cannot be brought to this schema.
        asyncpg.PostgresError, OSError: a database refused, or went away; the same call goes on later.
    """
    for side in (source, target):
        await side.execute(SQL["no_hurry"])
    async with source.transaction(isolation="repeatable_read", readonly=True):
        await source.execute(SQL["full_names"])
        head = await source.fetchval(SQL["mark"])
        mark = f"{migrate.MOVING}{await _system(source)}"[:32]
        resumed = await _begin(target, connect_target, mark)
        tables, left = await _both(source, target)
        if not resumed:
            await _clear(target, tables, mark)
        rows = {table.full_name: await _copy(source, target, table, tell) for table in tables}
        wanted = await _definitions(source)
        # Nobody is served meanwhile: one side sums up what it has while the other makes its indexes.
        want, _ = await together(_sums(source, tables, "here", tell), _restore(target, wanted, tables, tell))
        await _compare(want, target, tables, tell)
        async with target.transaction():
            await target.execute(SQL["set_mark"], head)
        await analyze(target)
    return Moved(rows, resumed, left)


async def analyze(conn: Connection) -> None:
    """Where all of a chat has come at once: without this, plans are guesses until autovacuum comes by."""
    await conn.execute(SQL["analyze"], timeout=None)


async def _system(source: Connection) -> str:
    return str(await source.fetchval(SQL["system"]))


async def _begin(target: Connection, connect_target: Connect, mark: str) -> bool:
    """Make the target's schema; True where an earlier move from the same source is to be gone on with."""
    found = await migrate.revision(target)
    if found == mark:
        return True
    if found is not None and found.startswith(migrate.MOVING):
        raise MoveRefused("Another chat is being moved there, and has not come over whole.", _OWN)
    # Looked at before anything is done there: a chat of an older version would be upgraded, one of the older backend adopted.
    state = await migrate.status_on(target)
    if state.adoptable or (state.current is not None and not await is_unused(target)):
        raise MoveRefused("A chat lives there already.", _OWN)
    await migrate.upgrade(connect_target)
    return False


async def _both(source: Connection, target: Connection) -> tuple[list[Table], tuple[str, ...]]:
    """The tables to be moved, and the names of those that are not the chat's."""
    theirs = {table.full_name: table for table in await digest.tables(target)}
    ours, left = [], []
    for table in await digest.tables(source):
        name = table.full_name
        if name in _NOT_MOVED:
            continue
        if name not in theirs:
            left.append(name)
        elif table.columns != theirs[name].columns:
            raise MoveRefused(f"{name} has other columns there.", _OWN)
        else:
            ours.append(table)
    return ours, tuple(left)


async def _clear(target: Connection, tables: list[Table], mark: str) -> None:
    """Say that a move is under way, and take away what would be in its way."""
    async with target.transaction():
        await target.execute(SQL["set_mark"], mark)
        for row in reversed(await target.fetch(SQL["constraints"])):
            table = f"{quoted(row['schema'])}.{quoted(row['relation'])}"
            await target.execute(SQL["drop_constraint"].format(table=table, constraint=quoted(row["name"])))
        for row in await target.fetch(SQL["indexes"]):
            name = f"{quoted(row['schema'])}.{quoted(row['name'])}"
            await target.execute(SQL["drop_index"].format(name=name))
        for place in tables:
            await target.execute(SQL["set_triggers"].format(table=place.sql, how="DISABLE"))
            await target.execute(SQL["truncate"].format(table=place.sql))


async def _copy(source: Connection, target: Connection, table: Table, tell: Tell) -> int:
    """All rows that the target does not have yet; how many there are now."""
    total: int = await source.fetchval(SQL["count"].format(table=table.sql), timeout=None)
    done: int = await target.fetchval(SQL["count"].format(table=table.sql), timeout=None)
    tell(table.full_name, done, total)
    reached = await _reached(target, table) if done < total else None
    if reached is None and done < total:
        await target.execute(SQL["truncate"].format(table=table.sql))
        done = 0
    while done < total:
        bound = await source.fetchrow(_slice(table, SQL["bound"], reached, None), *(reached or ()), timeout=None)
        until = list(bound.values()) if bound is not None else None
        query = _slice(table, SQL["chunk"], reached, until)
        copied = await _stream(source, target, table, query, [*(reached or ()), *(until or ())])
        done, reached = done + copied, until
        tell(table.full_name, done, total)
        if until is None:
            break
    return done


async def _reached(target: Connection, table: Table) -> list[Any] | None:
    """The key up to which the target has all rows; None where that cannot be told, or it has none."""
    if table.has_text_key:  # which the two databases may sort otherwise
        return None
    backwards = ", ".join(f"{quoted(column)} DESC" for column in table.key)
    row = await target.fetchrow(
        SQL["last"].format(key=_names(table.key), table=table.sql, backwards=backwards), timeout=None
    )
    return list(row.values()) if row is not None else None


def _slice(table: Table, statement: str, after: list[Any] | None, until: list[Any] | None) -> str:
    """A statement about the rows after one key, up to another, the bounds being its parameters."""
    key, number, where = _names(table.key), 0, []
    for sign, bound in ((">", after), ("<=", until)):
        if bound is not None:
            names = ", ".join(f"${number + step}" for step in range(1, len(bound) + 1))
            where.append(f"({key}) {sign} ({names})")
            number += len(bound)
    return statement.format(
        columns=_names(table.columns), table=table.sql, key=key, skipped=CHUNK - 1,
        where=f"WHERE {' AND '.join(where)}" if where else "",
    )  # fmt: skip


async def _stream(source: Connection, target: Connection, table: Table, query: str, given: list[Any]) -> int:
    """Copy what a query gives, in one transaction of the target; how many rows."""
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES)

    async def flow() -> AsyncIterator[bytes]:
        while (piece := await pieces.get()) is not None:
            yield piece

    async def read() -> None:
        await source.copy_from_query(query, *given, output=pieces.put, format="binary", timeout=None)
        await pieces.put(None)

    writing = target.copy_to_table(
        table.name, schema_name=table.schema, columns=table.columns, source=flow(), format="binary", timeout=None
    )
    _, copied = await together(read(), writing)
    return int(copied.rsplit(" ", 1)[-1])


async def _restore(target: Connection, wanted: list[Record], tables: list[Table], tell: Tell) -> None:
    """Make again what was taken away; each by itself, so that one that is made need not be made twice."""
    there = {row["name"] for row in await _definitions(target)}
    missing = [row for row in wanted if row["name"] not in there]
    wanted_by_unique = sorted(missing, key=lambda row: "FOREIGN KEY" in row["made_by"])
    for number, row in enumerate(wanted_by_unique):
        tell("indexes and constraints", number, len(missing))
        await target.execute(row["made_by"], timeout=None)
    tell("indexes and constraints", len(missing), len(missing))
    async with target.transaction():
        for table in tables:
            await target.execute(SQL["set_triggers"].format(table=table.sql, how="ENABLE"))


async def _definitions(side: Connection) -> list[Record]:
    """Its constraints and indexes, each with its name and the command that makes it."""
    return [row for kind in ("constraints", "indexes") for row in await side.fetch(SQL[kind])]


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, columns))


async def _sums(side: Connection, tables: list[Table], where: str, tell: Tell) -> dict[str, Digest]:
    found = await digest.of(side, tables, lambda name, done, of: tell(f"checksums {where}", done, of))
    tell(f"checksums {where}", len(tables), len(tables))
    return found


async def _compare(want: dict[str, Digest], target: Connection, tables: list[Table], tell: Tell) -> None:
    """Counts and checksums of both sides are equal, or the move has failed."""
    async with target.transaction(isolation="repeatable_read", readonly=True):
        found = await _sums(target, tables, "there", tell)
    unlike = [name for name in want if want[name] != found[name]]
    if unlike:
        raise MoveRefused(
            f"What came over is not what is here: {', '.join(unlike)}. Something wrote there, or here, meanwhile.",
            "Drop that database, make it anew, and give the command again.",
        )
