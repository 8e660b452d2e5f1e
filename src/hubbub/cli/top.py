"""`hubbub top`: what a running Hubbub does now, from its `/metrics` and its database."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import asyncpg
import typer
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from hubbub.cli import console, tables
from hubbub.cli.db import with_connection
from hubbub.cli.db_look import doing
from hubbub.config import Settings
from hubbub.postgres import PostgresUnavailable, Trouble
from hubbub.store import statistics
from hubbub.tls import trusting

_TIMEOUT: Final = 10.0
_ANYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on
# What is shown, by name: head, and how many of which unit.
_LINES: Final = (
    ("sendsPerSecond", "sends", "/s"),
    ("deliveriesPerSecond", "deliveries", "/s"),
    ("eventsPerSecond", "events from clients", "/s"),
    ("sentBytesPerSecond", "to clients", "/s"),
    ("connections", "connections", ""),
    ("people", "people", ""),
    ("roomsInUse", "rooms in use", ""),
    ("journalWaiting", "sends that wait", ""),
    ("messagesPerBatch", "messages a commit", ""),
    ("commitSeconds", "a commit takes", "s"),
    ("busLagSeconds", "bus lag", "s"),
    ("changesNotTold", "changes not yet told", ""),
    ("loopLagSeconds", "event loop lag", "s"),
    ("slowClosed", "slow clients let go", ""),
    ("poolInUse", "pool in use", ""),
    ("poolMax", "pool", ""),
    ("workers", "workers", ""),
)


def top(
    url: Annotated[
        str | None,
        typer.Option(help="Where it is served; by the settings (HOST, PORT, HUBBUB_TLS_CERTIFICATE) without it."),
    ] = None,
    interval: Annotated[float, typer.Option(min=0.1, max=60.0, metavar="SECONDS", help="Between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="One look, over one interval, and no more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One look for machines.")] = False,
) -> None:
    """Watch a running Hubbub: sends, deliveries, connections, lag, the journal, the pool, the slowest statements.

    Where Hubbub itself speaks TLS, the certificate in its file is the one that is believed; with --url, as the system's
    authorities say (SSL_CERT_FILE names others). Until Ctrl-C. Rates are over the last interval; all workers of that address are added up, other nodes are not.
    Statements by their time in all need the extension pg_stat_statements.
    """
    settings = console.read_settings(as_json)
    base = (url or address(settings)).rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{base} is no address that begins with http:// or https://")

    own = Path(settings.tls_certificate) if settings.tls_certificate is not None and url is None else None

    async def look(conn: asyncpg.Connection) -> None:
        before = await _scrape(base, own)
        # A live view redraws in place, where there is a terminal; else each look is printed after the other.
        is_live = console.out.is_terminal and not once and not as_json
        with Live(Text("…"), console=console.out, auto_refresh=False) if is_live else _Plain() as view:
            while True:
                await asyncio.sleep(interval)
                after = await _scrape(base, own)
                found = {**measured(before, after), **await _of_database(conn)}
                before = after
                if as_json:
                    tables.print_json({"ok": True, "url": base, **found})
                else:
                    view.update(_shown(base, found), refresh=True)
                if once or as_json:
                    return

    console.run(settings, with_connection(settings, True, look), as_json=as_json)


def address(settings: Settings) -> str:
    """Where this machine reaches the server that these settings start."""
    host = "127.0.0.1" if settings.host in _ANYWHERE else settings.host
    scheme = "http" if settings.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


async def _scrape(base: str, own: Path | None = None) -> Mapping[str, float]:
    """What `/metrics` says: by name, with the label's value behind it where there is one, and the moment as `at`.

    Args:
        own: the file of the one certificate to believe; None: whom the system believes.

    Raises:
        PostgresUnavailable: nobody answers there, or somebody else.
    """

    def ask() -> str:
        trust = trusting(own) if own is not None else None  # read at each look: it may be renewed meanwhile
        with urlopen(f"{base}/metrics", timeout=_TIMEOUT, context=trust) as answer:  # noqa: S310 - http(s), checked above
            return str(answer.read().decode())

    try:
        text = await asyncio.to_thread(ask)
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        remedy = ("hubbub serve", "hubbub top --url http://HOST:PORT")
        if isinstance(reason, ssl.SSLCertVerificationError):
            remedy = (
                "hubbub top --url https://THE-NAME-IN-ITS-CERTIFICATE",
                "SSL_CERT_FILE=/path/to/authority.pem hubbub top --url …",
            )
        raise PostgresUnavailable(Trouble("no_server", f"No Hubbub answers at {base}", str(reason), remedy)) from error
    values = {"at": time.monotonic()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "le" not in sample.labels:
                name = "".join((sample.name, *(f" {label}" for label in sample.labels.values())))
                values[name.removeprefix("hubbub_")] = sample.value
    if "connections" not in values:
        raise PostgresUnavailable(Trouble("no_server", f"What answers at {base} is no Hubbub", "", ("hubbub config",)))
    return values


def measured(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, Any]:
    """What happened between two scrapes; None where nothing did that could be averaged."""

    def grown(name: str) -> float:
        """By how much; a server that was started again began at nothing."""
        now, then = after.get(name, 0.0), before.get(name, 0.0)
        return now - then if now >= then else now

    def rate(name: str) -> float:
        return round(grown(name) / (after["at"] - before["at"]), 1)

    def average(name: str, label: str = "") -> float | None:
        count = grown(f"{name}_count{label}")
        return round(grown(f"{name}_sum{label}") / count, 6) if count else None

    def now(name: str) -> int:
        return int(after.get(name, 0))

    batches = grown("journal_batches_total")
    return {
        "sendsPerSecond": rate("journal_stored_total"),
        "deliveriesPerSecond": rate("deliveries_total"),
        "eventsPerSecond": rate("events_total"),
        "sentBytesPerSecond": tables.Bytes(rate("sent_bytes_total")),
        "connections": now("connections"),
        "people": now("people"),
        "roomsInUse": now("rooms_in_use"),
        "journalWaiting": now("journal_waiting"),
        "messagesPerBatch": round(grown("journal_stored_total") / batches, 1) if batches else None,
        "commitSeconds": average("stage_seconds", " commit"),
        "busLagSeconds": average("bus_echo_seconds"),
        "changesNotTold": now("feed_lag"),
        "loopLagSeconds": average("loop_lag_seconds"),
        "slowClosed": now("connections_closed_total slow"),
        "poolInUse": now("database_connections_in_use"),
        "poolMax": now("database_connections_max"),
        "workers": now("workers"),
    }


async def _of_database(conn: asyncpg.Connection) -> dict[str, Any]:
    base = await statistics.database(conn)
    return {
        "databaseConnections": sum(one["connections"] for one in await statistics.connections(conn)),
        "databaseConnectionsMax": base["max_connections"],
        "databaseBytes": tables.Bytes(base["bytes"]),
        "slowest": [doing(one) for one in await statistics.slowest(conn)],
        "running": [doing(one) for one in await statistics.activity(conn, idle=False, limit=5)],
    }


class _Plain:
    """Prints each look, where `Live` would redraw."""

    def __enter__(self) -> _Plain:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to do."""

    def update(self, view: RenderableType, *, refresh: bool) -> None:
        tables.printed(view)


