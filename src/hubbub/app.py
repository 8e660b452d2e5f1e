"""The composition root: the only place that constructs. Reads top to bottom as the server starts, and ends.

`serve` is `hubbub serve`. `Hubbub` is the running whole, which tests use as well: PostgreSQL, the store, the use cases,
both edges, one HTTP server in front.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import secrets
import signal
import socket as sockets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import structlog
import uvicorn

from hubbub import open_files
from hubbub.chat.context import Chat, Rules
from hubbub.chat.group_read import GroupRead
from hubbub.chat.limiter import FailureLimiter, SendLimiter
from hubbub.chat.passwords import Passwords
from hubbub.chat.presence import Presence
from hubbub.chat.receipts import ReceiptBook
from hubbub.chat.tokens import Tokens
from hubbub.chat.typing import TypingBook
from hubbub.config import ConfigError, Settings
from hubbub.domain import limits
from hubbub.fanout.feeds import Feeds
from hubbub.fanout.local import LocalBus
from hubbub.histogram import Histogram
from hubbub.metrics import readings
from hubbub.postgres import ConnectionSpec, PostgresServer, Progress, server_for
from hubbub.realtime import Options, Realtime, Socket
from hubbub.rest.application import make_application
from hubbub.sockets import connect, delivery
from hubbub.sockets.asyncapi import make_document
from hubbub.sockets.edge import Edge, Seats
from hubbub.sockets.events import ChatHandlers, failure
from hubbub.sockets.roster import Roster
from hubbub.store import arrivals, migrate, rooms, sync, upkeep
from hubbub.store.database import Connection, Database
from hubbub.store.journal import Journal
from hubbub.telemetry import Metrics, configure_logs, watch_loop

DRAIN_SECONDS: Final = 10.0
LAG_MAX: Final = 1_000  # changes the rooms in use may be behind before /readyz says so
UPKEEP_SECONDS: Final = 3_600.0

log = structlog.get_logger("app")


@dataclass(slots=True)
class Hubbub:
    """One running server. `open` starts everything but the HTTP server, `close` ends it in reverse order."""

    settings: Settings
    postgres: PostgresServer
    database: Database
    chat: Chat
    bus: LocalBus
    edge: Edge
    realtime: Realtime
    application: Any
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    closing: bool = False
    loop_lag: Histogram = field(default_factory=Histogram)

    @classmethod
    async def open(cls, settings: Settings, progress: Progress) -> Hubbub:
        """Start PostgreSQL, bring the schema up to date, put the parts together.

        Raises:
            PostgresUnavailable, asyncpg.PostgresError, OSError, ConfigError: told by the command line.
        """
        postgres = server_for(settings)
        spec = await postgres.start(progress)
        try:
            applied = await migrate.upgrade(partial(_connect, spec))
            if applied:
                progress(f"Database brought up to date: {', '.join(applied)}")
            database = await Database.open(
                spec.asyncpg_kwargs(), size=settings.db_pool_size, timeout=settings.db_timeout
            )
            hubbub = cls._assemble(settings, postgres, database)
            await hubbub._start()
        except BaseException:
            await postgres.stop()
            raise
        return hubbub

    @classmethod
    def _assemble(cls, settings: Settings, postgres: PostgresServer, database: Database) -> Hubbub:
        bus = LocalBus()
        chat = Chat(
            database=database,
            journal=Journal(
                database,
                queue_max=settings.journal_queue,
                batch_max=settings.journal_batch,
                patience=settings.db_timeout,
            ),
            bus=bus,
            tokens=Tokens(settings.jwt_secret or kept_secret(settings), settings.jwt_expires_in),
            passwords=Passwords(),
            receipts=ReceiptBook(database, bus, settings.receipt_rows_max_members),
            presence=Presence(database, bus),
            typing=TypingBook(bus),
            login_failures=FailureLimiter(most=10, seconds=60),
            sends=SendLimiter(settings.send_rate),
            arrivals=GroupRead(database, arrivals.arrive, limits.ARRIVALS_MAX),
            looks=GroupRead(database, sync.look, limits.LOOKS_MAX),
            pages=GroupRead(database, sync.pages, limits.LOOKS_MAX, pause=0),
            rules=Rules(
                max_message_bytes=settings.max_message_bytes,
                refresh_expires_in=settings.refresh_expires_in,
                public_directory=settings.public_directory,
                allow_guests=settings.allow_guests,
                registration_open=settings.registration == "open",
            ),
        )
        feeds: Feeds[Socket] = Feeds(
            deliver=lambda feed, listeners, changes: delivery.deliver(edge, feed, listeners, changes),
            read=lambda room_id, number: delivery.read_missed(edge, room_id, number),
            positions=_with_connection(database, rooms.positions),
            stages=chat.journal.stages,
        )
        edge = Edge(chat, feeds, Seats(), Roster(database, bus, feeds))
        realtime = Realtime(_options(settings), {"/": ChatHandlers(edge)}, on_error=failure)
        hubbub = cls(settings, postgres, database, chat, bus, edge, realtime, application=None)
        metrics = Metrics(readings(chat, edge, realtime, hubbub.loop_lag))
        hubbub.application = make_application(
            chat,
            settings,
            not_ready=hubbub.not_ready,
            metrics=metrics.text,
            asyncapi=make_document(realtime.options.path, settings.max_payload),
        )
        return hubbub

    async def _start(self) -> None:
        async with self.database.connection() as conn:
            await upkeep.remember_receipt_rows(conn, self.settings.receipt_rows_max_members)
        await self.bus.start(partial(delivery.accept, self.edge))
        self.chat.journal.start()
        self.chat.receipts.start()
        await self.chat.presence.start()
        for work, name in (
            (self.edge.feeds.run(), "feeds"),
            (self.edge.roster.run(), "roster"),
            (connect.watch(self.edge), "watch"),
            (connect.welcome(self.edge), "welcome"),
            (self._upkeep(), "upkeep"),
            (watch_loop(self.loop_lag), "loop lag"),
        ):
            self.tasks.append(asyncio.create_task(work, name=name))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application: Socket.IO's polling under its path, REST and the page elsewhere."""
        if scope["type"] == "http" and scope["path"].startswith(self.realtime.options.path.rstrip("/")):
            await self.realtime(scope, receive, send)
        else:
            await self.application(scope, receive, send)

    async def not_ready(self) -> list[str]:
        """Why this process should get no traffic just now; empty when it should."""
        reasons = ["shutting down"] if self.closing else []
        try:
            async with asyncio.timeout(2), self.database.connection() as conn:
                await upkeep.ping(conn)
        except Exception:
            reasons.append("the database does not answer")
        lag = self.edge.feeds.stats.lag
        if lag > LAG_MAX:
            reasons.append(f"delivery is {lag} changes behind the database")
        return reasons

    async def _upkeep(self) -> None:
        """Once an hour: forget sessions that ended long ago."""
        while True:
            await asyncio.sleep(UPKEEP_SECONDS)
            with contextlib.suppress(Exception):
                async with self.database.connection() as conn:
                    await upkeep.prune(conn)

    async def drain(self) -> None:
        """Finish and acknowledge the sends in flight, then send every client away, to come back elsewhere."""
        self.closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.chat.journal.close()
                await self.chat.receipts.close()
        await self.realtime.close(2.0)

    async def close(self) -> None:
        """End everything, in reverse order. After `drain`."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.edge.feeds.stop()
        self.chat.typing.close()
        await self.bus.close()
        await self.chat.presence.close()
        self.chat.passwords.close()
        await self.database.close()
        await self.postgres.stop()


def _with_connection(database: Database, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the store that takes its connection from the pool."""

    async def call(*args: Any) -> Any:
        async with database.connection() as conn:
            return await function(conn, *args)

    return call


