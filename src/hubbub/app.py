"""The composition root: the only place that constructs. Reads top to bottom as the server starts, and ends.

`serve` is `hubbub serve`. `Hubbub` is the running whole, which tests use as well: PostgreSQL, the store, the use cases,
both edges, one HTTP server in front.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import structlog

from hubbub import metrics, open_files
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
from hubbub.domain.changes import Hint
from hubbub.ending import Ending
from hubbub.event_loop import calm_collector, loop_factory
from hubbub.fanout import nats, postgres
from hubbub.fanout.feeds import Feeds
from hubbub.fanout.line_bus import LineBus
from hubbub.fanout.local import LocalBus
from hubbub.fanout.plain_sql import Ear
from hubbub.histogram import Histogram
from hubbub.http_server import Server, http_config
from hubbub.keys import kept_secret, nats_address
from hubbub.listener import announce, listen, own_address
from hubbub.postgres import ConnectionSpec, PostgresServer, Progress, hosts, listen_spec, server_for
from hubbub.postgres.ready import ReadyPostgres
from hubbub.realtime import Address, Handshakes, NodeHttp, Nodes, Options, Realtime, SharedHttp, Siblings, Socket
from hubbub.rest.application import make_application
from hubbub.rest.edge import SAFE_HEADERS, STRICT_TRANSPORT
from hubbub.rest.stats import RestStats
from hubbub.scheduled import ScheduledBackups
from hubbub.sockets import connect, delivery, plain_sql
from hubbub.sockets.asyncapi import make_document
from hubbub.sockets.edge import Edge, Seats
from hubbub.sockets.events import ChatHandlers, failure
from hubbub.sockets.roster import Roster
from hubbub.store import arrivals, migrate, notify, presence, rooms, sync, upkeep
from hubbub.store.database import Database
from hubbub.store.watch import watch
from hubbub.telemetry import Metrics, configure_logs, log_of_the_loop, watch_loop
from hubbub.tls import Certificate, certificate_of
from hubbub.tracing import Tracing, open_tracing
from hubbub.workers.place import Link, Place
from hubbub.workers.sums import add_up

GOING_SECONDS: Final = 6.0  # of the end, for clients to be sent away
LED_SECONDS: Final = 4.0  # for those whose worker, which ends at the same time as this one, is not that far
STORE_SECONDS: Final = 3.0  # for what waits to be stored then
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
    bus: LocalBus | LineBus
    edge: Edge
    realtime: Realtime
    application: Any
    siblings: Siblings | None
    nodes: Nodes | None
    ear: Ear
    backups: ScheduledBackups
    certificate: Certificate | None
    handshakes: Handshakes | None
    metrics: Metrics
    loop_lag: Histogram
    tracing: Tracing
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    closing: bool = False
    ending: Ending = field(default_factory=Ending)

    @classmethod
    async def open(cls, settings: Settings, progress: Progress, place: Place | None = None) -> Hubbub:
        """Start PostgreSQL, bring the schema up to date, put the parts together.

        Args:
            place: where this is one worker of several, whose parent has done the first two.

        Raises:
            PostgresUnavailable, asyncpg.PostgresError, OSError, ConfigError: told by the command line.
        """
        certificate = certificate_of(settings)
        postgres = server_for(settings) if place is None else ReadyPostgres(place.spec)
        spec = await postgres.start(progress)
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(postgres.stop)
            applied = await migrate.upgrade(partial(hosts.connect, **spec.asyncpg_kwargs())) if place is None else []
            if applied:
                progress(f"Database brought up to date: {', '.join(applied)}")
            database = await Database.open(
                spec.asyncpg_kwargs(), size=settings.db_pool_size, timeout=settings.db_timeout
            )
            undo.push_async_callback(database.close)
            deployment = await _with_connection(database, upkeep.deployment)()
            hubbub = cls._assemble(settings, postgres, database, spec, place, deployment, certificate)
            await hubbub._start()
            undo.pop_all()
        return hubbub

    @classmethod
    def _assemble(
        cls,
        settings: Settings,
        postgres: PostgresServer,
        database: Database,
        spec: ConnectionSpec,
        place: Place | None,
        deployment: str,
        certificate: Certificate | None,
    ) -> Hubbub:
        direct = listen_spec(settings, spec)
        secret = settings.jwt_secret or kept_secret(settings)
        tracing = open_tracing()
        bus = _bus(settings, direct, place, secret, deployment, database.is_pooled, tracing.line_bus)
        address = Address.read(own_address(settings, spec.hosts[0])) if settings.has_other_nodes else None
        chat = Chat(
            database=database,
            journal=tracing.journal(
                database,
                queue_max=settings.journal_queue,
                batch_max=settings.journal_batch,
                patience=settings.db_timeout,
            ),
            bus=bus,
            tokens=Tokens(secret, settings.jwt_expires_in),
            passwords=Passwords(),
            receipts=ReceiptBook(database, bus, settings.receipt_rows_max_members),
            presence=Presence(database, bus, address=str(address) if address else None),
            typing=TypingBook(bus),
            login_failures=FailureLimiter(
                limits.FAILURES_OF_NAME, limits.FAILURES_OF_ADDRESS, seconds=60, secret=secret
            ),
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
            follow=bus.follow,
            stages=chat.journal.stages,
        )
        edge = Edge(chat, feeds, Seats(), Roster(database, bus, feeds))
        if isinstance(bus, LineBus):
            bus.gap = feeds.look_soon
        options = _options(settings, place, address)
        realtime = Realtime(options, {"/": tracing.sockets(ChatHandlers(edge))}, on_error=failure)
        prefix = address.prefix if address else ""
        siblings = (
            Siblings(place.number, place.count, place.folder, options.path, prefix, options.max_connections)
            if place
            else None
        )
        trust = certificate.trust if certificate is not None else None
        nodes = Nodes(address, _with_connection(database, presence.addresses), options, trust) if address else None
        ear = Ear(
            partial(notify.open_line, direct.asyncpg_kwargs(), channel=notify.PLAIN_SQL),
            say=lambda payload: _with_connection(database, notify.say)(notify.PLAIN_SQL, payload),
            take=partial(plain_sql.take, edge),
            gap=feeds.look_soon,
        )
        backups = ScheduledBackups(
            # Of the workers of one machine the first looks; of several nodes whoever claims the backup.
            settings.backup_schedule if place is None or place.number == 1 else None,
            settings.backup_keep,
            claim=_with_connection(database, upkeep.claim_backup),
            latest=_with_connection(database, upkeep.latest_backup),
        )
        handshakes = Handshakes(certificate.context) if certificate is not None else None
        loop_lag, rest_stats = Histogram(), RestStats()
        shown = (
            *metrics.readings(chat, edge, realtime, loop_lag),
            *metrics.readings_of_operation(chat, rest_stats, lambda: hubbub.not_ready()),  # noqa: PLW0108 - there is none yet
            *metrics.readings_of_plain_sql(ear),
            *metrics.readings_of_backups(backups),
            *metrics.readings_between_processes(bus.stats, siblings, nodes),
            *metrics.readings_of_tls(certificate, handshakes),
        )
        hubbub = cls(
            settings, postgres, database, chat, bus, edge, realtime, None, siblings, nodes, ear, backups, certificate,
            handshakes, Metrics(shown), loop_lag, tracing,
        )  # fmt: skip
        hubbub.application = make_application(
            chat,
            settings,
            not_ready=hubbub.not_ready,
            metrics=hubbub.metrics_text,
            asyncapi=make_document(realtime.options.path, settings.max_payload),
            stats=rest_stats,
            traced=tracing.rest,
        )
        return hubbub

    async def _start(self) -> None:
        async with self.database.connection() as conn:
            await upkeep.remember(
                conn,
                receipt_rows_max_members=self.settings.receipt_rows_max_members,
                max_message_bytes=self.settings.max_message_bytes,
            )
        self.database.on_new_epoch = self.edge.feeds.on_rewound = self._start_afresh
        lease = self.chat.presence.lease
        lease.on_fenced = self._fenced
        lease.on_renewed = self.edge.feeds.look_soon
        self.bus.renew(self.database.epoch.told)
        await self.bus.start(self.tracing.hear(self._hear))
        self.chat.journal.start()
        self.chat.receipts.start()
        await self.chat.presence.start()
        for work, name in (
            (watch(self.database), "database watch"),
            (self.edge.feeds.run(), "feeds"),
            (self.edge.roster.run(), "roster"),
            (connect.watch(self.edge), "watch"),
            (self.ear.run(), "plain sql"),
            (connect.welcome(self.edge), "welcome"),
            (self._upkeep(), "upkeep"),
            (self.backups.run(), "backups"),
            (watch_loop(self.loop_lag), "loop lag"),
        ):
            self.tasks.append(asyncio.create_task(work, name=name))
        if self.certificate is not None:
            self.tasks.append(asyncio.create_task(self.certificate.watch(), name="certificate"))

    def _fenced(self) -> None:
        """This process was taken for dead: what it was sent before is refused, and everybody comes back to the new node."""
        self.chat.journal.fenced_at = time.monotonic()
        self.realtime.send_away()

    def _start_afresh(self) -> None:
        """The database is of another time than it was: where rooms stood is forgotten, and every client comes back."""
        self.edge.feeds.stop()
        self.realtime.send_away()
        self.ear.renew()
        self.bus.renew(self.database.epoch.told)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application: Socket.IO's polling under its path, REST and the page elsewhere."""
        if scope["type"] == "http" and scope["path"].rstrip("/") == self.realtime.options.path.rstrip("/"):
            if self.nodes is None or not await self.nodes.forward(scope, receive, send):
                await self.realtime(scope, receive, send)
        else:
            await self.application(scope, receive, send)

    def _hear(self, hints: Sequence[Hint]) -> None:
        """Take hints from the bus. None while the lease has run out: what we hold may be revoked, and the look tells it."""
        if self.chat.presence.lease.holds:
            delivery.accept(self.edge, hints)

    @property
    def http_protocol(self) -> Callable[..., NodeHttp]:
        """What uvicorn makes for each connection."""
        return (
            partial(NodeHttp, self.nodes) if self.siblings is None else partial(SharedHttp, self.siblings, self.nodes)
        )

    def not_ready(self) -> dict[str, str]:
        """Why this process should get no traffic just now, by `health.REASONS`; empty when it should."""
        reasons = {"ending": "shutting down"} if self.closing else {}
        if self.database.fault is not None:
            reasons["database"] = self.database.fault
        if self.bus.fault is not None:
            reasons["bus"] = self.bus.fault
        lag = self.edge.feeds.stats.lag
        if lag > LAG_MAX:
            reasons["lag"] = f"delivery is {lag} changes behind the database"
        return reasons

    async def metrics_text(self) -> bytes:
        """The metrics of this process, or of all workers together; how many of them did not answer is one of them."""
        mine = self.metrics.text()
        if self.siblings is None:
            return mine
        asked = [self.siblings.ask(number) for number in self.siblings.others]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return add_up([mine, *(answer for answer in answers if isinstance(answer, bytes))])

    async def _upkeep(self) -> None:
        """Once an hour: forget sessions that ended long ago."""
        while True:
            await asyncio.sleep(UPKEEP_SECONDS)
            with contextlib.suppress(Exception):
                async with self.database.connection() as conn:
                    await upkeep.prune(conn)

    async def drain(self) -> None:
        """Send every client away, to come back elsewhere, with all that it sent answered; then take nothing more."""
        self.closing = True
        log.info("asked to end", connections=self.realtime.connections)
        if self.settings.drain_delay:
            await self.ending.step("balancers see it", asyncio.sleep(self.settings.drain_delay))
        await self.ending.step("clients go", self.realtime.leave(GOING_SECONDS), GOING_SECONDS)
        if self.siblings is not None:
            await self.ending.step("clients of others go", self.siblings.led_home(), LED_SECONDS)
            self.siblings.close()
        await self.ending.step("sends are stored", self.chat.journal.close(), STORE_SECONDS)
        await self.ending.step("receipts are stored", self.chat.receipts.close(), STORE_SECONDS)
        await self.realtime.close(1.0)
        if self.nodes is not None:
            self.nodes.close()  # last: until here, what still comes to us for other nodes gets there

    async def close(self) -> None:
        """End everything, in reverse order. After `drain`."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.edge.feeds.stop()
        self.chat.typing.close()
        await self.ending.step("the bus", self.bus.close(), 1.5)
        await self.ending.step("presence", self.chat.presence.close(), 2.0)
        self.chat.passwords.close()
        await self.ending.step("the pool", self.database.close(), 3.5)
        await self.ending.step("traces", self.tracing.close(), 2.0)
        await self.ending.step("PostgreSQL", self.postgres.stop(), keep=0.5)


def _with_connection(database: Database, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the store that takes its connection from the pool."""

    async def call(*args: Any) -> Any:
        async with database.connection() as conn:
            return await function(conn, *args)

    return call


