"""`hubbub doctor`, line by line: each trouble is planted, is told, and names what mends it."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from hubbub.config import load
from hubbub.postgres import doctor, machine
from hubbub.postgres.address import read_address
from hubbub.postgres.check import FAIL, OK, WARN, Check
from hubbub.postgres.server import server_for
from hubbub.store import migrate

GIGABYTE = 1_000_000_000


async def examined(environ: dict[str, str]) -> dict[str, Check]:
    """All that the examination finds, by name."""
    settings = load(environ, dotenv=None)
    return {check.name: check async for check in doctor.examine(lambda: settings, migrate.status, lambda _: None)}


@pytest.fixture
async def connection(database: str) -> Any:
    conn = await asyncpg.connect(database)
    yield conn
    await conn.close()


async def test_all_is_well_where_all_is_well(database: str, tmp_path: Path) -> None:
    found = await examined({"DATABASE_URL": database, "HUBBUB_DATA_DIR": str(tmp_path / "data")})
    # The tests' servers do not wait for their disks, which is a trouble planted for every test.
    assert {name for name, check in found.items() if check.status == FAIL} == {"durability"}
    assert {"settings", "versions", "open_files", "programs", "disk", "reachable", "version", "database_disk"} <= set(
        found
    )
    assert {"encryption", "migrations", "connections", "durability", "clock", "backups"} <= set(found)
    assert "asyncpg" in found["versions"].summary
    # A superuser is told where the database is, and it is on this machine: its disk can be looked at.
    assert "are free for /" in found["database_disk"].summary
    assert not (tmp_path / "data").exists(), "looking makes nothing"


async def test_who_may_not_know_where_the_database_is_hears_its_size(database: str) -> None:
    conn = await asyncpg.connect(database)
    try:
        await conn.execute("CREATE ROLE looker; SET ROLE looker")
        settings = load({"DATABASE_URL": database}, dotenv=None)
        check = await doctor._database_disk(conn, read_address(settings), settings)
        assert (check.status, "its own machine knows" in check.summary) == (OK, True)
        assert "MB" in check.summary or "kB" in check.summary
    finally:
        await conn.execute("RESET ROLE; DROP ROLE looker")
        await conn.close()


# What a disk says of itself, and what is made of it: bytes free, inodes free, inodes in all.
DISKS = [
    (50 * GIGABYTE, 900_000, 1_000_000, OK, "50.0 GB and 900,000 inodes are free"),
    (50 * GIGABYTE, 0, 0, OK, "50.0 GB are free"),  # Btrfs counts none
    (GIGABYTE, 900_000, 1_000_000, WARN, "nearly full"),
    (GIGABYTE // 10, 900_000, 1_000_000, FAIL, "full"),
    (50 * GIGABYTE, 9_000, 1_000_000, WARN, "nearly out of inodes"),
    (50 * GIGABYTE, 90, 1_000_000, FAIL, "out of inodes"),
    (GIGABYTE, 90, 1_000_000, FAIL, "out of inodes"),
]


@pytest.mark.parametrize(("free", "inodes", "of", "status", "words"), DISKS)
def test_a_disk_that_fills(
    free: int, inodes: int, of: int, status: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = SimpleNamespace(f_bavail=free // 4096, f_frsize=4096, f_favail=inodes, f_files=of)
    monkeypatch.setattr(machine, "os", SimpleNamespace(statvfs=lambda _: facts))
    for worst in (FAIL, WARN):  # where the database is not, a full disk stops nobody
        check = machine.disk("disk", tmp_path, worst)
        assert check.status == (worst if status == FAIL else status)
        assert words in check.summary
    if status != OK:
        assert check.trouble is not None
        assert check.trouble.remedy[0].startswith("df -i" if "inodes" in words else "df -h")


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MB with 300 inodes. Where none may be mounted CI fails, for what `DISKS` says was then never seen on
    a disk; elsewhere the test is left out, and pytest says so."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=300,mode=755", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    if done.returncode != 0:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs to mount a tmpfs: {done.stderr}")
        pytest.skip(f"no tmpfs may be mounted here: {done.stderr}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=20)


async def test_real_disks_that_are_nearly_full(tmpfs: Path, tmp_path: Path) -> None:
    (tmpfs / "data").mkdir()
    for made in range(290):
        (tmpfs / f"{made}").touch()
    settings = load({"HUBBUB_DATA_DIR": str(tmpfs / "data" / "not yet there")}, dotenv=None)
    (own,) = machine.disks(settings, holds_database=True)
    assert (own.name, own.status, "out of inodes" in own.summary) == ("disk", FAIL, True)
    for made in range(290):
        (tmpfs / f"{made}").unlink()

    # Backups on a disk of their own are a line of their own, and no failure.
    environ = {"HUBBUB_DATA_DIR": str(tmp_path / "data"), "HUBBUB_BACKUP_FOLDER": str(tmpfs / "backups")}
    _, kept = machine.disks(load(environ, dotenv=None), holds_database=True)
    assert (kept.name, kept.status) == ("backup_disk", WARN)
    assert f"{tmpfs}" in (kept.trouble.detail if kept.trouble else "")


def test_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 1_024))
    check = machine.open_files_check(load({}, dotenv=None))
    assert (check.status, "connections are possible" in check.summary) == (WARN, True)
    assert check.trouble is not None
    assert "ulimit -Hn" in check.trouble.remedy[0]
    assert machine.open_files_check(load({"HUBBUB_MAX_CONNECTIONS": "500"}, dotenv=None)).status == OK


def test_a_python_that_nobody_has_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.versions().status == OK
    monkeypatch.setattr(machine, "_NEWEST_PYTHON", (3, 10))
    check = machine.versions()
    assert (check.status, "newer than any" in check.summary) == (WARN, True)


async def test_a_clock_that_is_wrong(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await doctor._clock(connection)).status == OK
    slow = SimpleNamespace(time=lambda: time.time() - 90)
    monkeypatch.setattr(doctor, "time", slow)
    check = await doctor._clock(connection)
    assert (check.status, "ahead" in check.summary) == (WARN, True)
    assert check.trouble is not None
    assert "timedatectl" in check.trouble.remedy[0]


async def test_a_backup_that_was_due(connection: Any) -> None:
    now = datetime.now(UTC)
    soon = f"daily {now - timedelta(minutes=10):%H:%M}"
    earlier = f"daily {now - timedelta(hours=4):%H:%M}"
    # Schedule, the age of the latest backup in hours (None: there is none), and what is said.
    for schedule, hours, status, words in (
        ("", None, WARN, "No backup was made yet"),
        ("", 47, OK, "2.0 days old"),
        ("", 49, WARN, "2.0 days old"),
        ("daily 02:00", None, WARN, "No backup was made yet"),
        (soon, 23, OK, "1.0 days old"),  # it is being made
        (earlier, 3, OK, "0.1 days old"),
        (earlier, 23, WARN, "1.0 days old"),
        ("6h", 7, OK, "0.3 days old"),
        ("6h", 9, WARN, "0.4 days old"),
    ):
        await connection.execute("DELETE FROM hubbub.meta WHERE key = 'backup_done'")
        if hours is not None:
            done = str(time.time() - hours * 3600)
            await connection.execute("INSERT INTO hubbub.meta (key, value) VALUES ('backup_done', $1)", done)
        check = await doctor._backups(connection, load({"HUBBUB_BACKUP_SCHEDULE": schedule}, dotenv=None))
        assert (check.status, words in check.summary) == (status, True), (schedule, hours, check)
        if check.trouble is not None and schedule and hours is not None:
            assert "was due at" in check.trouble.detail


def test_the_embedded_database_needs_room_on_its_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = SimpleNamespace(f_bavail=1, f_frsize=4096, f_favail=0, f_files=0)
    monkeypatch.setattr(machine, "os", SimpleNamespace(statvfs=lambda _: facts, stat=os.stat))
    settings = load({"HUBBUB_DATA_DIR": str(tmp_path)}, dotenv=None)
    assert server_for(settings).is_managed
    assert [check.status for check in machine.disks(settings, holds_database=True)] == [FAIL]
    assert [check.status for check in machine.disks(settings, holds_database=False)] == [WARN]
