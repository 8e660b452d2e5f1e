"""What most campaigns break: a PostgreSQL, some nodes, and load "L" upon them; and the end of every run.

async with world(run, nodes=2) as here:
    await here.start()
    …                                   # here.nodes, here.postgres, here.load are there to be broken
    await here.finish()                 # heal, stop sending, drain, resume, read, check
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg
from tests.fault.harness.campaign import Run
from tests.fault.harness.checker import Violation, check
from tests.fault.harness.history import History
from tests.fault.harness.load import SMALL, L, Load, Size
from tests.fault.harness.nodes import Node, Nodes, Sample
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.servers import LENT, LentPostgres, Postgres

# What a process may hold more at the end than at the start, beside a tenth: caches, pools and threads that are made once.
MORE_BYTES: Final = 48_000_000
MORE_FILES: Final = 16
LET_GO_SECONDS: Final = 20.0


@dataclass
class World:
    """One deployment and its load."""

    run: Run
    postgres: Any  # `Postgres`; `LentPostgres` where it is shared
    database: str
    nodes: Nodes
    load: Load
    history: History
    _before: dict[str, Sample]

    @property
    def dsn(self) -> str:
        """The database, straight, over its Unix socket."""
        return self.postgres.cluster.dsn(self.database)

    @contextlib.asynccontextmanager
    async def sql(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection to the database, straight."""
        conn = await asyncpg.connect(self.dsn)
        try:
            yield conn
        finally:
            await conn.close()

    def fault(self, what: str) -> None:
        """Write into the history what was done to the system."""
        self.history.note("", "fault", "info", about=what)

    async def start(self) -> None:
        """Start the nodes, then the load; take the measure of the nodes in between."""
        await self.nodes.start()
        self._before = {node.name: await node.sample() for node in self.nodes}
        await self.load.start()

    async def measure_memory(self) -> int:
        """Judge growth of memory (I12) from here on; the most bytes by which a node has grown until now.

        An allocator gives back little of what its first crowd took. That is kept once; more with each crowd is a leak.
        """
        grown = 0
        for name, now in {node.name: await node.sample() for node in self.nodes}.items():
            before = self._before.get(name)
            if before is not None and before.pid == now.pid:
                grown = max(grown, now.rss - before.rss)
                self._before[name] = replace(before, rss=now.rss)
        return grown

    async def finish(self, *, presence: bool | None = None, ordered: bool = True, allowed: str = r"(?!)") -> None:
        """Heal what was broken, let everything drain, read all, and give the run what the checker finds.

        Args:
            presence: wait for presence to converge (up to 20 seconds); by default in nightly runs.
            ordered: False where senders do not keep an order (I6).
            allowed: log lines of level error that the fault explains, as a regular expression.
        """
        run = self.run
        await self.nodes.heal()
        await self.load.stop()
        final = await self.load.finish(presence=run.nightly if presence is None else presence)
        await self.load.close()
        final.growth = await self._growth()
        for node in self.nodes:
            final.troubles += node.troubles(allowed)
        run.violations += check(self.history, final, ordered=ordered, checked=run.checked)
        load = self.load
        run.violations += [Violation("B52", what) for what in load.garbled[:3]]
        run.figures |= {
            "acknowledged": load.acked, "repeated": load.repeated, "retried": load.retried,
            "unanswered": load.unanswered, "heard": load.deliveries,
            "reconnects": sum(one.reconnects for one in load.everyone),
        }  # fmt: skip

    async def _growth(self) -> list[str]:
        """I12, of nodes that were not started again: once all clients have left, what they hold has come back."""
        found = []
        for node in self.nodes:
            before = self._before.get(node.name)
            if before is None or node.pid != before.pid:
                continue
            end = time.monotonic() + LET_GO_SECONDS
            while (left := _more(before, await node.sample())) and time.monotonic() < end:
                await asyncio.sleep(0.2)
            found += [f"{node.name} {what}" for what in left]
        return found


def _more(before: Sample, now: Sample) -> list[str]:
    """What a process holds now that it should have let go."""
    found = []
    if now.connections > before.connections:
        found.append(f"still has {now.connections} connections")
    if now.files > before.files * 1.1 + MORE_FILES:
        found.append(f"went from {before.files} open files to {now.files}")
    if now.rss > before.rss * 1.1 + MORE_BYTES:
        found.append(f"went from {before.rss >> 20} MB to {now.rss >> 20} MB")
    return found


def before_nodes(proxies: list[Proxy], **options: Any) -> Callable[[Nodes], Callable[[], Sequence[str]]]:
    """For `urls` of `world`: fills `proxies` with one before each node, to be started and closed by the caller."""

    def make(nodes: Nodes) -> Callable[[], Sequence[str]]:
        proxies.extend(Proxy(("127.0.0.1", node.port), **options) for node in nodes)
        return lambda: [f"http://127.0.0.1:{proxy.port}" for proxy in proxies]

    return make


@contextlib.asynccontextmanager
async def world(
    run: Run,
    *,
    nodes: int = 2,
    size: Size | None = None,
    bus: str | None = None,
    env: Mapping[str, str | None] | None = None,
    postgres: Postgres | None = None,
    shared: bool = False,
    dsn: Callable[[str], str] | None = None,
    urls: Callable[[Nodes], Callable[[], Sequence[str]]] | None = None,
    mutant: str | None = None,
    **load: Any,
) -> AsyncIterator[World]:
    """A deployment that is not started yet (`await here.start()`), ended and cleaned up afterwards.

    Args:
        size: of the load; by default `L` in nightly runs, `SMALL` in short ones.
        bus: `HUBBUB_BUS` of the nodes; by default `postgres`, or `local` where there is one node.
        env: further variables of the nodes.
        postgres: a server that runs already and is the caller's to stop.
        shared: the campaign leaves the server itself alone, so that it may be one that several runs share.
        dsn: from the database's name, the address the nodes are given, where they are to go through a proxy.
        urls: from the nodes, what gives the addresses the clients are told, where they are to go through proxies.
        mutant: a planted bug that the nodes run with.
        load: further arguments of `Load`.
    """
    stop: Callable[[], Awaitable[None]] | None = None
    server: Postgres | LentPostgres
    if postgres is not None:
        server = postgres
    elif shared and LENT in os.environ:
        server = LentPostgres(os.environ[LENT])
    else:
        server = own = Postgres()
        stop = own.stop
    history = History(run.folder / "history.jsonl")
    made = Nodes([])
    here: World | None = None
    try:
        if stop is not None:
            await server.start()
        database = await server.database()
        address = dsn(database) if dsn is not None else server.cluster.tcp_dsn(database)
        bus = bus or ("postgres" if nodes > 1 else "local")
        made = Nodes(
            [Node(number, address, run.folder, bus=bus, env=env, mutant=mutant) for number in range(1, nodes + 1)]
        )
        where = urls(made) if urls is not None else made.urls
        straight = server.cluster.dsn(database)
        some = size or (L if run.nightly else SMALL)
        here = World(
            run,
            server,
            database,
            made,
            Load(history, run.chance, size=some, urls=where, dsn=straight, **load),
            history,
            {},
        )
        yield here
    finally:
        if here is not None:
            await here.load.close()
        await made.close()
        if stop is not None:
            await stop()
        history.close()
