"""C7: the bus is absent, killed, stopped; its messages are dropped, doubled, reordered, forged. Over NATS and over
PostgreSQL's own notifications.

Nothing is lost, and delivery goes on: while the bus is broken by the look at the database, soon after it has healed as
fast as ever. B110 to B114, the hostile frames, are a part of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

import nats
from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.delays import delays, percentile
from tests.fault.harness.protocols import NatsMessages, PostgresNotifications
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.servers import LENT, LentPostgres, Nats, Postgres
from tests.fault.harness.world import World, world
from tests.support.bus import change
from tests.support.people import SECRET
from tests.support.process import eventually

from hubbub.fanout import codec

BROKEN_SECONDS: Final = 2.0  # p99 of delivery while the bus is broken
HEALED_SECONDS: Final = 0.25  # p99 of delivery from two seconds after it has healed
HEAL_SECONDS: Final = 2.0
SPOILT: Final = {"drop": 0.1, "repeat": 0.1, "window": 20}


class Spells:
    """When the bus was broken, and when it was well."""

    def __init__(self) -> None:
        self.broken: list[tuple[float, float]] = []
        self.well: list[tuple[float, float]] = []

    @contextlib.asynccontextmanager
    async def fault(self) -> AsyncIterator[None]:
        """The bus is broken within."""
        start = time.monotonic()
        yield
        self.broken.append((start, time.monotonic()))

    async def rest(self, here: World, sends: int) -> None:
        """The bus has just been mended: time to heal, and some sends after that, in which it is well."""
        await asyncio.sleep(HEAL_SECONDS)
        start = time.monotonic()
        await here.load.acknowledged(sends)
        self.well.append((start, time.monotonic() - 1.0))  # what is sent last may be heard after the next fault

    def judge(self, run: Run, here: World) -> None:
        """Figures of both; times are judged where nothing else runs beside."""
        under_way = list(delays(here.history))
        for name, spells, most in (("broken", self.broken, BROKEN_SECONDS), ("healed", self.well, HEALED_SECONDS)):
            some = [late for at, late in under_way if any(start <= at <= end for start, end in spells)]
            figure = percentile(some)
            run.figures |= {f"p99_{name}": round(figure, 3), f"heard_{name}": len(some)}
            if run.nightly and figure > most:
                run.violate("C7", f"p99 of delivery was {figure:.2f} s over a {name} bus, {most} s is the most")


async def all_deaf(here: World) -> None:
    """Every node says once that it does not hear the others; it may have mended that before the next one does."""
    await asyncio.gather(*(eventually(lambda node=node: _answers(node, 503), 15) for node in here.nodes))


async def all_hear(here: World) -> None:
    for node in here.nodes:
        await eventually(lambda node=node: _answers(node, 200), 15)


async def _answers(node: object, status: int) -> bool:
    return await node.readiness() == status  # type: ignore[attr-defined,no-any-return]


@campaign("C7", "NATS absent, killed, stopped", short=2, nightly=40, unit="faults", seconds=1_800, alone=True)
async def c7(run: Run) -> None:
    server, spells = Nats(run.folder), Spells()
    try:
        async with world(run, shared=True, nodes=3, bus=server.url) as here:
            async with spells.fault():
                await here.start()
                await all_deaf(here)
                await here.load.acknowledged(20)
                await server.start()
            run.bit()
            while True:
                await all_hear(here)
                await spells.rest(here, 150 if run.nightly else 40)
                if not run.wants_more:
                    break
                async with spells.fault():
                    if run.bites % 2:
                        here.fault("kill NATS")
                        await server.kill()
                        await all_deaf(here)
                        await asyncio.sleep(run.chance.uniform(0.5, 5.0 if run.nightly else 1.0))
                        await server.start()
                    else:
                        here.fault("stop NATS")
                        server.freeze()
                        await asyncio.sleep(run.chance.uniform(5.0, 20.0) if run.nightly else 5.0)
                        await all_deaf(here)
                        server.thaw()
                run.bit()
            await here.finish()
            spells.judge(run, here)
    finally:
        await server.stop()


@campaign("C7D", "NATS drops, doubles and reorders", short=30, nightly=4_000, unit="messages dropped")
async def c7_spoilt(run: Run) -> None:
    server, tally = Nats(run.folder), dict[str, int]()
    await server.start()
    proxy = Proxy(("127.0.0.1", server.port), lambda: NatsMessages(run.chance, tally, **SPOILT))  # type: ignore[arg-type]
    await proxy.start()
    try:
        async with world(run, shared=True, nodes=3, bus=f"nats://127.0.0.1:{proxy.port}") as here:
            await _under_spoilt_messages(run, here, tally)
    finally:
        await proxy.close()
        await server.stop()


async def _under_spoilt_messages(run: Run, here: World, tally: dict[str, int]) -> None:
    await here.start()
    before = dict(tally)
    while run.wants_more:
        await here.load.acknowledged(10)
        run.bit(tally.get("dropped", 0) - before.get("dropped", 0) - run.bites)
    repairs = sum([await node.metric("feed_repairs_total") for node in here.nodes])
    run.figures |= {**tally, "repairs": repairs}
    for what in ("repeated", "reordered"):
        if not tally.get(what):
            run.violate("C7", f"nothing was {what}: the fault did not bite")
    await here.finish()


@campaign("C7P", "PostgreSQL's bus cut, stopped, spoilt", short=3, nightly=40, unit="faults", seconds=1_800, alone=True)
async def c7_postgres(run: Run) -> None:
    lent = not run.nightly and LENT in os.environ
    postgres = LentPostgres(os.environ[LENT]) if lent else Postgres()
    if isinstance(postgres, Postgres):
        await postgres.start()
    tally, spells = dict[str, int](), Spells()
    proxy = Proxy(
        ("127.0.0.1", postgres.cluster.port),
        lambda: PostgresNotifications(run.chance, tally, **SPOILT),  # type: ignore[arg-type]
    )
    await proxy.start()
    try:
        address = f"postgresql://postgres@127.0.0.1:{proxy.port}"
        async with world(run, postgres=postgres, nodes=3, bus="postgres", dsn=lambda name: f"{address}/{name}") as here:  # type: ignore[arg-type]
            async with spells.fault():  # all the time, notifications are spoilt
                await here.start()
                while run.wants_more:
                    await here.load.acknowledged(80 if run.nightly else 60)
                    await (_stop_bus if run.bites % 2 else _end_bus)(run, here)
            run.figures |= tally
            for what in ("dropped", "repeated", "reordered"):
                if not tally.get(what):
                    run.violate("C7", f"nothing was {what}: the fault did not bite")
            await here.finish()
            spells.judge(run, here)
    finally:
        await proxy.close()
        if isinstance(postgres, Postgres):
            await postgres.stop()


async def _bus_backends(here: World) -> Sequence[int]:
    async with here.sql() as db:
        found = await db.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hubbub bus'"
        )
    return [row["pid"] for row in found]


async def _end_bus(run: Run, here: World) -> None:
    here.fault("terminate the bus")
    async with here.sql() as db:
        for pid in await _bus_backends(here):
            await db.execute("SELECT pg_terminate_backend($1)", pid)
            run.bit()


async def _stop_bus(run: Run, here: World) -> None:
    """Its server processes hang, and are not dead."""

    async def is_whole() -> bool:  # what was ended before has come back
        return len(await _bus_backends(here)) == len(here.nodes)

    await eventually(is_whole, 15)
    here.fault("stop the bus")
    pids = await _bus_backends(here)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        await all_deaf(here)
        await asyncio.sleep(run.chance.uniform(0.0, 5.0) if run.nightly else 0.5)
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    run.bit()
    await all_hear(here)


@campaign("C7H", "hostile frames on NATS (B110 to B114)", short=30, nightly=2_000, unit="frames refused")
async def c7_hostile(run: Run) -> None:
    server = Nats(run.folder)
    await server.start()
    client = await nats.connect(server.url)
    try:
        async with world(run, shared=True, nodes=2, bus=server.url) as here:
            await here.start()
            async with here.sql() as db:
                deployment = await db.fetchval("SELECT value FROM hubbub.meta WHERE key = 'deployment'")
            epoch = next(record.epoch for record in here.history if record.op == "begin")
            ours = codec.Envelope(SECRET, f"{deployment} {epoch}", "e" * 32)
            theirs = codec.Envelope("another key, of 32 characters or more", deployment, "e" * 32)
            rooms = list(here.load.room_names)
            jumps = 0
            while run.wants_more:
                room_id, other = (UUID(room) for room in run.chance.sample(rooms, 2))
                room, elsewhere = (f"hubbub.{deployment}.room.{one.hex}" for one in (room_id, other))
                forged = [codec.pack(change(run.chance.randrange(1, 500), "forged", room_id))]
                far = [codec.pack(change(10**9 + jumps, "far ahead", room_id))]
                for subject, payload in (
                    (room, theirs.close(room, 0, forged)),  # B110
                    (room, ours.close(elsewhere, 0, forged)),  # B111
                    (room, b"cos\nsystem\n(S'true'\ntR."),  # B112
                    (room, ours.close(room, 0, far)),  # B113: signed, so that it is held, and read for once
                    (
                        f"hubbub.{deployment}.all",
                        run.chance.randbytes(900_000),
                    ),  # B114, as long as the server lets it be
                ):
                    await client.publish(subject, payload)
                await client.flush()
                jumps += 1
                await here.load.acknowledged(5)
                run.bit(int(min([await node.metric("bus_refused_total") for node in here.nodes])) - run.bites)
            repairs = sum([await node.metric("feed_repairs_total") for node in here.nodes])
            run.figures |= {"far_ahead": jumps, "repairs": repairs}
            # One read each, by each node; a change that comes while it is read may ask for another.
            if not jumps <= repairs <= 3 * jumps * len(here.nodes) + 20:
                run.violate("C7", f"{jumps} numbers that never were cost {repairs:.0f} reads")
            await here.finish()
    finally:
        await client.close()
        await server.stop()
