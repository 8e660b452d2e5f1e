"""C10: the disk is full. C10: everything on one volume; commits fail, reads go on. C10W: the log alone on a full volume;
PostgreSQL ends itself, and the embedded one is started again until it can.

The volume is a tmpfs of its own. Where none may be mounted (no root, or a container without that right) these two are
left out, except in CI, where they then fail.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.embedded import RESTARTS, embedded_world, home, postmaster
from tests.fault.harness.servers import Postgres
from tests.fault.harness.world import World, world

STUCK_SECONDS = 3.0
BACK_SECONDS = 30.0
BOUNDED = {"HUBBUB_DB_TIMEOUT": "4"}


async def c10(run: Run) -> None:
    with _volume(400) as volume:
        settings = {"synchronous_commit": "on", "max_wal_size": "64MB"}
        async with (
            Postgres(settings, volume / "data") as postgres,
            world(run, nodes=2, postgres=postgres, env=BOUNDED) as here,
        ):
            await here.start()
            while run.wants_more:
                await here.load.acknowledged(run.chance.randrange(10, 40))
                await _fill(run, here, volume)
            await here.finish()


async def c10_log(run: Run) -> None:
    with _volume(96) as volume:
        async with embedded_world(run, **BOUNDED) as here:
            await here.nodes.start()  # makes the data
            await here.nodes[0].stop()
            log = home(here) / "data" / "pg_wal"
            owner = log.stat()
            shutil.copytree(log, volume / "pg_wal")
            for path in (volume, volume / "pg_wal", *(volume / "pg_wal").rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid)
            shutil.rmtree(log)
            log.symlink_to(volume / "pg_wal")
            await here.start()
            while run.wants_more:
                await here.load.acknowledged(run.chance.randrange(10, 40))
                before = postmaster(here)
                here.fault("the log's volume is full")
                with _full(volume):
                    await _switch_until_it_ends(here)
                    await _stuck(here)
                    run.bit()
                here.fault("there is space again")
                await _goes_on(run, here)
                run.figures["restarted"] = run.figures.get("restarted", 0) + (postmaster(here) != before)
            await here.finish(allowed=RESTARTS)


async def _fill(run: Run, here: World, volume: Path) -> None:
    """Nothing is acknowledged, and reads go on; then there is space again."""
    here.fault("the volume is full")
    with _full(volume):
        await _stuck(here)
        run.bit()
        reader = here.load.listeners[0]
        room_id = next(iter(reader.cursors))
        answer = await here.load.rest("GET", f"/api/rooms/{room_id}/messages?limit=20", reader.person)
        if not answer["success"]:
            run.violate("I7", f"a read was answered {answer['code']} while the disk was full")
    here.fault("there is space again")
    await _goes_on(run, here)


async def _stuck(here: World) -> None:
    """Wait until no send is acknowledged any more: what pages had room for is filled."""
    async with asyncio.timeout(90):
        acked = -1
        while acked != here.load.acked:
            acked = here.load.acked
            await asyncio.sleep(STUCK_SECONDS)


async def _goes_on(run: Run, here: World) -> None:
    began = time.monotonic()
    await here.load.acknowledged(len(here.load.senders), timeout=90)
    took = time.monotonic() - began
    run.figures["longest_until_sent_seconds"] = round(max(run.figures.get("longest_until_sent_seconds", 0.0), took), 2)
    if run.nightly and took > BACK_SECONDS:
        run.violate("I11", f"sends went on only {took:.1f} s after there was space")


async def _switch_until_it_ends(here: World) -> None:
    """Begin new segments of the log until there is no room for one: PostgreSQL panics."""
    db = await asyncpg.connect(here.load.dsn)
    try:
        for _ in range(50):
            await db.execute("SELECT pg_logical_emit_message(true, 'fill', 'it'), pg_switch_wal()")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return
    finally:
        db.terminate()
    raise AssertionError("the log's volume is not full")


@contextmanager
def _full(volume: Path) -> Iterator[None]:
    """Take what space there is, and give it back."""
    filler = volume / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        for size in (1 << 20, 1 << 12):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def _volume(megabytes: int) -> Iterator[Path]:
    """A volume of its own, that any account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="hubbub-volume-"))
    folder.chmod(0o755)
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)],
            check=True,
            capture_output=True,
        )
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    finally:
        folder.rmdir()


def _may_mount() -> bool:
    if os.geteuid() != 0:
        return False
    try:
        with _volume(1):
            return True
    except (subprocess.CalledProcessError, OSError):
        return False


if os.environ.get("CI") == "true" or _may_mount():
    campaign("C10", "the volume of the data is full", short=1, nightly=5, unit="times full")(c10)
    campaign("C10W", "the volume of the log is full", short=1, nightly=5, unit="times full")(c10_log)
