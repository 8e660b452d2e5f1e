"""Backups by the clock: one of all processes makes one, a failure is counted, and the latest is known to everybody."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.support.process import eventually

from hubbub.postgres import backup
from hubbub.scheduled import ScheduledBackups
from hubbub.store import upkeep

pytestmark = pytest.mark.timeout(300)


def clock(dsn: str) -> ScheduledBackups:
    """The clock of one node."""

    async def claim(due: datetime) -> bool:
        connection = await asyncpg.connect(dsn)
        try:
            return await upkeep.claim_backup(connection, due)
        finally:
            await connection.close()

    async def latest() -> float:
        connection = await asyncpg.connect(dsn)
        try:
            return await upkeep.latest_backup(connection)
        finally:
            await connection.close()

    return ScheduledBackups("3600", 2, claim, latest)


async def test_one_of_several_makes_it(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("HUBBUB_BACKUP_FOLDER", str(tmp_path))
    began = datetime.now(UTC).timestamp()
    clocks = [clock(database) for _ in range(3)]
    tasks = [asyncio.create_task(each.run()) for each in clocks]
    try:
        await eventually(lambda: bool(backup.backups(tmp_path)), timeout=200)
        await eventually(lambda: any(each.last_success >= began for each in clocks), timeout=100)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(backup.backups(tmp_path)) == 1
    assert sum(each.failures for each in clocks) == 0
    assert not await clocks[0].claim(datetime.now(UTC) - timedelta(hours=1)), "it was made"


async def test_one_that_cannot_even_be_started_is_counted(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubbub.scheduled.sys.executable", str(tmp_path / "nothing"))
    node = clock(database)
    task = asyncio.create_task(node.run())
    try:
        await eventually(lambda: node.failures == 1)
        assert not task.done(), "the clock goes on"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_failure_is_counted(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("HUBBUB_BACKUP_FOLDER", str(tmp_path / "file" / "below"))
    node = clock(database)
    task = asyncio.create_task(node.run())
    try:
        await eventually(lambda: node.failures == 1, timeout=200)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    due = datetime.now(UTC) + timedelta(hours=1)
    assert not await node.claim(due), "it was tried less than a quarter of an hour ago"
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE hubbub.meta SET value = '1' WHERE key = 'backup_begun'")
    async with connection.transaction():
        await upkeep.hold_backup(connection)
        assert not await node.claim(due), "one is under way"
    assert await node.claim(due)
    await connection.close()
