"""Brings a database to the schema this code needs, and says how far it is.

The revisions are Alembic's (`migrations/versions`, kept in order by Alembic's script directory, remembered in
`hubbub.alembic_version`); what each does is the `.sql` file beside it, sent to PostgreSQL as it stands. Promises:
one transaction, so that a database is at one revision or another and never between; an advisory lock, so that of
several processes starting at once one works and the others find nothing to do; nothing is printed; a database from a
newer Hubbub is not touched, and is served where it says that this code may (`compat` in `hubbub.meta`, decision 0022);
what code that is serving could not go on with is not applied. A database with the older backend's tables is adopted in
place (`0001_adopt.sql`).
Before it: a connection, from `postgres/`. After it: `store/database.py` opens the pool.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg

Connect: TypeAlias = Callable[[], Awaitable["asyncpg.Connection"]]

MIGRATIONS: Final = Path(__file__).parent / "migrations"
MOVING: Final = "moving:"  # begins the revision of a database into which `moving.py` has not finished its move
_LOCK: Final = 0x48756262  # "Hubb": the advisory lock of whoever migrates
_PATIENCE: Final = 24 * 3600.0  # seconds; adopting millions of messages takes minutes, and the caller may cancel
_REFUSED: Final = "HB001"  # the SQLSTATE with which 0001_adopt.sql says what stands in its way

# A database with these tables and columns holds the older backend's data. What else it lacks, adoption adds.
_OLDER: Final = {
    "users": {"user_id", "username", "password"},
    "rooms": {"room_id", "room_name"},
    "messages": {"message_id", "user_id", "room_id", "message_text", "created_at"},
}


class MigrationError(Exception):
    """The database was left as it was; the message says why, and what to do."""


class DatabaseNewer(MigrationError):
    """A newer Hubbub has upgraded the database, in a way that this one cannot go on with."""


class UnknownRevision(MigrationError):
    """The database says that it is at a revision which no Hubbub has."""


class StillServed(MigrationError):
    """Processes of an older Hubbub serve the database, and could not go on after the migrations that are pending."""


class NotOurs(MigrationError):
    """The database holds tables of our names that are not the older backend's."""


class MayNotMigrate(MigrationError):
    """Migrations are pending, and this role, which does not own the tables, may not apply them."""


class MoveUnfinished(MigrationError):
    """A chat is being moved into the database."""


class AdoptionRefused(MigrationError):
    """The older backend's data breaks a rule that Hubbub relies on.

    Attributes:
        problems: one sentence for each thing to mend.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The older database cannot be adopted as it is; nothing was changed. Please mend:\n{listed}")


@dataclass(frozen=True, slots=True)
class Status:
    """How far a database is.

    Attributes:
        current: its revision; None for one without Hubbub's tables.
        head: the revision this code needs.
        pending: the migrations that `upgrade` would run, in order.
        adoptable: True where the first of them would adopt an older backend's tables.
    """

    current: str | None
    head: str
    pending: tuple[str, ...]
    adoptable: bool

    @property
    def is_newer(self) -> bool:
        """Whether a newer Hubbub has upgraded it, in a way that this code may serve beside it."""
        return self.current is not None and self.current > self.head


@dataclass(frozen=True, slots=True)
class _Step:
    """A migration; `compat`, where it says so, is the oldest revision whose code may serve from then on."""

    revision: str
    sql: Path
    compat: int


@cache
def _steps() -> tuple[_Step, ...]:
    """Every revision, the first one first."""
    from alembic.script import ScriptDirectory  # half a second, which who has nothing to migrate need not spend

    scripts = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    steps = [
        _Step(script.revision, Path(script.path).with_suffix(".sql"), getattr(script.module, "compat", 0))
        for script in scripts
    ]
    return tuple(reversed(steps))


@cache
def code_revision() -> int:
    """The newest revision that this code knows, found without Alembic: what it tells of itself while it serves."""
    return max(int(path.name.split("_")[0]) for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def knows(revision: str) -> bool:
    """Whether this code knows a revision: one that it does not is a newer Hubbub's."""
    return revision in [step.revision for step in _steps()]


