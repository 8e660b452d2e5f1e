"""Settings: one frozen dataclass, read once at start from the environment and `.env`.

Each field's metadata holds the name of its variable and its documentation; `hubbub config` prints it,
docs/reference/settings.md is generated from it, and a test compares the two. Only `app.py`, `cli/` and
`postgres/` see the whole of it; everything else is handed the values it needs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

from hubbub import kinds
from hubbub.intervals import duration, schedule


class ConfigError(ValueError):
    """A setting that cannot be used; the message names the variable and says what it takes."""


def setting(
    name: str,
    default: Any,
    read: Callable[[str], Any],
    doc: str,
    *,
    secret: bool = False,
    show: Callable[[Any], Any] | None = None,
) -> Any:
    """A dataclass field that knows its variable, its parser and its manual entry.

    Args:
        show: what may be shown of a value that can hold a secret, where that is more than nothing.
    """
    return field(
        default=default,
        repr=not (secret or show),
        metadata={"name": name, "read": read, "doc": doc, "secret": secret, "show": show},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator may set. Build it with `load()`."""

    database_url: str | None = setting(
        "DATABASE_URL",
        None,
        kinds.optional,
        "Address of a PostgreSQL 14 to 18, such as `postgresql://user:password@host:5432/chatdb`. "
        "Left out: an embedded PostgreSQL in HUBBUB_DATA_DIR.",
        secret=True,
    )
    listen_url: str | None = setting(
        "HUBBUB_LISTEN_URL",
        None,
        kinds.optional,
        "Address of the same database without a pooler between, for LISTEN: needed where DATABASE_URL leads through a pooler "
        "in transaction mode. Without it rows written by plain SQL are found by the look once a second, and the "
        "`postgres` bus hears nothing.",
        secret=True,
    )
    db_ssl: bool = setting(
        "DB_SSL",
        False,
        kinds.flag,
        "`true`: speak TLS to the database and verify its certificate and name. An `sslmode` in DATABASE_URL goes first.",
    )
    db_ssl_root_cert: str | None = setting(
        "HUBBUB_DB_SSL_ROOT_CERT",
        None,
        kinds.optional,
        "File with the certificate authority that signed the database's certificate.",
    )
    db_pool_size: int = setting(
        "DB_POOL_SIZE",
        10,
        kinds.whole(3, 200),
        "Most connections opened to the database, all workers together (3 each at least). Each process needs two more, to watch "
        "over the database and to hear plain SQL, and one for the `postgres` bus.",
    )
    db_timeout: int = setting(
        "HUBBUB_DB_TIMEOUT",
        10,
        duration,
        "How long a request may wait for the database before it is answered `unavailable`: half of it for a connection, half "
        "for a statement. A message waits as long to be stored, and then for the attempt under way: twice as long at most.",
    )
    data_dir: Path = setting(
        "HUBBUB_DATA_DIR",
        Path(".data"),
        lambda text: Path(text).expanduser(),
        "Folder for the embedded database and generated secrets.",
    )
    postgres_bin: str | None = setting(
        "HUBBUB_POSTGRES_BIN",
        None,
        kinds.optional,
        "Folder with `initdb` and `postgres` for the embedded database. Left out: the wheel's, else a system PostgreSQL from 14 up.",
    )
    host: str = setting("HOST", "127.0.0.1", str.strip, "Address to listen on; `0.0.0.0` for every interface.")
    port: int = setting("PORT", 3001, kinds.whole(0, 65535), "Port to listen on; 0 takes a free one.")
    tls_certificate: str | None = setting(
        "HUBBUB_TLS_CERTIFICATE",
        None,
        kinds.optional,
        "File with a certificate (PEM, those of the authorities between after it): the port then speaks TLS, 1.2 at least. A file "
        "that changes is taken up by itself, within seconds. Of several nodes each has one, for the same name: they speak TLS too.",
    )
    tls_key: str | None = setting(
        "HUBBUB_TLS_KEY",
        None,
        kinds.optional,
        "File with the key of HUBBUB_TLS_CERTIFICATE, where that does not hold it.",
    )
    advertise: str | None = setting(
        "HUBBUB_ADVERTISE",
        None,
        kinds.address,
        "Where other nodes reach this one, as `host:port`. Left out: HOST and PORT, and for a HOST that means every "
        "interface the machine's own address on the way to the database.",
    )
    jwt_secret: str | None = setting(
        "JWT_SECRET",
        None,
        kinds.optional,
        "Key that signs access tokens, at least 32 characters. Left out: made at first start and kept in HUBBUB_DATA_DIR.",
        secret=True,
    )
    jwt_expires_in: int = setting("JWT_EXPIRES_IN", 900, duration, "Life of an access token (`15m`).")
    refresh_expires_in: int = setting(
        "HUBBUB_REFRESH_EXPIRES_IN",
        30 * 86400,
        duration,
        "Life of a session without use: of its newest refresh token (`30d`).",
    )
    cors_origin: tuple[str, ...] = setting(
        "CORS_ORIGIN",
        (),
        kinds.origins,
        "Web origins, separated by commas, whose pages may call this server; `*` for any. Empty: only its own page.",
    )
    public_directory: bool = setting(
        "HUBBUB_PUBLIC_DIRECTORY", False, kinds.flag, "`true`: the lists of users and public rooms need no token."
    )
    allow_guests: bool = setting(
        "HUBBUB_ALLOW_GUESTS", False, kinds.flag, "`true`: a socket without a token may join public rooms as a guest."
    )
    registration: str = setting(
        "HUBBUB_REGISTRATION", "open", kinds.choice("open", "closed"), "`closed`: nobody can register over the network."
    )
    receipt_rows_max_members: int = setting(
        "HUBBUB_RECEIPT_ROWS_MAX_MEMBERS",
        100,
        kinds.whole(0, 1000),
        "Up to this many members a room gets rows in message_reads and message_deliveries; above it only watermarks move.",
    )
    max_message_bytes: int = setting(
        "HUBBUB_MAX_MESSAGE_BYTES", 16_384, kinds.whole(1, 1_000_000), "Longest message text, in bytes of UTF-8."
    )
    ping_interval_ms: int = setting(
        "HUBBUB_PING_INTERVAL_MS", 25_000, kinds.whole(100, 600_000), "Milliseconds between heartbeats of a socket."
    )
    ping_timeout_ms: int = setting(
        "HUBBUB_PING_TIMEOUT_MS",
        20_000,
        kinds.whole(100, 600_000),
        "Milliseconds a client may take to answer a heartbeat.",
    )
    max_payload: int = setting(
        "HUBBUB_MAX_PAYLOAD",
        1_000_000,
        kinds.whole(1_000, 100_000_000),
        "Largest packet or request body from a client, in bytes.",
    )
    outbox_bytes: int = setting(
        "HUBBUB_OUTBOX_BYTES",
        1_048_576,
        kinds.whole(65_536, 1_000_000_000),
        "Most bytes that may wait for one slow connection; above it the connection is closed and its client resumes.",
    )
    max_connections: int | None = setting(
        "HUBBUB_MAX_CONNECTIONS",
        None,
        lambda text: kinds.whole(1, 1_000_000)(text) if text.strip() else None,
        "Most connections of one process; above it a new one is answered 503 with `Retry-After`. Left out: what the limit "
        "on open files allows, which is raised at start as far as may be, and 100,000 at most.",
    )
    send_rate: int = setting(
        "HUBBUB_SEND_RATE",
        200,
        kinds.whole(0, 1_000_000),
        "Messages, edits and deletions that one account may send each second, for ever; each single connection half as "
        "many. Twenty seconds' worth may come at once; more is answered `rate_limited`. 0: no limit.",
    )
    flush_tick_ms: int = setting(
        "HUBBUB_FLUSH_TICK_MS",
        5,
        kinds.whole(0, 1_000),
        "Under load, how long frames for one connection are gathered into one write, at most; acks are not.",
    )
    compression: str = setting(
        "HUBBUB_COMPRESSION",
        "off",
        kinds.choice("off", "on"),
        "`on`: WebSocket messages from 300 bytes are compressed (permessage-deflate) for clients that offer it, each once for all.",
    )
    journal_queue: int = setting(
        "HUBBUB_JOURNAL_QUEUE",
        10_000,
        kinds.whole(1, 1_000_000),
        "Most messages that may wait to be stored; more are answered `overloaded`.",
    )
    journal_batch: int = setting(
        "HUBBUB_JOURNAL_BATCH", 500, kinds.whole(1, 5_000), "Most messages stored in one statement."
    )
    workers: int = setting(
        "HUBBUB_WORKERS",
        1,
        kinds.whole(1, 64),
        "Processes that serve the port, on one machine; one for each core at most. They share DB_POOL_SIZE out.",
    )
    bus: str = setting(
        "HUBBUB_BUS",
        "auto",
        kinds.bus,
        "How processes tell each other what was committed. `local`: there is one. `postgres`: LISTEN and NOTIFY, for several "
        "on one database. `nats://host:port`: NATS, for many nodes; several addresses of one cluster are separated by commas, "
        "`tls://` asks for TLS, and `nats://user:password@host` or `nats://token@host` signs in. "
        "`auto`: `local` for one process, `postgres` for several workers.",
        show=kinds.without_secrets,
    )
    nats_credentials: str | None = setting(
        "HUBBUB_NATS_CREDENTIALS",
        None,
        kinds.optional,
        "File with the credentials (JWT and NKEY, as `nsc` writes them) to sign in to NATS with.",
    )
    nats_ca: str | None = setting(
        "HUBBUB_NATS_CA",
        None,
        kinds.optional,
        "File with the certificate authority that signed the certificates of the NATS servers. Left out: the system's.",
    )
    nats_certificate: str | None = setting(
        "HUBBUB_NATS_CERTIFICATE",
        None,
        kinds.optional,
        "File with this node's own certificate, where the NATS servers ask for one.",
    )
    nats_key: str | None = setting(
        "HUBBUB_NATS_KEY",
        None,
        kinds.optional,
        "File with the key of HUBBUB_NATS_CERTIFICATE, where that does not hold it.",
    )
    drain_delay: int = setting(
        "HUBBUB_DRAIN_DELAY",
        0,
        kinds.whole(0, 5),
        "Seconds that a process which was asked to end goes on serving, with `/readyz` red, so that a load balancer sees it "
        "before connections are refused: a little more than the balancer's interval.",
    )
    backup_folder: Path | None = setting(
        "HUBBUB_BACKUP_FOLDER",
        None,
        lambda text: Path(text).expanduser() if text.strip() else None,
        "Where `hubbub backup` puts backups where no folder is named. Left out: `backups` in HUBBUB_DATA_DIR.",
    )
    backup_schedule: str | None = setting(
        "HUBBUB_BACKUP_SCHEDULE",
        None,
        schedule,
        "When `serve` makes a backup by itself: `daily 02:00` (UTC), or `12h` after the one before. One of all nodes does.",
    )
    backup_keep: int = setting(
        "HUBBUB_BACKUP_KEEP", 7, kinds.whole(1, 10_000), "How many backups stay after such a one."
    )
    trusted_proxies: tuple[str, ...] = setting(
        "HUBBUB_TRUSTED_PROXIES",
        (),
        kinds.proxies,
        "Addresses and networks (`10.1.0.0/16`) of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, separated by "
        "commas. Of several hops the last one that is no such proxy is the client. `*` believes everybody: only where nobody "
        "but the proxy can reach the port.",
    )
    allow_unsafe: tuple[str, ...] = setting(
        "HUBBUB_ALLOW_UNSAFE",
        (),
        kinds.words("cleartext", "weak-secret"),
        "What `hubbub serve` shall not refuse although it is unsafe, separated by commas: `cleartext` (other machines reach HOST "
        "without TLS or a trusted proxy), `weak-secret` (JWT_SECRET can be guessed).",
    )
    log_level: str = setting(
        "HUBBUB_LOG_LEVEL", "info", kinds.choice("debug", "info", "warning", "error"), "How much is logged."
    )
    log_format: str = setting(
        "HUBBUB_LOG_FORMAT",
        "auto",
        kinds.choice("auto", "text", "json"),
        "`json` for machines; `auto` is text on a terminal.",
    )

    @property
    def has_other_nodes(self) -> bool:
        """Whether other nodes may share the database: whoever has set the bus has said so."""
        return self.bus not in ("auto", "local")

    @property
    def has_nats(self) -> bool:
        """Whether the bus is NATS."""
        return "://" in self.bus

    @property
    def pool_of_each(self) -> int:
        """Connections to the database that one worker's pool may open: its share, so that more processes open no more.

        Three at least: one to store messages, one for receipts, one for the rest.
        """
        return self.db_pool_size if self.workers == 1 else max(3, self.db_pool_size // self.workers)

    @property
    def connections(self) -> int:
        """Connections to the database that all workers open together at most, those that watch and listen included."""
        has_bus = self.bus == "postgres" or (self.bus == "auto" and self.workers > 1)
        return self.workers * (self.pool_of_each + 2 + has_bus)


FILE: Final = "_FILE"
"""Behind the name of a setting that can hold a secret: the file that holds its value, as container images have it."""


@dataclass(frozen=True, slots=True)
class Given:
    """What was given for one setting.

    Attributes:
        text: as it was written.
        source: where, for people: `environment`, `.env`, or the variable that names a file, and the file.
    """

    text: str = field(repr=False)
    source: str


def given(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> dict[str, Given]:
    """What the environment and `.env` say, by variable; the environment goes before `.env`.

    Args: as `load`.

    Raises:
        ConfigError: a variable that starts with HUBBUB_ is not known; a secret is given twice; its file cannot be read.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Given] = {}
    if dotenv is not None and dotenv.is_file():
        lines = dotenv_values(dotenv, interpolate=False)
        values.update({name: Given(text, str(dotenv)) for name, text in lines.items() if text is not None})
    values.update({name: Given(text, "environment") for name, text in environ.items()})
    names = {spec.metadata["name"]: bool(spec.metadata["secret"] or spec.metadata["show"]) for spec in fields(Settings)}
    known = names.keys() | {name + FILE for name, is_secret in names.items() if is_secret}
    unknown = sorted(name for name in values if name.startswith("HUBBUB_") and name not in known)
    if unknown:
        raise ConfigError(f"{', '.join(unknown)}: no such setting. `hubbub config` lists them all.")
    for name, is_secret in names.items():
        file = values.get(name + FILE) if is_secret else None
        if file is not None and file.text.strip():
            if name in values and values[name].text.strip():
                raise ConfigError(f"{name} and {name}{FILE} are both set: leave one of them out.")
            values[name] = Given(
                _read_secret(name + FILE, Path(file.text.strip())), f"{name}{FILE}, {file.text.strip()}"
            )
    return {name: values[name] for name in names if name in values}


def _read_secret(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{variable}: {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{variable}: {path} holds no text.") from None


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
    """Read the settings; the environment goes before `.env`.

    Args:
        environ: the variables, `os.environ` when left out.
        dotenv: file with more of them; one that is not there is no error. None reads no file.

    Raises:
        ConfigError: a value cannot be used, a file of a secret cannot be read, or a variable that starts with HUBBUB_ is
            not known.
    """
    values = given(environ, dotenv)
    known: dict[str, Any] = {}
    for spec in fields(Settings):
        name, read = spec.metadata["name"], spec.metadata["read"]
        if name in values:
            try:
                known[spec.name] = read(values[name].text)
            except ValueError as error:
                raise ConfigError(f"{name} must be {error}.") from None
    settings = Settings(**known)
    if settings.jwt_secret is not None and len(settings.jwt_secret) < 32:
        raise ConfigError("JWT_SECRET must be at least 32 characters; `openssl rand -base64 48` makes a good one.")
    return settings
