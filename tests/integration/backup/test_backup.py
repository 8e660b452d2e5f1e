"""`hubbub backup` and `restore`: what comes back is what was there, and whatever goes wrong harms nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest
from tests.support.database import HEAD, Databases, connector
from tests.support.process import eventually, python
from typer.testing import CliRunner

from hubbub.cli.backup import contents as kept_tables
from hubbub.cli.main import app
from hubbub.postgres import PostgresUnavailable, backup, binaries
from hubbub.store import digest, migrate
from hubbub.store.seeding import Size, sow

pytestmark = pytest.mark.timeout(300)


async def fill(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await sow(connection, Size(messages=2_000, rooms=20, users=60), lambda _: None)
    await connection.close()


@pytest.fixture(scope="module")
def sown(pg18: Databases) -> Iterator[str]:
    """The name of a database with a chat in it, to be cloned."""
    name = pg18.clone()
    with ThreadPoolExecutor(1) as aside:  # a fixture for the module has no event loop
        aside.submit(lambda: asyncio.run(fill(pg18.cluster.dsn(name)))).result()
    yield name
    pg18.drop(name)


class Answer(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


async def hubbub(dsn: str, *arguments: object, **variables: str) -> Answer:
    """Run a command on a database to its end, in a thread: a process for each would cost a second."""
    environment = {"DATABASE_URL": dsn, "COLUMNS": "200", **variables}
    done = await asyncio.to_thread(CliRunner().invoke, app, list(map(str, arguments)), env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


async def contents(dsn: str) -> tuple[dict[str, digest.Digest], str]:
    """The digests of a database, and its stored epoch."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            found = await digest.of(connection, await kept_tables(connection))
        return found, await connection.fetchval("SELECT value FROM hubbub.meta WHERE key = 'epoch'")
    finally:
        await connection.close()


async def names(databases: Databases, like: str) -> set[str]:
    connection = await asyncpg.connect(databases.cluster.dsn())
    try:
        rows = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1 || '%'", like)
        return {row["datname"] for row in rows}
    finally:
        await connection.close()


@pytest.mark.parametrize("version", ["pg18", "pg15"])
async def test_it_comes_back_as_it_was(request: pytest.FixtureRequest, version: str, tmp_path: Path) -> None:
    databases: Databases = request.getfixturevalue(version)
    name = databases.clone()
    dsn = databases.cluster.dsn(name)
    await fill(dsn)
    was, epoch = await contents(dsn)
    made = await hubbub(dsn, "backup", tmp_path, "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    folder = Path(told["folder"])
    assert (told["schema"], told["tables"]["public.messages"]["rows"]) == (HEAD, 2_000)
    assert sorted(path.name for path in folder.iterdir()) == ["database.dump", "manifest.json"]
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]

    # Into an empty database, and into one that holds something else.
    empty = databases.empty()
    for target, arguments in ((empty, []), (name, ["--replace"])):
        goal = databases.cluster.dsn(target)
        if arguments:
            connection = await asyncpg.connect(goal)
            await connection.execute(
                "DELETE FROM messages WHERE message_id IN (SELECT message_id FROM messages LIMIT 9)"
            )
            await connection.close()
            refused = await hubbub(goal, "restore", folder)
            assert (refused.returncode, "--replace" in refused.stderr) == (1, True)
        done = await hubbub(goal, "restore", *arguments, folder)
        assert done.returncode == 0, done.stderr
        assert "2,000 messages" in done.stdout
        now, later = await contents(goal)
        assert now == was
        assert later != epoch, "clients start afresh"
        analysed = "SELECT count(*) > 0 FROM pg_stats WHERE schemaname = 'public' AND tablename = 'messages'"
        assert databases.cluster.psql(target, analysed).strip() == "t", "the planner knows what has come"
        assert ("_before_" in done.stdout) is bool(arguments)
    kept = [other for other in await names(databases, name) if "_before_" in other]
    assert (await contents(databases.cluster.dsn(kept[0])))[0]["public.messages"].rows == 1_991
    # One that was killed has left a database; another one restores just now.
    left, lives = f"{name}_restore_00000000", f"{name}_restore_00000001"
    elsewhere = await asyncpg.connect(databases.cluster.dsn("postgres"))
    await elsewhere.execute(f"CREATE DATABASE {left}")
    await elsewhere.execute(f"CREATE DATABASE {lives}")
    await elsewhere.execute("SELECT pg_advisory_lock(hashtext($1))", lives)
    its_pg_restore = await asyncpg.connect(databases.cluster.dsn(left))
    deep = await hubbub(dsn, "verify", "--backup", folder, "--deep", "--json")
    assert deep.returncode == 0, deep.stdout + deep.stderr
    assert json.loads(deep.stdout)["counts"]["messages"] == 2_000
    assert [other for other in await names(databases, "hubbub_test") if "_restore_" in other] == [lives]
    await elsewhere.execute(f"DROP DATABASE {lives}")
    await elsewhere.close()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await its_pg_restore.fetchval("SELECT 1")
    for gone in (*kept, empty, name):
        databases.drop(gone)