async def upgrade(connect: Connect) -> list[str]:
    """Run every migration the database lacks, in one transaction. Running it again does nothing.

    Args:
        connect: opens a connection of a role that may create schemas and owns what is there.

    Returns:
        The names of the migrations that were run, such as `0001_tables`; `0001_adopt` where tables were adopted.

    Raises:
        DatabaseNewer: the database has a revision this code does not know, and cannot serve.
        UnknownRevision: nor does any other.
        StillServed: an older Hubbub serves it that could not go on.
        NotOurs: tables of our names are there that are neither ours nor the older backend's.
        AdoptionRefused: the older backend's data has to be mended first.
        MayNotMigrate: something is pending, and the role is not the owner, such as the one that `hubbub db roles` makes.
        asyncpg.PostgresError: PostgreSQL refused, for instance for want of a permission.
    """
    async with migrating(connect) as connection:
        return await apply(connection)


@asynccontextmanager
async def migrating(connect: Connect) -> AsyncIterator[asyncpg.Connection]:
    """A transaction in which nobody else migrates; what is done in it is undone where the block raises."""
    async with _connection(connect) as connection, connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0", timeout=_PATIENCE)
        await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})", timeout=_PATIENCE)
        yield connection


async def apply(connection: asyncpg.Connection) -> list[str]:
    """What `upgrade` does, inside `migrating`."""
    state = await status_on(connection)
    if not state.pending:
        return []
    if state.current is not None:
        await _is_owner(connection, state)
    compat = max(step.compat for step in _steps() if state.current is None or step.revision > state.current)
    if state.current is not None:
        await _nobody_older(connection, state, compat)
    await connection.execute(
        "CREATE SCHEMA IF NOT EXISTS hubbub;"
        "CREATE TABLE IF NOT EXISTS hubbub.alembic_version ("
        "version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    for name in state.pending:
        await _run(connection, name)
    await connection.execute("DELETE FROM hubbub.alembic_version")
    await connection.execute("INSERT INTO hubbub.alembic_version VALUES ($1)", state.head)
    if compat:
        await connection.execute("UPDATE hubbub.meta SET value = $1 WHERE key = 'compat'", str(compat))
    return list(state.pending)


async def status(connect: Connect) -> Status:
    """How far the database is; changes nothing.

    Raises:
        DatabaseNewer, UnknownRevision, NotOurs: as `upgrade` does.
    """
    async with _connection(connect) as connection, connection.transaction():
        return await status_on(connection)


@asynccontextmanager
async def _connection(connect: Connect) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect()
    try:
        yield connection
    finally:
        await connection.close()


async def status_on(connection: asyncpg.Connection) -> Status:
    """As `status`, on a connection that is there."""
    current = await revision(connection)
    if current == f"{code_revision():04}":  # as at nearly every start, which need not wait for Alembic
        return Status(current, current, (), False)
    steps = _steps()
    head = steps[-1].revision
    if current is not None and current.startswith(MOVING):
        raise MoveUnfinished(
            "A chat is being moved into this database, and has not come over whole. Give `hubbub promote` again; it goes on."
        )
    known = [step.revision for step in steps]
    if current is not None and current not in known:
        await _may_serve(connection, current, head)
        return Status(current, head, (), False)
    done = known.index(current) + 1 if current is not None else 0
    adoptable = current is None and await _adoptable(connection)
    pending = [step.sql.stem for step in steps[done:]]
    if adoptable:
        pending[0] = "0001_adopt"
    return Status(current, head, tuple(pending), adoptable)


async def _may_serve(connection: asyncpg.Connection, current: str, head: str) -> None:
    """Return where a revision that this code does not know is one it may serve all the same."""
    if not current.isdigit() or current < head:
        raise UnknownRevision(
            f"The database is at revision {current}, which is none of Hubbub's\n"
            f"This Hubbub knows those up to {head}. Somebody else has written hubbub.alembic_version, or the version that made "
            "it was never released. Restore a backup that was made before."
        )
    compat = await connection.fetchval("SELECT value::integer FROM hubbub.meta WHERE key = 'compat'")
    if compat is None or compat > int(head):
        raise DatabaseNewer(
            f"The database is at revision {current}, and this Hubbub is too old for it (revision {head}): "
            "a newer Hubbub has upgraded it\n"
            f"It is served from revision {compat} on. Run the version that upgraded it or a later one; or restore a backup "
            "made before, for there is no way back (docs/howto/upgrade.md)."
        )


async def _nobody_older(connection: asyncpg.Connection, state: Status, compat: int) -> None:
    """Return where all that serve just now could go on. Nodes of before 0009 do not tell how old they are."""
    count, oldest, hosts = await connection.fetchrow(
        "SELECT count(*), min(o.revision), string_agg(DISTINCT o.host, ', ') FROM ("
        "SELECT n.host, coalesce((to_jsonb(n) ->> 'revision')::integer, 0) AS revision "
        "FROM hubbub.nodes AS n WHERE n.lease_until >= now()) AS o WHERE o.revision < $1",
        compat,
    )
    if count:
        raise StillServed(
            f"{count} process(es) of an older Hubbub serve the database, and could not go on after this upgrade\n"
            f"They run on {hosts}, the oldest at revision {oldest or 'before 9'}; from now on {compat} is needed. Nothing was "
            "changed. Stop them first, or take the versions between one after another (docs/howto/upgrade.md). A process that "
            "was killed counts until its lease runs out, 15 seconds later."
        )


async def _is_owner(connection: asyncpg.Connection, state: Status) -> None:
    user, owner, owns = await connection.fetchrow(
        "SELECT current_user, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE') "
        "FROM pg_catalog.pg_class AS c WHERE c.oid = 'hubbub.alembic_version'::regclass"
    )
    if not owns:
        raise MayNotMigrate(
            f'Migrations are pending, and "{user}" may not change the schema\n'
            f"The database is at revision {state.current}, and this Hubbub needs {state.head}. Run `hubbub db upgrade` once "
            f'with a DATABASE_URL of the owner, "{owner}"; then start this again.'
        )


async def revision(connection: asyncpg.Connection) -> str | None:
    """The revision that a database says it is at; None for one without Hubbub's tables."""
    if await connection.fetchval("SELECT to_regclass('hubbub.alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT max(version_num) FROM hubbub.alembic_version")
    return found


async def _adoptable(connection: asyncpg.Connection) -> bool:
    """Whether the older backend's tables are there, in a database without Hubbub's."""
    rows = await connection.fetch(
        "SELECT c.relname, array_agg(a.attname::text) AS columns FROM pg_catalog.pg_class AS c "
        "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE c.relnamespace = to_regnamespace('public') AND c.relkind = 'r' AND c.relname = ANY ($1::text[]) "
        "GROUP BY c.relname",
        list(_OLDER),
    )
    found = {row["relname"]: set(row["columns"]) for row in rows}
    if not found:
        return False
    lacking = sorted(
        f"{table}.{column}" for table, columns in _OLDER.items() for column in columns - found.get(table, set())
    )
    if lacking:
        raise NotOurs(
            f"The database already has {', '.join(sorted(found))}, but not as the older chat backend made them "
            f"({', '.join(lacking)} not there). Give Hubbub a database of its own."
        )
    return True


async def _run(connection: asyncpg.Connection, name: str) -> None:
    sql = (MIGRATIONS / "versions" / f"{name}.sql").read_text(encoding="utf-8")
    try:
        await connection.execute(sql, timeout=_PATIENCE)
    except asyncpg.PostgresError as error:
        if error.sqlstate == _REFUSED:
            raise AdoptionRefused(tuple(error.detail.split("\n"))) from None
        raise