def _bus(
    settings: Settings, spec: ConnectionSpec, place: Place | None, secret: str, name: str, is_pooled: bool,
    line_bus: type[LineBus],
) -> LocalBus | LineBus:  # fmt: skip
    """The bus that the settings ask for; left to us, the one that reaches as far as there are processes."""
    if settings.has_nats:
        return line_bus(partial(nats.open_line, nats_address(settings), name), secret, name)
    if settings.bus == "postgres" or (settings.bus == "auto" and place is not None):
        if is_pooled and settings.listen_url is None:  # on a quiet pool it would hear itself, and nobody else
            raise ConfigError("HUBBUB_LISTEN_URL must name the server itself: DATABASE_URL leads through a pooler.")
        open_channel = partial(notify.open_line, spec.asyncpg_kwargs())
        return line_bus(partial(postgres.open_line, open_channel), secret, name)
    return LocalBus()


def _options(settings: Settings, place: Place | None, address: Address | None) -> Options:
    return Options(
        sid_prefix=(address.prefix if address else "") + (f"{place.number}." if place is not None else ""),
        ping_interval_ms=settings.ping_interval_ms,
        ping_timeout_ms=settings.ping_timeout_ms,
        max_payload=settings.max_payload,
        outbox_bytes=settings.outbox_bytes,
        flush_tick_ms=settings.flush_tick_ms,
        max_connections=settings.max_connections or open_files.MOST,
        cors_origins="*" if "*" in settings.cors_origin else settings.cors_origin,
        compression=settings.compression == "on",
        safe_headers=SAFE_HEADERS,
        strict_transport=STRICT_TRANSPORT,
    )


