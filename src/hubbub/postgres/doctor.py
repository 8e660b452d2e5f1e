"""An ordered look at everything the database needs to be, from the settings to the clock.

Promises: changes nothing in the database; each check is ok, warn or fail, and one that is not ok says what mends it; a check
that cannot be made because an earlier one failed is left out. Printing is `cli/doctor.py`'s.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import asyncpg

from hubbub.config import ConfigError, Settings
from hubbub.intervals import latest_due
from hubbub.postgres import binaries, hosts, machine
from hubbub.postgres.borrow import borrowed
from hubbub.postgres.check import FAIL, OK, WARN, Check, bad
from hubbub.postgres.embedded import EmbeddedPostgres
from hubbub.postgres.external import check_version
from hubbub.postgres.server import server_for
from hubbub.postgres.spec import ConnectionSpec
from hubbub.postgres.troubles import PostgresUnavailable, Trouble, admin_command, diagnose, grants, settings_trouble

_SKEW_WARN: Final = 5.0
_BACKUP_WARN: Final = 2.0  # days, where no schedule says how old it may be
_BACKUP_TIME: Final = timedelta(hours=2)  # what a scheduled one may take, with a try after a failed one

Connect = Callable[[], Awaitable[asyncpg.Connection]]
_FAILURES: Final = (OSError, ssl.SSLError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class MigrationState(Protocol):
    """What `hubbub.store.migrate.status` answers."""

    @property
    def current(self) -> str | None: ...
    @property
    def head(self) -> str: ...
    @property
    def pending(self) -> tuple[str, ...]: ...
    @property
    def adoptable(self) -> bool: ...


Migrations = Callable[[Connect], Awaitable[MigrationState]]


async def examine(
    read_settings: Callable[[], Settings], migrations: Migrations, progress: Callable[[str], None]
) -> AsyncIterator[Check]:
    """Give one finding after another.

    Args:
        read_settings: usually `config.load`.
        migrations: tells how far the schema is.
        progress: called with a sentence where a step takes time.
    """
    try:
        settings = read_settings()
        server = server_for(settings)
    except ConfigError as error:
        yield bad("settings", settings_trouble(error))
        return
    where = "embedded in " + str(settings.data_dir.absolute()) if server.is_managed else "DATABASE_URL"
    yield Check("settings", OK, f"All settings can be read; the database is {where}.")
    yield machine.versions()
    yield machine.open_files_check(settings)
    yield machine.programs(server)
    for check in machine.disks(settings, holds_database=server.is_managed):
        yield check
    if isinstance(server, EmbeddedPostgres) and not server.exists():
        yield Check("reachable", OK, "There is no database yet; the first `hubbub serve` makes it.")
        return
    try:
        async with borrowed(server, progress) as spec:
            async for check in _examine_database(spec, settings, migrations):
                yield check
    except PostgresUnavailable as unavailable:
        yield bad("reachable", unavailable.trouble)


async def _examine_database(spec: ConnectionSpec, settings: Settings, migrations: Migrations) -> AsyncIterator[Check]:
    async def connect() -> asyncpg.Connection:
        return await hosts.connect(**spec.asyncpg_kwargs())

    try:
        began = time.monotonic()
        connection = await connect()
    except _FAILURES as error:
        yield bad("reachable", diagnose(error, spec))
        return
    took = time.monotonic() - began
    yield Check("reachable", OK, f"Connected in {1000 * took:.0f} ms to {spec.describe()}.")
    checks: tuple[tuple[str, Callable[[], Awaitable[Check]]], ...] = (
        ("version", lambda: _version(connection, spec)),
        ("pooler", lambda: _pooler(connection, settings)),
        ("encryption", lambda: _encryption(connection, spec)),
        ("writable", lambda: _writable(connection, spec)),
        ("rights", lambda: _rights(connection, spec)),
        ("migrations", lambda: _migrations(connect, migrations)),
        ("database_disk", lambda: _database_disk(connection, spec, settings)),
        ("connections", lambda: _connections(connection, spec, settings)),
        ("durability", lambda: _durability(connection, spec)),
        ("clock", lambda: _clock(connection)),
        ("backups", lambda: _backups(connection, settings)),
    )
    try:
        for name, check in checks:
            try:
                async with connection.transaction():  # through a pooler, all of a check meets one server
                    found = await check()
                yield found
            except _FAILURES as error:
                yield bad(name, diagnose(error, spec))
            except PostgresUnavailable as unavailable:
                yield bad(name, unavailable.trouble)
    finally:
        await connection.close()


async def _version(connection: asyncpg.Connection, spec: ConnectionSpec) -> Check:
    major = check_version(connection, spec)
    text = str(await connection.fetchval("SHOW server_version"))
    if major > binaries.NEWEST:
        trouble = Trouble(
            "version",
            f"PostgreSQL {text} is newer than any that Hubbub was tried with",
            f"Tried: {binaries.OLDEST} to {binaries.NEWEST}. It will most likely work.",
            ("See whether there is a newer Hubbub.",),
        )
        return bad("version", trouble, WARN)
    return Check("version", OK, f"PostgreSQL {text}.")


async def _pooler(connection: asyncpg.Connection, settings: Settings) -> Check:
    if connection.get_server_pid() == await connection.fetchval("SELECT pg_backend_pid()"):
        return Check("pooler", OK, "No pooler stands between.")
    if settings.listen_url is not None:
        return Check("pooler", OK, "A pooler stands between; HUBBUB_LISTEN_URL leads around it.")
    trouble = Trouble(
        "pooler",
        "A pooler stands between, and nothing leads around it",
        "In transaction mode it carries no LISTEN: what plain SQL writes is found once a second instead of at once, and "
        "several processes cannot use the `postgres` bus.",
        ("HUBBUB_LISTEN_URL=postgresql://user:password@the-server-itself:5432/chatdb",),
    )
    return bad("pooler", trouble, WARN)


async def _encryption(connection: asyncpg.Connection, spec: ConnectionSpec) -> Check:
    encrypted = await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    if encrypted and spec.tls.verifies:
        return Check("encryption", OK, "Encrypted; the server's certificate was verified.")
    if spec.is_local:
        return Check("encryption", OK, "The connection does not leave this machine.")
    trouble = Trouble(
        "tls_unverified",
        "Encrypted, but the certificate is not verified"
        if encrypted
        else "Passwords and messages cross the network in the clear",
        f"sslmode is {spec.tls.mode}.",
        (
            "Remove sslmode from DATABASE_URL, and set DB_SSL=true.",
            "HUBBUB_DB_SSL_ROOT_CERT=/path/to/root.crt where the authority is your own.",
        ),
    )
    return bad("encryption", trouble, WARN)


async def _writable(connection: asyncpg.Connection, spec: ConnectionSpec) -> Check:
    if await connection.fetchval("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"):
        return bad("writable", diagnose(asyncpg.ReadOnlySQLTransactionError("the server takes no writes"), spec))
    return Check("writable", OK, "The server takes writes.")


async def _rights(connection: asyncpg.Connection, spec: ConnectionSpec) -> Check:
    row = await connection.fetchrow(
        """
        SELECT has_database_privilege(current_database(), 'CREATE') AS own_schema,
               has_schema_privilege('public', 'CREATE') AS tables,
               ARRAY(SELECT c.relname::text FROM pg_class c
                      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
                        AND c.relname IN ('users', 'rooms', 'messages', 'message_reads', 'message_deliveries',
                                          'room_members', 'active_sessions')
                        AND NOT pg_has_role(c.relowner, 'USAGE')) AS foreign_tables,
               (SELECT pg_get_userbyid(c.relowner) FROM pg_class c
                 WHERE c.relname = 'alembic_version' AND c.relnamespace = to_regnamespace('hubbub')
                   AND NOT pg_has_role(c.relowner, 'USAGE')) AS owner,
               ARRAY(SELECT c.oid::regclass::text FROM pg_class c
                      WHERE c.relkind = 'r' AND c.relname <> 'alembic_version'
                        AND (c.relnamespace = to_regnamespace('hubbub')
                             OR c.relnamespace = 'public'::regnamespace AND c.relname IN (
                                 'users', 'rooms', 'messages', 'message_reads', 'message_deliveries', 'room_members',
                                 'active_sessions'))
                        AND NOT (has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
                                 AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
                                 AND has_table_privilege(c.oid, 'DELETE'))
                      ORDER BY 1) AS closed_tables
        """
    )
    if row["owner"] is not None:
        return _rights_to_serve(spec, row["owner"], row["closed_tables"])
    if row["own_schema"] and row["tables"] and not row["foreign_tables"]:
        return Check("rights", OK, f'"{spec.user}" may create and change what Hubbub needs.')
    lacking = []
    if not row["own_schema"]:
        lacking.append(f'CREATE on database "{spec.database}" (Hubbub keeps its own things in a schema "hubbub")')
    if not row["tables"]:
        lacking.append("CREATE on schema public")
    if row["foreign_tables"]:
        lacking.append("ownership of " + ", ".join(row["foreign_tables"]))
    return bad(
        "rights",
        Trouble(
            "permission",
            f'Permission denied for "{spec.user}" in "{spec.database}"',
            "Lacking: " + "; ".join(lacking) + ".",
            grants(spec, handover=bool(row["foreign_tables"])),
        ),
    )


def _rights_to_serve(spec: ConnectionSpec, owner: str, closed: list[str]) -> Check:
    """What a role needs that serves a schema which another owns."""
    if not closed:
        return Check("rights", OK, f'"{spec.user}" may read and write rows; the schema is changed by "{owner}" alone.')
    trouble = Trouble(
        "permission",
        f'Permission denied for "{spec.user}" in "{spec.database}"',
        f"May not read and write {', '.join(closed)}.",
        (
            f'hubbub db roles --apply --app {spec.user}    # with a DATABASE_URL of the owner, "{owner}"',
            *grants(spec, handover=True),
        ),
    )
    return bad("rights", trouble)


async def _migrations(connect: Connect, migrations: Migrations) -> Check:
    state = await migrations(connect)
    if not state.pending:
        return Check("migrations", OK, f"The schema is up to date ({state.current}).")
    what = (
        "an older chat backend's tables, which will be adopted"
        if state.adoptable
        else f"at {state.current or 'nothing'}"
    )
    trouble = Trouble(
        "migrations",
        f"{len(state.pending)} migrations are to be applied",
        f"The schema is {what}; it has to be at {state.head}.",
        ("hubbub db upgrade    # `hubbub serve` does it as well",),
    )
    return bad("migrations", trouble, WARN)


async def _database_disk(connection: asyncpg.Connection, spec: ConnectionSpec, settings: Settings) -> Check:
    """How large the database is, and how much room it has, where that can be seen from here."""
    size = await connection.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
    words = f"The database has {size}."
    # Told to a superuser and to pg_read_all_settings alone; others get no row.
    told = await connection.fetchval("SELECT s.setting FROM pg_settings AS s WHERE s.name = 'data_directory'")
    if settings.database_url is None:
        return Check("database_disk", OK, f"{words} It is on the disk of HUBBUB_DATA_DIR.")
    seen = machine.disk("database_disk", Path(told), FAIL) if spec.is_local and machine.has_folder(told) else None
    if seen is None:
        words += " How much room it has left, its own machine knows: `df -h` and `df -i` there."
        return Check("database_disk", OK, words)
    return seen if seen.status != OK else Check("database_disk", OK, f"{words} {seen.summary}")


async def _connections(connection: asyncpg.Connection, spec: ConnectionSpec, settings: Settings) -> Check:
    row = await connection.fetchrow(
        """
        SELECT current_setting('max_connections')::int AS most,
               current_setting('superuser_reserved_connections')::int
                 + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
               (SELECT count(*) FROM pg_stat_activity
                 WHERE backend_type = 'client backend'
                   AND application_name NOT IN ('hubbub', 'hubbub bus', 'hubbub sql', 'hubbub watch')) AS others,
               (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
               (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit
        """
    )
    limits = [limit for limit in (row["role_limit"], row["database_limit"]) if limit >= 0]
    room = min([row["most"] - row["reserved"] - row["others"], *limits])
    most = settings.connections
    several = f", for which all workers open {most}" if most != settings.db_pool_size else ""
    words = (
        f"DB_POOL_SIZE is {settings.db_pool_size}{several}; the server has room for {max(0, room)} "
        f"(max_connections {row['most']})."
    )
    if most <= room:
        return Check("connections", OK, words)
    trouble = Trouble(
        "pool_limit",
        "The pool is larger than the server allows",
        words,
        (
            f"DB_POOL_SIZE={max(3, room)}",
            admin_command(spec, f"ALTER SYSTEM SET max_connections = {row['most'] + most}")
            + "    # then restart PostgreSQL",
        ),
    )
    return bad("connections", trouble)


async def _durability(connection: asyncpg.Connection, spec: ConnectionSpec) -> Check:
    off = [
        name
        for name in ("fsync", "full_page_writes", "synchronous_commit")
        if await connection.fetchval("SELECT current_setting($1)", name) == "off"
    ]
    if not off:
        return Check("durability", OK, "What is committed is on disk (fsync, synchronous_commit).")
    trouble = Trouble(
        "durability",
        f"{', '.join(off)} off: messages that were acknowledged can be lost in a crash",
        "Hubbub's promise needs them on.",
        (
            *(admin_command(spec, f"ALTER SYSTEM SET {name} = on") for name in off),
            admin_command(spec, "SELECT pg_reload_conf()"),
        ),
    )
    return bad("durability", trouble, WARN if off == ["synchronous_commit"] else FAIL)


async def _clock(connection: asyncpg.Connection) -> Check:
    before = time.time()
    theirs = float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
    skew = theirs - (before + time.time()) / 2
    if abs(skew) <= _SKEW_WARN:
        return Check("clock", OK, f"The clocks agree to {max(1, abs(round(1000 * skew)))} ms.")
    trouble = Trouble(
        "clock",
        f"The database's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}",
        "Tokens end too early or too late, and times look wrong; the order of messages does not suffer.",
        ("timedatectl status    # on both machines", "sudo timedatectl set-ntp true"),
    )
    return bad("clock", trouble, WARN)


async def _backups(connection: asyncpg.Connection, settings: Settings) -> Check:
    if await connection.fetchval("SELECT to_regclass('hubbub.meta')") is None:
        return Check("backups", OK, "There is nothing to back up yet.")
    made = await connection.fetchval("SELECT k.value::float8 FROM hubbub.meta AS k WHERE k.key = 'backup_done'")
    due = None
    if settings.backup_schedule is not None:
        due = latest_due(settings.backup_schedule, datetime.now(UTC) - _BACKUP_TIME)
    if made is None:
        title, words = "No backup was made yet", "A lost disk would be the end of what people wrote."
    else:
        days = (time.time() - made) / 86_400
        words = f"The latest backup is {days:.1f} days old{f'; {settings.backup_schedule!r} is kept' if due else ''}."
        if made >= due.timestamp() if due else days <= _BACKUP_WARN:
            return Check("backups", OK, words)
        title = f"The latest backup is {days:.1f} days old"
        words = f"One was due at {due:%Y-%m-%d %H:%M} UTC." if due else "What was written since is on one disk alone."
    mend: tuple[str, ...] = (
        "hubbub backup /another/disk",
        "HUBBUB_BACKUP_SCHEDULE=daily 02:00    # and HUBBUB_BACKUP_FOLDER",
    )
    if due is not None:
        mend = ("hubbub backup    # says what stands in the way of the scheduled ones; `hubbub serve` makes them",)
    return bad("backups", Trouble("backups", title, words, mend), WARN)
