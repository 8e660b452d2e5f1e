"""What makes another epoch, and what does not; and a pool that meets one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.support.database import Databases
from typer.testing import CliRunner

from hubbub.cli.main import app
from hubbub.errors import HubbubError
from hubbub.store import epoch
from hubbub.store.database import Database
from hubbub.store.epoch import Epoch


async def epoch_of(dsn: str, **options: str) -> Epoch:
    connection = await asyncpg.connect(dsn, **options)
    try:
        return await epoch.read(connection, 5)
    finally:
        await connection.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Database]:
    made = await Database.open({"dsn": database}, size=3, timeout=5)
    yield made
    await made.close()


async def test_an_epoch_stays_while_the_database_does(database: str) -> None:
    first = await epoch_of(database)
    assert first.told
    assert first.timeline == 1
    connection = await asyncpg.connect(database)
    for statement in ("VACUUM (FULL, FREEZE) hubbub.meta", "SELECT pg_switch_wal()", "CHECKPOINT"):
        await connection.execute(statement)
    await connection.close()
    assert await epoch_of(database) == first


@pytest.mark.parametrize("version", ["pg18", "pg15"])
def test_a_role_without_any_rights_learns_it_all(version: str, request: pytest.FixtureRequest) -> None:
    databases: Databases = request.getfixturevalue(version)
    name = databases.clone() if version == "pg18" else databases.empty()
    databases.cluster.psql(name, "DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN")
    rights = "CREATE SCHEMA IF NOT EXISTS hubbub; CREATE TABLE IF NOT EXISTS hubbub.meta (key text, value text);"
    databases.cluster.psql(name, rights + "GRANT USAGE ON SCHEMA hubbub TO plain; GRANT SELECT ON hubbub.meta TO plain")
    mine = asyncio.run(epoch_of(databases.cluster.dsn(name)))
    assert mine.system
    assert asyncio.run(epoch_of(databases.cluster.dsn(name), user="plain")) == mine
    databases.cluster.psql(name, "REVOKE EXECUTE ON FUNCTION pg_control_system FROM public")
    assert asyncio.run(epoch_of(databases.cluster.dsn(name), user="plain"))[1:] == ("", 0)  # a provider may do so
    databases.drop(name)


async def test_a_backup_put_back_by_any_program_is_another_epoch(database: str, pg18: Databases) -> None:
    name = database.split("/")[3].split("?")[0]
    before = await epoch_of(database)
    dump = await asyncio.to_thread(pg18.cluster.dump, name, "--clean", "--if-exists")
    elsewhere = pg18.empty()
    await asyncio.to_thread(pg18.cluster.psql, elsewhere, dump)
    copy = pg18.clone(name)
    await asyncio.to_thread(pg18.cluster.psql, name, dump)  # over what is there
    told = {before.told, *[(await epoch_of(pg18.cluster.dsn(one))).told for one in (name, elsewhere, copy)]}
    assert len(told) == 4
    for one in (elsewhere, copy):
        pg18.drop(one)


async def test_the_command_line_begins_a_new_one(database: str, tmp_path: Path) -> None:
    before = await epoch_of(database)
    env = {"DATABASE_URL": database, "HUBBUB_DATA_DIR": str(tmp_path)}
    done = await asyncio.to_thread(CliRunner().invoke, app, ["db", "new-epoch"], env=env)
    assert done.exit_code == 0, done.output
    after = await epoch_of(database)
    assert after.told != before.told
    assert after[1:] == before[1:]


async def test_a_pool_that_meets_another_epoch_says_so_once_and_believes_nothing_of_before(
    pool: Database, database: str
) -> None:
    met: list[str] = []
    pool.on_new_epoch = lambda: met.append(pool.epoch.told)
    old = pool.epoch
    async with pool.connection() as one:
        assert one.epoch == old
        await epoch.renew(one)

    async def read() -> None:
        async with pool.connection() as reader:
            await reader.fetchval("SELECT 1")
            line = await pool.line()  # any new connection sees it
            await line.close()

    with pytest.raises(HubbubError) as refused:
        await read()
    assert (refused.value.code, refused.value.row.retryable) == ("unavailable", True)
    assert met == [pool.epoch.told] != [old.told]
    async with pool.connection() as fresh:
        assert fresh.epoch == pool.epoch == await epoch_of(database)


async def test_a_primary_whose_place_was_taken_is_not_used(pool: Database) -> None:
    """It is told by its timeline, which is older."""
    async with pool.connection() as conn:
        seen = await epoch.read(conn, 5)
    newer = Epoch("newer", seen.system, seen.timeline + 1)
    await pool.see(newer)
    with pytest.raises(HubbubError) as refused:
        async with pool.connection():
            raise AssertionError("the older one is still in use")
    assert refused.value.code == "unavailable"
    assert pool.epoch == newer
