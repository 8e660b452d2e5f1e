"""Every metric by name, and where its number stands. The manual's page is made from this list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubbub import __version__
from hubbub.chat.context import Chat
from hubbub.fanout.plain_sql import Ear
from hubbub.fanout.stats import BusStats
from hubbub.histogram import Histogram
from hubbub.realtime import Handshakes, HandshakeStats, Nodes, Realtime, Siblings
from hubbub.realtime.nodes import NodeStats
from hubbub.realtime.siblings import SiblingStats
from hubbub.rest.health import REASONS, NotReady
from hubbub.rest.stats import RestStats
from hubbub.scheduled import ScheduledBackups
from hubbub.sockets.edge import Edge
from hubbub.telemetry import Reading
from hubbub.tls import Certificate


def readings(chat: Chat, edge: Edge, realtime: Realtime, loop_lag: Histogram) -> Iterator[Reading]:
    """What /metrics shows; each name gets the prefix `hubbub_`."""
    journal, stats, feeds, deflater = chat.journal, realtime.stats, edge.feeds, realtime.deflater
    yield Reading("gauge", "connections", "Open connections.", lambda: realtime.connections)
    yield Reading("gauge", "people", "People connected to this process.", lambda: len(edge.seats.by_user))
    yield Reading("gauge", "rooms_in_use", "Rooms that somebody here listens to.", lambda: len(feeds.by_id))
    yield Reading("counter", "connections_opened", "Connections since start.", lambda: stats.opened)
    yield Reading(
        "counter", "connections_refused", "Sessions refused for HUBBUB_MAX_CONNECTIONS.", lambda: stats.refused
    )
    yield Reading(
        "counter",
        "connections_closed",
        "Connections that ended, by reason; `slow` are those whose outbox overflowed.",
        # `slow` from the start: Prometheus sees a counter grow only from a value that it has seen.
        lambda: {"slow": 0.0} | {str(reason): float(count) for reason, count in stats.closed.items()},
        "reason",
    )
    yield Reading("counter", "events", "Events from clients.", lambda: stats.events)
    yield Reading(
        "counter",
        "rate_limited",
        "What was answered `rate_limited`: sends over an account's or a connection's rate, other events over theirs.",
        lambda: {
            "account": float(chat.sends.by_account.refused),
            "connection": float(chat.sends.by_connection.refused),
            "events": float(edge.event_rate.refused),
        },
        "rate",
    )
    yield Reading("gauge", "arrivals_waiting", "Connects that wait to be signed in.", lambda: chat.arrivals.waiting)
    yield Reading("counter", "arrivals", "Connects that were signed in, or refused.", lambda: chat.arrivals.asked)
    yield Reading("counter", "arrivals_batches", "Statements that read them.", lambda: chat.arrivals.batches)
    yield Reading(
        "counter", "arrivals_overloaded", "Connects that were sent away for later.", lambda: chat.arrivals.overloaded
    )
    yield Reading("counter", "protocol_errors", "Connections that broke the protocol.", lambda: stats.protocol_errors)
    yield Reading("counter", "deliveries", "Messages handed to connections.", lambda: stats.messages_out)
    yield Reading(
        "counter",
        "conflated",
        "Passing events that slow connections were spared, because a later one replaced them.",
        lambda: stats.conflated,
    )
    yield Reading("counter", "writes", "Writes to sockets; under load one carries many messages.", lambda: stats.writes)
    yield Reading("counter", "sent_bytes", "Bytes to clients.", lambda: stats.bytes_out)
    yield Reading("counter", "received_bytes", "Bytes from clients.", lambda: stats.bytes_in)
    yield Reading("counter", "compressed_connections", "WebSockets that took compression.", lambda: stats.compressed)
    yield Reading(
        "counter",
        "compressed_messages",
        "Messages compressed, each once however many it was for.",
        lambda: deflater.messages,
    )
    yield Reading(
        "counter",
        "compressed_messages_bytes",
        "Bytes of these messages, each counted once, before and after.",
        lambda: {"plain": float(deflater.plain_bytes), "compressed": float(deflater.compressed_bytes)},
        "form",
    )
    yield Reading(
        "counter",
        "fenced",
        "Times this process was taken for dead (it was stopped, or cut off, for longer than its lease) and closed its sockets.",
        lambda: chat.presence.lease.fenced,
    )
    yield Reading("gauge", "journal_waiting", "Sends not yet stored.", lambda: journal.waiting)
    yield Reading(
        "gauge", "journal_waiting_max", "Most sends that may wait; more are sent away.", lambda: journal.queue_max
    )
    yield Reading("counter", "journal_stored", "Messages stored.", lambda: journal.stats.stored)
    yield Reading("counter", "journal_batches", "Statements that stored them.", lambda: journal.stats.batches)
    yield Reading("counter", "journal_duplicates", "Sends that had been sent before.", lambda: journal.stats.duplicates)
    yield Reading("counter", "journal_refused", "Sends that were refused.", lambda: journal.stats.refused)
    yield Reading("counter", "journal_overloaded", "Sends that found the queue full.", lambda: journal.stats.overloaded)
    yield Reading("gauge", "receipts_waiting", "Receipts not yet written.", lambda: chat.receipts.waiting)
    yield Reading("counter", "receipts_marked", "Receipts written.", lambda: chat.receipts.marks)
    yield Reading("counter", "feed_accepted", "Changes heard for rooms in use.", lambda: feeds.stats.accepted)
    yield Reading("counter", "feed_dropped", "Changes heard a second time.", lambda: feeds.stats.dropped)
    yield Reading("counter", "feed_repairs", "Gaps that were read from the database.", lambda: feeds.stats.repairs)
    yield Reading("gauge", "feed_lag", "Changes not yet told, at the last look.", lambda: feeds.stats.lag)
    yield Reading(
        "gauge", "database_answers", "1 while the database answers, 0 while not.", lambda: chat.database.fault is None
    )
    yield Reading(
        "gauge", "database_connections_in_use", "Connections of the pool in use.", lambda: chat.database.in_use
    )
    yield Reading("gauge", "database_connections_max", "Most connections of the pool.", lambda: chat.database.size)
    yield Reading(
        "histogram",
        "stage_seconds",
        "Where the time of a message goes, once per batch or flush: `queue`, the longest wait in a batch of the journal; "
        "`commit`, its statement; `publish`, from the commit to the feeds of the rooms; `flush`, from the first "
        "connection with something to write to the last write.",
        lambda: {
            "queue": journal.stages.queue,
            "commit": journal.stages.commit,
            "publish": journal.stages.publish,
            "flush": stats.flush,
        },
        "stage",
    )
    yield Reading(
        "histogram",
        "loop_lag_seconds",
        "How late the event loop comes to what is due, looked at ten times a second.",
        lambda: loop_lag,
    )


def _numbers(book: Mapping[Any, float]) -> dict[str, float]:
    """A book of counters by label, in the form of a reading."""
    return {str(label): float(number) for label, number in sorted(book.items())}


def readings_of_operation(chat: Chat, rest: RestStats, not_ready: NotReady) -> Iterator[Reading]:
    """The same, of what an operator asks first: is it ready, who signs in, what do requests and statements take."""
    database, sign_ins = chat.database.stats, chat.sign_in_stats
    yield Reading("gauge", "build_info", "1, with the version that runs.", lambda: {__version__: 1.0}, "version")
    yield Reading(
        "gauge",
        "not_ready",
        "1 for each reason for which `/readyz` says that no traffic should come here, 0 for the others; added up over workers.",
        lambda: {reason: float(reason in not_ready()) for reason in REASONS},
        "reason",
    )
    yield Reading(
        "counter",
        "http_requests",
        "Requests to REST, the page and the probes, by the status they were answered with; 0 where the client went before.",
        lambda: _numbers(rest.by_status),
        "status",
    )
    yield Reading(
        "histogram", "http_request_seconds", "From their heads to the end of their answers.", lambda: rest.seconds
    )
    yield Reading(
        "counter",
        "sign_ins",
        "Sign-ins with a name and a password: `accepted`, or the code they were refused with.",
        lambda: _numbers(sign_ins.sign_ins),
        "outcome",
    )
    yield Reading(
        "counter",
        "token_refreshes",
        "Refresh tokens that were shown: `accepted`, the code they were refused with, or `reused`: it had been used before, "
        "and its session was ended.",
        lambda: _numbers(sign_ins.refreshes),
        "outcome",
    )
    yield Reading(
        "counter",
        "database_errors",
        "What went wrong with the database: `busy`, no connection came free in time; `lost`, one broke or could not be made; "
        "`timeout`, a statement took too long; `conflict`, it met another; `resources`, the server lacks disk, memory or "
        "connections; `read_only`, it takes no writes; `other`, it refused a statement, which is a defect.",
        lambda: _numbers(database.errors),
        "kind",
    )
    yield Reading(
        "counter",
        "database_statements",
        "Statements that were run, by their names in `store/sql`.",
        lambda: _numbers(database.runs),
        "statement",
    )
    yield Reading(
        "counter",
        "database_statement_seconds",
        "What they took, the way there and back included.",
        lambda: _numbers(database.seconds),
        "statement",
    )


def readings_of_plain_sql(ear: Ear) -> Iterator[Reading]:
    """The same, of what other programs write into the database."""
    stats = ear.stats
    yield Reading(
        "gauge",
        "sql_heard_at_once",
        "1 while what plain SQL writes is heard at once, 0 while it waits for the look each second; added up over workers.",
        lambda: int(ear.hears),
    )
    yield Reading("counter", "sql_heard", "Words of triggers about what plain SQL wrote.", lambda: stats.heard)
    yield Reading(
        "counter", "sql_lost", "Of these, those that too many came before; a look took their place.", lambda: stats.lost
    )
    yield Reading("counter", "sql_unreadable", "Payloads that are no such words.", lambda: stats.unreadable)
    yield Reading("counter", "sql_reconnects", "Times that line had to be connected again.", lambda: stats.reconnects)


def readings_between_processes(bus: BusStats, siblings: Siblings | None, nodes: Nodes | None) -> Iterator[Reading]:
    """The same, of what passes between processes."""
    stats = siblings.stats if siblings is not None else SiblingStats()
    forwarding = nodes.stats if nodes is not None else NodeStats()
    yield Reading("counter", "bus_sent", "Hints told to other processes.", lambda: bus.sent)
    yield Reading("counter", "bus_heard", "Hints heard from other processes.", lambda: bus.heard)
    yield Reading("counter", "bus_lost", "Hints that never left; what they told is read instead.", lambda: bus.lost)
    yield Reading("counter", "bus_unreadable", "Payloads that are no hints of this version.", lambda: bus.unreadable)
    yield Reading(
        "counter",
        "bus_refused",
        "Payloads dropped unread: not signed with this deployment's key for their subject, or too large to be ours.",
        lambda: bus.refused,
    )
    yield Reading("counter", "bus_statements", "Times that hints were told, together.", lambda: bus.statements)
    yield Reading("counter", "bus_reconnects", "Times the bus had to be connected again.", lambda: bus.reconnects)
    yield Reading(
        "histogram",
        "bus_echo_seconds",
        "The lag of the bus: from telling until this process hears it itself, which it does once a second at least.",
        lambda: bus.echo,
    )
    yield Reading(
        "gauge",
        "bus_silence_seconds",
        "Since this process last heard itself by the bus; infinite while it is not connected. Above four it is deaf, and "
        "not ready.",
        lambda: bus.silence,
    )
    yield Reading("gauge", "workers", "Processes that serve the port.", lambda: siblings.count if siblings else 1)
    yield Reading(
        "gauge", "workers_answering", "Of these, those that are added up here; the others are silent.", lambda: 1
    )
    yield Reading("counter", "connections_given", "Connections handed to their session's worker.", lambda: stats.given)
    yield Reading("counter", "connections_taken", "Connections taken from another worker.", lambda: stats.taken)
    yield Reading(
        "gauge",
        "connections_led",
        "Connections whose TLS ends here and whose session another worker has: they are led there and back.",
        lambda: stats.led,
    )
    yield Reading(
        "counter",
        "connections_not_given",
        "Connections whose session's worker did not take them.",
        lambda: stats.refused,
    )
    yield Reading(
        "gauge", "forwards_open", "Requests and WebSockets whose session another node has.", lambda: forwarding.open
    )
    yield Reading("counter", "forwards", "Requests that their session's node answered.", lambda: forwarding.forwarded)
    yield Reading(
        "counter", "forwards_failed", "Requests whose session's node did not answer.", lambda: forwarding.failed
    )
    yield Reading(
        "counter", "forwards_refused", "Requests not forwarded because too many were.", lambda: forwarding.refused
    )


def readings_of_tls(certificate: Certificate | None, handshakes: Handshakes | None) -> Iterator[Reading]:
    """Of the certificate that Hubbub serves TLS with, and of its handshakes; None where it serves none."""
    stats = handshakes.stats if handshakes is not None else HandshakeStats()
    yield Reading(
        "gauge",
        "tls_certificate_expires_timestamp_seconds",
        "When the certificate of HUBBUB_TLS_CERTIFICATE ends, in seconds since 1970; 0 where none is set.",
        lambda: certificate.expires if certificate is not None else 0,
    )
    yield Reading(
        "gauge",
        "tls_certificate_refused",
        "1 while the files of HUBBUB_TLS_CERTIFICATE cannot be used, and the certificate before them still is.",
        lambda: float(certificate is not None and certificate.fault is not None),
    )
    yield Reading(
        "gauge",
        "tls_handshakes_open",
        "Handshakes under way.",
        lambda: handshakes.open if handshakes is not None else 0,
    )
    yield Reading(
        "counter",
        "tls_handshakes_failed",
        "Handshakes that came to nothing: no TLS, a certificate that was not believed, a client gone or too slow.",
        lambda: stats.failed,
    )
    yield Reading(
        "counter",
        "tls_handshakes_refused",
        "Connections that were closed because too many handshakes were under way.",
        lambda: stats.refused,
    )


def readings_of_backups(backups: ScheduledBackups) -> Iterator[Reading]:
    """The same, of backups."""
    yield Reading(
        "gauge",
        "backup_last_success_timestamp_seconds",
        "When the latest backup was made, by `hubbub backup` or by the clock: seconds since 1970; 0: never.",
        lambda: backups.last_success,
    )
    yield Reading("counter", "backup_failures", "Backups by the clock that failed.", lambda: backups.failures)