def _shown(base: str, found: Mapping[str, Any]) -> RenderableType:
    listed = []
    for name, head, unit in _LINES:
        value = found[name]
        if value is None:
            said = "-"
        elif unit == "s":
            said = tables.duration(value)
        else:
            said = tables.shown(value) + (f" {unit}" if unit else "")
        listed.append({"head": head, "said": said})
    half = (len(listed) + 1) // 2
    pairs = [
        {"one": a["head"], "said": a["said"], "two": b["head"], "also": b["said"]}
        for a, b in zip(listed[:half], [*listed[half:], {"head": "", "said": ""}], strict=False)
    ]
    parts: list[RenderableType] = [
        Text(
            f"{base} · database {found['databaseBytes']}, {found['databaseConnections']} of "
            f"{found['databaseConnectionsMax']} connections"
        ),
        tables.table({"one": "", "said": "", "two": "", "also": ""}, pairs),
    ]
    if found["slowest"]:
        heads = {"query": "statement", "calls": "calls", "meanSeconds": "each, s", "totalSeconds": "in all, s"}
        parts.append(tables.table(heads, found["slowest"], "Slowest statements, by their time in all"))
    if found["running"]:
        heads = {"pid": "pid", "application": "application", "since": "for", "waitsFor": "waits for", "query": "does"}
        parts.append(tables.table(heads, found["running"], "Running now"))
    return Group(*parts)
