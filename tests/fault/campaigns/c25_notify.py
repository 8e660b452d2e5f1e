"""C25: what carries PostgreSQL's notifications fails: the lines that listen are terminated, go silent, or the server's
queue is full because a listener sleeps in a transaction. Meanwhile another program writes plain SQL. Sends do not suffer
(nothing is notified in the transaction that writes), and what is written is told within two seconds, by the look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.history import body_hash
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.servers import Postgres
from tests.fault.harness.world import World, world

TOLD_SECONDS: Final = 2.0
SEND_SECONDS: Final = 2.0
_PROBES: Final = 3  # messages of plain SQL under each fault
_LISTENERS: Final = "('hubbub sql', 'hubbub bus')"


class Psql:
    """The other program: it writes a message, and waits until everybody who is connected has been told."""

    def __init__(self, here: World, db: asyncpg.Connection) -> None:
        self.here, self.db = here, db
        self.written = 0
        self.seconds: list[float] = []

    async def write(self) -> None:
        here, load = self.here, self.here.load
        self.written += 1
        room = here.run.chance.choice(list(load.room_ids))
        body, client_id = f"psql:{self.written}:{load.secret_of[room]}", f"psql-{self.written}"
        here.history.note("psql", "send", "invoke", room=room, client_id=client_id, body_hash=body_hash(body))
        seq = await self.db.fetchval(
            "SELECT seq FROM hubbub.post_message($1, 'psql', $2, $3)"
            if self.written % 2
            else "INSERT INTO messages (room_id, user_id, message_text, client_id)"
            " SELECT $1, user_id, $2, $3 FROM users WHERE username = 'psql' RETURNING seq",
            load.room_ids[room],
            body,
            client_id,
        )
        began = time.monotonic()
        here.history.note("psql", "send", room=room, client_id=client_id, seq=seq)
        wanting = [one for one in load.listeners if one.up.is_set() and load.room_ids[room] in one.cursors]
        async with asyncio.timeout(30):
            while any(one.up.is_set() and one.cursors[load.room_ids[room]] < seq for one in wanting):
                await asyncio.sleep(0.005)
        self.seconds.append(time.monotonic() - began)


@asynccontextmanager
async def terminated(here: World, db: asyncpg.Connection, _: Proxy) -> AsyncIterator[bool]:
    """The lines of all nodes are ended by the server."""
    ended = await db.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        f" WHERE application_name IN {_LISTENERS} AND datname = current_database()"
    )
    yield bool(ended >= len(here.nodes))


@asynccontextmanager
async def silent(_: World, __: asyncpg.Connection, proxy: Proxy) -> AsyncIterator[bool]:
    """The lines are there, and nothing comes through them."""
    proxy.faults.is_paused = True
    yield proxy.connections > 0
    proxy.faults.is_paused = False


@asynccontextmanager
async def full(here: World, db: asyncpg.Connection, _: Proxy) -> AsyncIterator[bool]:
    """A listener sleeps in a transaction, so nothing leaves the queue; others have filled it."""
    async with here.sql() as sleeper:
        await sleeper.execute("LISTEN nothing_of_interest")
        await sleeper.execute("BEGIN; SELECT 1")
        is_full = False
        for number in range(200):
            try:
                await db.execute("SELECT pg_notify('filler', $1 || repeat('x', 7900))", str(number))
            except asyncpg.ProgramLimitExceededError:
                is_full = True
                break
        yield is_full
        await sleeper.execute("ROLLBACK")


FAULTS: Final = (terminated, silent, full)


async def _hear(here: World) -> None:
    """Wait until every node hears again."""
    async with asyncio.timeout(60):
        for node in here.nodes:
            while await node.metric("sql_heard_at_once") < 1 or await node.readiness() != 200:
                await asyncio.sleep(0.1)


async def _break(run: Run, here: World, proxy: Proxy) -> None:
    """One fault after another, and what must go on under each."""
    load = here.load
    await load.prepare()
    async with here.sql() as db:
        await load.newcomer(db, "psql", "websocket", list(load.room_ids))
        psql, undisturbed = Psql(here, db), Psql(here, db)
        await here.start()
        await _hear(here)
        for _ in range(_PROBES):
            await undisturbed.write()
        psql.written = undisturbed.written
        load.send_seconds.clear()
        while run.wants_more:
            fault = FAULTS[run.bites % len(FAULTS)]
            here.fault(fault.__name__)
            async with fault(here, db, proxy) as has_bitten:
                for _ in range(_PROBES):
                    await psql.write()
                await load.acknowledged(20)
            if not has_bitten:
                return
            run.bit()
            await _hear(here)
        told, sends = sorted(psql.seconds), sorted(one for some in load.send_seconds.values() for one in some)
        run.figures |= {
            "told_median_undisturbed": round(sorted(undisturbed.seconds)[_PROBES // 2], 3),
            "told_median": round(told[len(told) // 2], 3),
            "told_p99": round(told[int(len(told) * 0.99)], 3),
            "send_p99": round(sends[int(len(sends) * 0.99)], 3),
        }
        if run.figures["told_p99"] > TOLD_SECONDS:
            run.violate("C25", f"p99 from the commit of plain SQL to the last listener is {run.figures['told_p99']} s")
        if run.figures["send_p99"] > SEND_SECONDS:
            run.violate("C25", f"p99 of a send is {run.figures['send_p99']} s")
    await here.finish()


@campaign(
    "C25", "notifications fail: lines ended or silent, the queue full", short=3, nightly=60, unit="faults", alone=True
)
async def c25(run: Run) -> None:
    postgres = Postgres({"max_notify_queue_pages": "64"})
    await postgres.start()
    proxy = Proxy(("127.0.0.1", postgres.cluster.port))
    await proxy.start()
    env: dict[str, str | None] = {}

    def dsn(database: str) -> str:
        env["HUBBUB_LISTEN_URL"] = f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}"
        return postgres.cluster.tcp_dsn(database)

    try:
        async with world(run, nodes=2, postgres=postgres, dsn=dsn, env=env) as here:
            await _break(run, here, proxy)
    finally:
        await proxy.close()
        await postgres.stop()
