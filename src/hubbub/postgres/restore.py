"""Where a backup is restored to: a database beside the one in use, which then takes its name.

Promises: the database in use is not touched until the other one is whole; the two change names in one transaction; the
one that was in use stays, by another name, unless it was empty or new; what a killed restore left is removed by the next one. A role that may not create databases restores
into an empty one, all at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg

from hubbub.postgres import hosts
from hubbub.postgres.backup import now
from hubbub.postgres.quoting import quoted
from hubbub.postgres.spec import ConnectionSpec
from hubbub.postgres.troubles import PostgresUnavailable, Trouble

_LONGEST: Final = 40  # characters of a name, so that what is added still fits into PostgreSQL's 63


@dataclass(frozen=True, slots=True)
class Place:
    """What is where a backup is to go.

    Attributes:
        major: the server's version.
        may_create: the role may create databases.
        is_empty: nothing at all is in the database.
        is_new: it is empty, or a new Hubbub's: nobody has an account, nothing was said.
        serving: processes that serve it now.
    """

    major: int
    may_create: bool
    is_empty: bool
    is_new: bool
    serving: int


async def look(spec: ConnectionSpec, is_unused: Callable[[asyncpg.Connection], Awaitable[bool]]) -> Place:
    """
    Args:
        is_unused: whether nobody has ever come to a chat that is there: `store.moving` knows.

    Raises:
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: the database cannot be used.
    """
    connection = await hosts.connect(**spec.asyncpg_kwargs())
    try:
        row = await connection.fetchrow(
            """
            SELECT (SELECT r.rolcreatedb OR r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) AS may_create,
                NOT EXISTS (
                    SELECT FROM pg_class AS c
                    WHERE c.relnamespace IN (to_regnamespace('public'), to_regnamespace('hubbub'))
                        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
                ) AS is_empty,
                to_regclass('hubbub.nodes') IS NOT NULL AS is_ours
            """
        )
        serving, is_new = 0, row["is_empty"]
        if row["is_ours"]:
            serving = await connection.fetchval("SELECT count(*) FROM hubbub.nodes WHERE lease_until >= now()")
            is_new = await is_unused(connection)
        major = int(connection.get_server_version().major)
        return Place(major, bool(row["may_create"]), row["is_empty"], is_new, serving)
    finally:
        await connection.close()


@asynccontextmanager
async def scratch(spec: ConnectionSpec) -> AsyncIterator[ConnectionSpec]:
    """A database beside the one of `spec`, with nothing in it; gone when the block ends, unless `swap` gave it its name.

    Raises:
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: it cannot be created.
    """
    prefix = f"{spec.database[:_LONGEST]}_restore_"
    name = prefix + os.urandom(4).hex()
    async with _administration(spec) as connection:
        await _forget_killed(connection, prefix)
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", name)  # as long as we live
        like = await connection.fetchrow(
            "SELECT datcollate, datctype FROM pg_database WHERE datname = $1", spec.database
        )
        try:
            await connection.execute(
                f"CREATE DATABASE {quoted(name)} TEMPLATE template0 ENCODING 'UTF8' "
                f"LC_COLLATE {_literal(like['datcollate'])} LC_CTYPE {_literal(like['datctype'])}",
                timeout=None,
            )
            yield spec.with_database(name)
        finally:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with _administration(spec) as another:
                    await another.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)", timeout=None)


async def _forget_killed(connection: asyncpg.Connection, prefix: str) -> None:
    """Remove what a restore that was killed has left: the lock of such a database is free."""
    for row in await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname::text, $1)", prefix):
        name = row["datname"]
        if await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", name):
            # By force, for its pg_restore may have outlived it. Another role's is left to that role.
            with contextlib.suppress(asyncpg.ObjectInUseError, asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)", timeout=None)
            await connection.execute("SELECT pg_advisory_unlock(hashtext($1))", name)


async def swap(spec: ConnectionSpec, made: ConnectionSpec, *, keep: bool) -> str | None:
    """Give the name of the database in use to `made`; the name that the other one has now, where it is kept.

    Raises:
        PostgresUnavailable: somebody is connected to one of the two; nothing was changed.
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: likewise.
    """
    before = f"{spec.database[:_LONGEST]}_before_{now():%Y%m%d%H%M%S}"
    async with _administration(spec) as connection:
        try:
            async with connection.transaction():
                for old, new in ((spec.database, before), (made.database, spec.database)):
                    await connection.execute(f"ALTER DATABASE {quoted(old)} RENAME TO {quoted(new)}", timeout=60)
        except asyncpg.ObjectInUseError as error:
            who = await connection.fetch(
                "SELECT pid, usename, application_name FROM pg_stat_activity WHERE datname = $1", spec.database
            )
            names = ", ".join(f"{row['application_name'] or row['usename']} (process {row['pid']})" for row in who)
            remedy = ("End what uses it, then restore again.",)
            raise PostgresUnavailable(
                Trouble("in_use", f'Somebody is connected to "{spec.database}"', names or str(error), remedy)
            ) from error
        if keep:
            return before
        await connection.execute(f"DROP DATABASE {quoted(before)}", timeout=None)
        return None


@asynccontextmanager
async def _administration(spec: ConnectionSpec) -> AsyncIterator[asyncpg.Connection]:
    """A connection to another database of the same server: none can be renamed or removed from within."""
    place = "template1" if spec.database == "postgres" else "postgres"
    connection = await hosts.connect(**spec.with_database(place).asyncpg_kwargs())
    try:
        yield connection
    finally:
        await connection.close()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
