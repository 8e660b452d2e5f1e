"""`hubbub db …`: the database in use, embedded or at DATABASE_URL, beside a running Hubbub or without one."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

import asyncpg
import typer

from hubbub.cli import console, migrations
from hubbub.config import Settings
from hubbub.errors import HubbubError
from hubbub.postgres import ConnectionSpec, PostgresUnavailable, Trouble, diagnose, directory, hosts, server_for
from hubbub.postgres.borrow import borrowed
from hubbub.postgres.doctor import Connect, MigrationState
from hubbub.store import epoch

app = typer.Typer(help="The database: schema, state, a shell.", no_args_is_help=True)

_STATUS_CODES: Final = "Exit codes: 0 up to date · 3 migrations are pending · 1 trouble · 2 wrong usage"
_PSQL_CODES: Final = "Exit codes: psql's own (0 done · 1 fatal · 2 connection lost · 3 script failed); 1 also when the database cannot be used"
_T = TypeVar("_T")
_Json = Annotated[bool, typer.Option("--json", help="For machines.")]


async def with_database(
    settings: Settings, as_json: bool, work: Callable[[ConnectionSpec, Connect], Awaitable[_T]], *, made: bool = False
) -> _T:
    """Do something with the database; whatever the database says against it becomes a known trouble.

    Args:
        made: it has to be there already: what only looks makes no new one where a command is given in the wrong folder.
    """
    if made and settings.database_url is None and directory.existing_major(settings.data_dir) is None:
        raise PostgresUnavailable(nothing_here(settings))
    async with borrowed(server_for(settings), console.silent if as_json else console.progress) as spec:

        async def connect() -> asyncpg.Connection:
            return await hosts.connect(**spec.asyncpg_kwargs())

        try:
            return await work(spec, connect)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise PostgresUnavailable(diagnose(error, spec)) from error


async def with_connection(settings: Settings, as_json: bool, work: Callable[[asyncpg.Connection], Awaitable[_T]]) -> _T:
    """`with_database`, for work that one connection does on tables that have to be there; a refusal becomes a trouble."""

    async def connected(_: ConnectionSpec, connect: Connect) -> _T:
        connection = await connect()
        try:
            return await work(connection)
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedFunctionError) as error:
            title = "This database is not ready for Hubbub, or not for this version of it"
            raise PostgresUnavailable(
                Trouble("schema", title, str(error), ("hubbub db status", "hubbub db upgrade"))
            ) from error
        except HubbubError as error:
            fields = "; ".join(f"{name}: {reason}" for name, reason in (error.fields or {}).items())
            raise PostgresUnavailable(Trouble(error.code, error.message, fields)) from error
        finally:
            await connection.close()

    return await with_database(settings, as_json, connected, made=True)


def nothing_here(settings: Settings) -> Trouble:
    """No embedded database was ever made in the data directory."""
    remedy = (
        "hubbub config    # HUBBUB_DATA_DIR, and DATABASE_URL: is the chat elsewhere?",
        "hubbub db init   # makes a new database here, as the first `hubbub serve` does",
    )
    return Trouble("no_database", "There is no database here", f"{settings.data_dir.absolute()} holds none.", remedy)


async def _upgrade(spec: ConnectionSpec, connect: Connect) -> tuple[ConnectionSpec, MigrationState, list[str]]:
    before = await migrations.status(connect)
    return spec, before, await migrations.upgrade(connect)


@app.command("init", epilog=console.EXIT_CODES)
def init() -> None:
    """Make the database ready: create or adopt the tables, apply migrations. Doing it twice does no harm."""
    settings = console.read_settings()
    spec, before, applied = console.run(settings, with_database(settings, False, _upgrade))
    console.out.print(f"Database: {spec.describe()}", highlight=False, soft_wrap=True)
    if before.current is None and before.adoptable:
        console.out.print(
            "Found the tables of an older chat backend; they were adopted where they are, with all their rows."
        )
    for name in applied:
        console.out.print(f"  applied {name}", highlight=False)
    console.out.print(
        "Ready. Start the server with: hubbub serve" if applied else "Nothing to do; it was ready already."
    )


@app.command("upgrade", epilog=console.EXIT_CODES)
def upgrade() -> None:
    """Apply the migrations that are pending."""
    settings = console.read_settings()
    _, _, applied = console.run(settings, with_database(settings, False, _upgrade))
    for name in applied:
        console.out.print(f"applied {name}", highlight=False)
    if not applied:
        console.out.print("Up to date.")


@app.command("new-epoch", epilog=console.EXIT_CODES)
def new_epoch() -> None:
    """Make every client start afresh: for a database that was put back in a way that Hubbub cannot see.

    Needed after a copy of a whole disk, or of the data directory, was put in place of the data. A backup restored by
    pg_restore or psql, a recovery to an earlier moment and a promoted standby are seen without it.
    """
    settings = console.read_settings()

    async def renew(_: ConnectionSpec, connect: Connect) -> None:
        connection = await connect()
        try:
            await epoch.renew(connection)
        finally:
            await connection.close()

    console.run(settings, with_database(settings, False, renew))
    console.out.print("A new epoch has begun; running servers notice within a second, and their clients start afresh.")


@app.command("status", epilog=_STATUS_CODES)
def status(as_json: _Json = False) -> None:
    """Say which database is in use and how far its schema is."""
    settings = console.read_settings(as_json)

    async def look(spec: ConnectionSpec, connect: Connect) -> tuple[dict[str, Any], str]:
        connection = await connect()
        try:
            version = await connection.fetchval("SHOW server_version")
        finally:
            await connection.close()
        state = await migrations.status(connect)
        facts = {
            "ok": True,
            "database": {**spec.facts(), "version": version},
            "current": state.current,
            "head": state.head,
            "pending": list(state.pending),
            "adoptable": state.adoptable,
            "upToDate": not state.pending,
            "newer": state.is_newer,
        }
        return facts, spec.describe()

    facts, where = console.run(settings, with_database(settings, as_json, look), as_json=as_json)
    if as_json:
        console.print_json(facts)
    else:
        console.out.print(f"{where}, version {facts['database']['version']}", highlight=False, soft_wrap=True)
        console.out.print(f"Schema: {facts['current'] or 'none yet'}; newest: {facts['head']}", highlight=False)
        if facts["adoptable"]:
            console.out.print("It holds the tables of an older chat backend, which `hubbub db init` adopts.")
        for name in facts["pending"]:
            console.out.print(f"  pending {name}", highlight=False)
        if facts["newer"]:
            console.out.print("A newer Hubbub has upgraded it, in a way that this one may go on serving.")
        else:
            console.out.print("Up to date." if facts["upToDate"] else "To apply: hubbub db upgrade")
    if not facts["upToDate"]:
        raise typer.Exit(console.EXIT_PENDING)


@app.command("psql", epilog=_PSQL_CODES, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database in use. What follows `--` goes to psql: `hubbub db psql -- -c "SELECT 1"`."""
    settings = console.read_settings()
    server = (
        server_for(settings)
        if settings.database_url is None
        else console.guarded(settings, lambda: server_for(settings))
    )
    program = console.guarded(settings, lambda: server.bin_dir() / "psql")

    async def shell() -> int:
        async with borrowed(server, console.silent) as spec:
            # Ctrl-C belongs to psql, which stops a query with it.
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                return await asyncio.to_thread(_run, [str(program), *context.args], spec)
            finally:
                signal.signal(signal.SIGINT, before)

    code = console.run(settings, shell())
    raise typer.Exit(code)


def _run(command: list[str], spec: ConnectionSpec) -> int:
    return subprocess.run(command, env={**os.environ, **spec.libpq_env()}, check=False).returncode  # noqa: S603
