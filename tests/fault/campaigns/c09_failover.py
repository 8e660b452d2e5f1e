"""C9: failover. Two real PostgreSQL servers, the second a standby of the first; nodes are given both addresses.

(S) synchronous: the standby is promoted while the primary still takes writes, which it can no longer finish; then the
primary is killed. Every other time the standby hangs first, until statements that wait for it are cut short, which leaves
what they wrote on the primary alone. Nothing acknowledged is lost. (A) asynchronous: what the standby has not been sent is lost, by killing
the primary while its sender is stopped. Then every client is told so: it starts afresh, and nobody goes on with a number
that means another message now.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.servers import Postgres
from tests.fault.harness.world import World, world

REPLICATES = {"synchronous_commit": "on", "max_wal_senders": "4", "hot_standby": "on", "wal_receiver_timeout": "5s"}
LOST = 10  # acknowledged and not replicated, at least
BOUNDED = {"HUBBUB_DB_TIMEOUT": "4"}
HUNG_SECONDS = 6.0


@campaign("C9S", "failover to a synchronous standby", short=1, nightly=15, unit="failovers", seconds=1_800)
async def c9_synchronous(run: Run) -> None:
    while run.wants_more:
        async with _pair(_round(run)) as (here, primary, standby):
            await here.start()
            await here.load.acknowledged(run.chance.randrange(30, 80))
            if run.bites % 2:
                here.fault(
                    "the standby hangs; the primary is killed while commits wait for it, some for longer than they may"
                )
                standby.freeze()
                await asyncio.sleep(HUNG_SECONDS)
                await primary.kill()
                standby.thaw()
                await _promote(standby)
            else:
                here.fault("promote the synchronous standby, then kill the primary")
                await _promote(standby)
                await asyncio.sleep(run.chance.uniform(0.0, 1.0))
                await primary.kill()
            run.bit()
            await _go_on(here, standby)


@campaign("C9A", "failover to an asynchronous standby that lags", short=1, nightly=15, unit="failovers", seconds=1_800)
async def c9_asynchronous(run: Run) -> None:
    while run.wants_more:
        async with _pair(_round(run), is_synchronous=False) as (here, primary, standby):
            await here.start()
            await here.load.acknowledged(run.chance.randrange(30, 80))
            sender = await _sender(primary)
            here.fault("the standby is sent no more")
            os.kill(sender, signal.SIGSTOP)
            await here.load.acknowledged(LOST + run.chance.randrange(20))
            here.fault("kill the primary")
            await primary.kill()
            os.kill(sender, signal.SIGKILL)
            await _silence(here)
            here.history.note(
                "", "restored", "info", about="what was not replicated is lost"
            )  # before anybody reads there
            await _promote(standby)
            run.bit()
            await _go_on(here, standby)


def _round(run: Run) -> Run:
    """One round of a run, with a folder of its own; what is found is the run's."""
    folder = run.folder / str(run.bites)
    folder.mkdir()
    one = dataclasses.replace(run, folder=folder)
    one.chance = run.chance
    return one


async def _go_on(here: World, standby: Postgres) -> None:
    """Sends go on at the new primary; everybody has started afresh; the end is read there."""
    await here.load.acknowledged(2 * len(here.load.senders), timeout=60)
    here.load.dsn = standby.cluster.dsn(here.database)
    here.postgres = standby
    await here.finish(allowed="taken for dead")  # a failover may take longer than a lease lasts
    if here.load.resyncs < len(here.load.everyone):
        here.run.violate("I5", f"{here.load.resyncs} of {len(here.load.everyone)} clients were told to start afresh")
    here.run.figures["resyncs"] = here.load.resyncs


async def _silence(here: World) -> None:
    """Wait until what the dead primary had committed has been acknowledged, or never will be."""
    while True:
        before = here.load.acked
        await asyncio.sleep(1.0)
        if here.load.acked == before:
            return


async def _promote(standby: Postgres) -> None:
    await asyncio.to_thread(standby.cluster.psql, "postgres", "SELECT pg_promote()")


async def _sender(primary: Postgres) -> int:
    db = await asyncpg.connect(primary.cluster.dsn())
    try:
        return int(await db.fetchval("SELECT pid FROM pg_stat_replication"))
    finally:
        await db.close()


@asynccontextmanager
async def _pair(run: Run, *, is_synchronous: bool = True) -> AsyncIterator[tuple[World, Postgres, Postgres]]:
    """A primary, its standby, and nodes that know both."""
    primary = Postgres(REPLICATES)
    await primary.start()
    standby: Postgres | None = None
    try:
        standby = Postgres(REPLICATES, _copy_of(primary))
        standby.cluster.bin_dir = primary.cluster.bin_dir
        await asyncio.to_thread(primary.cluster.copy_to, standby.cluster.data_dir)
        await standby.start()
        if is_synchronous:
            await asyncio.to_thread(
                primary.cluster.psql, "postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'"
            )
            await asyncio.to_thread(primary.cluster.psql, "postgres", "SELECT pg_reload_conf()")
        ports = f"127.0.0.1:{primary.cluster.port},127.0.0.1:{standby.cluster.port}"
        async with world(
            run, nodes=2, postgres=primary, env=BOUNDED, dsn=lambda name: f"postgresql://postgres@{ports}/{name}"
        ) as here:
            yield here, primary, standby
    finally:
        if standby is not None:
            await standby.stop()  # first: it runs by the primary's copy of the programs
            shutil.rmtree(standby.cluster.data_dir, ignore_errors=True)
        await primary.stop()


def _copy_of(primary: Postgres) -> Path:
    return primary.cluster.data_dir.with_name("standby")