async def test_what_is_damaged_is_not_restored(pg18: Databases, sown: str, tmp_path: Path) -> None:
    name = pg18.clone(sown)
    dsn = pg18.cluster.dsn(name)
    was = await contents(dsn)
    made = await hubbub(dsn, "backup", tmp_path)
    assert (made.returncode, "\n\n" in made.stderr) == (0, False), "where nobody looks on there is no bar, nor its rest"
    good = backup.backups(tmp_path)[0]
    target = pg18.cluster.dsn(pg18.empty())

    def copy(stamp: str) -> Path:
        return Path(shutil.copytree(good, tmp_path / f"hubbub-{stamp}"))

    flipped = copy("20260101T000001Z")
    content = bytearray((flipped / backup.DUMP).read_bytes())
    content[len(content) // 2] ^= 1
    (flipped / backup.DUMP).write_bytes(content)
    short = copy("20260101T000002Z")
    os.truncate(short / backup.DUMP, 1_000)
    cut = copy("20260101T000003Z")
    os.truncate(cut / backup.MANIFEST, 100)
    newer = copy("20260101T000004Z")
    told = json.loads((newer / backup.MANIFEST).read_text())
    (newer / backup.MANIFEST).write_text(json.dumps({**told, "schema": "9999"}))
    later = copy("20260101T000006Z")
    (later / backup.MANIFEST).write_text(json.dumps({**told, "format": backup.FORMAT + 1}))
    server = copy("20260101T000007Z")
    (server / backup.MANIFEST).write_text(json.dumps({**told, "postgres": "99.1"}))
    swapped = copy("20260101T000005Z")
    (swapped / backup.MANIFEST).write_text(
        json.dumps({**told, "tables": {**told["tables"], "public.messages": {"rows": 2_000, "checksum": "1"}}})
    )
    for folder, words in (
        (flipped, "its SHA-256 is another"),
        (short, "has 1,000 bytes"),
        (cut, "it is cut off"),
        (newer, "newer Hubbub's"),
        (later, "of a later format"),
        (server, "newer PostgreSQL's"),
        (swapped, "not what was backed up"),
        (tmp_path, f"Name one of its backups: {good}"),
        (good / backup.DUMP, f"hubbub backups {good}"),
    ):
        answer = await hubbub(target, "restore", folder)
        assert (answer.returncode, "Traceback" in answer.stderr) == (1, False), answer.stderr
        assert words in answer.stderr, folder
    listed = await hubbub(dsn, "backups", tmp_path)
    assert listed.returncode == 4
    wrong = {line.split()[0].rsplit("/", 1)[-1] for line in listed.stdout.splitlines() if not line.endswith("whole")}
    assert wrong == {short.name, cut.name, later.name}, "a list reads sizes, not whole files"
    assert (await hubbub(dsn, "verify", "--backup", flipped)).returncode == 1
    assert (await hubbub(dsn, "verify", "--backup", good)).returncode == 0
    connection = await asyncpg.connect(target)
    assert await connection.fetchval("SELECT to_regnamespace('hubbub')") is None
    await connection.close()
    assert await contents(dsn) == was
    assert not [other for other in await names(pg18, "hubbub_test") if "_restore_" in other]
    pg18.drop(name)


async def test_nobody_serves_what_is_replaced(pg18: Databases, sown: str, tmp_path: Path) -> None:
    name = pg18.clone(sown)
    dsn = pg18.cluster.dsn(name)
    assert (await hubbub(dsn, "backup", tmp_path)).returncode == 0
    folder = backup.backups(tmp_path)[0]
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "INSERT INTO hubbub.nodes (node_id, lease_until) VALUES (gen_random_uuid(), now() + interval '1 hour')"
    )
    served = await hubbub(dsn, "restore", "--replace", folder)
    assert (served.returncode, "A Hubbub serves this database" in served.stderr) == (1, True)
    await connection.execute("DELETE FROM hubbub.nodes; SET application_name = 'report'")
    used = await hubbub(dsn, "restore", "--replace", folder)
    assert used.returncode == 1
    assert "report (process" in used.stderr
    assert await connection.fetchval("SELECT count(*) FROM messages") == 2_000, "it is as it was"
    await connection.close()
    pg18.drop(name)


async def test_a_role_that_may_create_no_database(pg18: Databases, sown: str, tmp_path: Path) -> None:
    assert (await hubbub(pg18.cluster.dsn(sown), "backup", tmp_path)).returncode == 0
    folder = backup.backups(tmp_path)[0]
    name = pg18.empty()
    role = f"{name}_role"
    pg18.cluster.psql(name, f"CREATE ROLE {role} LOGIN; ALTER DATABASE {name} OWNER TO {role}")
    dsn = pg18.cluster.dsn(name).replace("postgres@", f"{role}@", 1)
    done = await hubbub(dsn, "restore", folder)
    assert done.returncode == 0, done.stderr
    assert (await contents(dsn))[0]["public.messages"].rows == 2_000
    again = await hubbub(dsn, "restore", "--replace", folder)
    assert (again.returncode, "CREATEDB" in again.stderr) == (1, True)
    pg18.drop(name)
    pg18.cluster.psql("postgres", f"DROP ROLE {role}")