async def run(settings: Settings, progress: Progress, place: Place | None = None, link: Link | None = None) -> None:
    """Serve until a signal ends it.

    Args:
        place: this worker's among several, with the `link` to their parent.

    Raises:
        OSError: the port is taken. Others as `Hubbub.open`.
    """
    started = time.monotonic()
    asyncio.get_running_loop().set_exception_handler(log_of_the_loop)
    if place is not None and place.shared_listener is not None:
        listener = sockets.socket(fileno=place.shared_listener)
    else:
        listener = listen(settings, is_one_of_many=place is not None)
    settings = replace(settings, port=listener.getsockname()[1])
    try:
        hubbub = await Hubbub.open(settings, progress, place)
    except BaseException:
        listener.close()
        raise
    try:
        config = http_config(hubbub)
        server = Server(config, hubbub, partial(announce, listener, started, settings) if link is None else link.ready)
        if link is not None:
            link.watch(orphaned=server.end)
        calm_collector()
        await server.serve(sockets=[listener])
    finally:
        await hubbub.close()


def serve(settings: Settings, progress: Progress) -> None:
    """`hubbub serve`: run until Ctrl-C or SIGTERM."""
    configure_logs(settings.log_level, settings.log_format)
    settings = _with_room(settings)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run(settings, progress))


def serve_place(settings: Settings, place: Place, link: Link) -> None:
    """One worker of `hubbub serve --workers N`: run until a signal, or the end of the parent."""
    settings = _with_room(settings, 1 if settings.tls_certificate is None else open_files.LED)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run(settings, lambda _: None, place, link))


def _with_room(settings: Settings, files_each: int = 1) -> Settings:
    """With as many connections as this process can have, having raised what it may."""
    wanted = settings.max_connections or open_files.MOST
    possible = open_files.make_room(wanted * files_each) // files_each
    if settings.max_connections is not None and possible < wanted:
        log.warning("fewer connections than HUBBUB_MAX_CONNECTIONS: too few open files are allowed", possible=possible)
    log.info("connections possible", most=possible)
    return replace(settings, max_connections=possible)