async def _connect(spec: ConnectionSpec) -> Connection:
    return await asyncpg.connect(**spec.asyncpg_kwargs())


def _options(settings: Settings) -> Options:
    return Options(
        ping_interval_ms=settings.ping_interval_ms,
        ping_timeout_ms=settings.ping_timeout_ms,
        max_payload=settings.max_payload,
        outbox_bytes=settings.outbox_bytes,
        flush_tick_ms=settings.flush_tick_ms,
        max_connections=settings.max_connections or open_files.MOST,
        cors_origins="*" if "*" in settings.cors_origin else settings.cors_origin,
        compression=settings.compression == "on",
    )


def kept_secret(settings: Settings) -> str:
    """The key that signs tokens: made at first start, kept in the data directory, readable by its owner alone.

    Raises:
        ConfigError: the file is there and cannot be used.
    """
    path = Path(settings.data_dir) / "jwt_secret"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        draft = path.with_name(f".jwt_secret.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # whole or not at all, and never over another's
        finally:
            draft.unlink()
    secret = path.read_text().strip()
    if len(secret) < 32:
        raise ConfigError(f"{path} holds no usable key; remove it to have a new one made (everybody signs in again).")
    return secret


class _Server(uvicorn.Server):
    """uvicorn, told by us when to end; sockets are closed before it waits for requests."""

    def __init__(self, config: uvicorn.Config, hubbub: Hubbub, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._hubbub = hubbub
        self._announce = announce

    async def startup(self, sockets: list[sockets.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: uvicorn would end the process before everything is closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[sockets.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._hubbub.drain()
        await super().shutdown(sockets)


async def run(settings: Settings, progress: Progress) -> None:
    """Serve until a signal ends it.

    Raises:
        OSError: the port is taken. Others as `Hubbub.open`.
    """
    started = time.monotonic()
    listener = _listen(settings)
    try:
        hubbub = await Hubbub.open(settings, progress)
    except BaseException:
        listener.close()
        raise
    try:
        config = uvicorn.Config(
            hubbub,
            http="httptools",
            ws=hubbub.realtime.protocol_factory,  # type: ignore[arg-type]
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=5,
            timeout_keep_alive=30,
            backlog=4096,
        )
        server = _Server(config, hubbub, partial(_announce, listener, started))
        _calm_collector()
        await server.serve(sockets=[listener])
    finally:
        await hubbub.close()


def _calm_collector() -> None:
    """Let Python's cycle collector look less often, and never at what was made for good.

    Messages in flight survive many of its default looks (one each 700 allocations), and are no cycles: it took 12 % of
    the CPU of a send, and its full looks held the loop for tens of milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _announce(listener: sockets.socket, began: float) -> None:
    """Say where to point a browser. Other programs wait for this line."""
    host, port = listener.getsockname()[:2]
    shown = "127.0.0.1" if host == "0.0.0.0" else "[::1]" if host == "::" else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not bound
    seconds = time.monotonic() - began
    print(f"Hubbub is ready at http://{shown}:{port} (after {seconds:.1f} s)", flush=True)  # noqa: T201
    log.info("ready", port=port, seconds=round(seconds, 2))


def _listen(settings: Settings) -> sockets.socket:
    """The listening socket, bound first of all: a port that is taken is told before anything is started."""
    family = sockets.AF_INET6 if ":" in settings.host else sockets.AF_INET
    listener = sockets.socket(family, sockets.SOCK_STREAM)
    listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def serve(settings: Settings, progress: Progress) -> None:
    """`hubbub serve`: run until Ctrl-C or SIGTERM."""
    configure_logs(settings.log_level, settings.log_format)
    wanted = settings.max_connections or open_files.MOST
    possible = open_files.make_room(wanted)
    if settings.max_connections is not None and possible < wanted:
        log.warning("fewer connections than HUBBUB_MAX_CONNECTIONS: too few open files are allowed", possible=possible)
    log.info("connections possible", most=possible)
    settings = replace(settings, max_connections=possible)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run(settings, progress))