def program(folder: Path, body: str) -> str:
    """A folder with a pg_dump of our own, as HUBBUB_POSTGRES_BIN."""
    real = binaries.find(None).folder
    for name in ("postgres", "initdb", "psql"):
        (folder / name).symlink_to(real / name)
    path = folder / "pg_dump"
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {real}/pg_dump --version\n{body}\n')
    path.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("kill -9 $$", "ended by signal 9"),
        ("echo 'pg_dump: error: could not write to file: No space left on device' >&2; exit 1", "The disk is full"),
        (
            "echo 'pg_dump: error: server closed the connection unexpectedly' >&2; exit 1",
            "server closed the connection",
        ),
    ],
)
async def test_a_dump_that_fails_leaves_older_backups(
    pg18: Databases, sown: str, tmp_path: Path, body: str, words: str
) -> None:
    folder, programs = tmp_path / "backups", tmp_path / "bin"
    older = folder / "hubbub-20260101T000000Z"
    older.mkdir(parents=True)
    programs.mkdir()
    answer = await hubbub(
        pg18.cluster.dsn(sown), "backup", folder, "--keep", 1, HUBBUB_POSTGRES_BIN=program(programs, body)
    )
    assert answer.returncode == 1
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(folder.iterdir()) == [older]


async def test_a_disk_that_fills_keeps_what_is_there(pg18: Databases, sown: str, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        older = folder / "hubbub-20260101T000000Z"
        older.mkdir()
        answer = await hubbub(pg18.cluster.dsn(sown), "backup", folder, "--keep", 1)
        assert (answer.returncode, "The disk is full" in answer.stderr) == (1, True), answer.stderr
        assert f"df -h {folder}" in answer.stderr
        assert list(folder.iterdir()) == [older]
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_backup_that_is_killed_is_never_taken_for_one(pg18: Databases, sown: str, tmp_path: Path) -> None:
    folder, programs = tmp_path / "backups", tmp_path / "bin"
    programs.mkdir()
    dsn = pg18.cluster.dsn(sown)
    stopped = program(programs, "exec sleep 1000")
    process = await asyncio.create_subprocess_exec(
        *python("-m", "hubbub.cli.main", "backup", folder),
        env={**os.environ, "DATABASE_URL": dsn, "HUBBUB_POSTGRES_BIN": stopped},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    await eventually(lambda: folder.exists() and any(folder.iterdir()), timeout=120)
    assert backup.tidy(folder, None) == []
    assert len(list(folder.iterdir())) == 1, "one that is being made is not tidied up"
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    assert backup.backups(folder) == []
    made = await hubbub(dsn, "backup", folder)
    assert made.returncode == 0, made.stderr
    assert list(folder.iterdir()) == backup.backups(folder), "what was cut off is gone"


async def test_only_whole_ones_of_ours_are_removed(pg18: Databases, sown: str, tmp_path: Path) -> None:
    for stamp in ("20260101T000000Z", "20260102T000000Z"):
        (tmp_path / f"hubbub-{stamp}").mkdir()
        (tmp_path / f"hubbub-{stamp}" / backup.MANIFEST).write_text("{}")
    (tmp_path / "hubbub-20250101T000000Z").mkdir()  # no manifest: somebody else's, or half copied
    (tmp_path / "notes").mkdir()
    made = await hubbub(pg18.cluster.dsn(sown), "backup", tmp_path, "--keep", 2, "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["removed"] == [str(tmp_path / "hubbub-20260101T000000Z")]
    assert {path.name for path in tmp_path.iterdir()} == {
        "hubbub-20250101T000000Z", "hubbub-20260102T000000Z", "notes", Path(told["folder"]).name,
    }  # fmt: skip


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PostgresUnavailable) as told, backup.told(tmp_path / "file"):
        (tmp_path / "file" / "backups").mkdir(parents=True)
    assert told.value.trouble.kind == "folder"


def test_an_older_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PostgresUnavailable) as told:
        binaries.dump_program("pg_dump", tmp_path, 99)
    assert "postgresql-client-99" in told.value.trouble.remedy[0]


async def test_a_backup_of_an_older_schema_is_brought_up_to_date(
    pg18: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = pg18.empty()
    dsn = pg18.cluster.dsn(name)
    steps = migrate._steps()
    monkeypatch.setattr(migrate, "_steps", lambda: steps[:-1])
    await migrate.upgrade(connector(dsn))
    monkeypatch.undo()
    assert (await hubbub(dsn, "backup", tmp_path)).returncode == 0
    empty = pg18.empty()
    done = await hubbub(pg18.cluster.dsn(empty), "restore", backup.backups(tmp_path)[0])
    assert done.returncode == 0, done.stderr
    assert (await migrate.status(connector(pg18.cluster.dsn(empty)))).current == HEAD
    pg18.drop(name)
    pg18.drop(empty)
