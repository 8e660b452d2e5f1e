"""DATABASE_URL, read as libpq reads it (PostgreSQL manual, 34.1.1.2 "Connection URIs"), into a `ConnectionSpec`.

Promises: nothing in the address is silently ignored: an option is honoured, or it is known not to matter here, or the
address is refused by name. No message holds the password.
"""

from __future__ import annotations

import getpass
import os
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote

from hubbub.config import ConfigError, Settings
from hubbub.postgres.spec import APPLICATION_NAME, ConnectionSpec, Tls

SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ATTRIBUTES: Final = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
_SOCKET_FOLDERS: Final = ("/run/postgresql", "/var/run/postgresql", "/tmp")  # noqa: S108 - where servers put theirs
# Understood by libpq, without meaning for a driver that speaks neither GSSAPI nor compression and keeps its own watch.
_IGNORED: Final = frozenset(
    {
        "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "gssencmode",
        "krbsrvname", "sslcompression", "sslsni", "fallback_application_name", "client_encoding", "load_balance_hosts",
    }
)  # fmt: skip


def read_address(settings: Settings) -> ConnectionSpec:
    """The spec that DATABASE_URL, DB_SSL and HUBBUB_DB_SSL_ROOT_CERT make together.

    Raises:
        ConfigError: the address cannot be read; the message says where.
    """
    address = (settings.database_url or "").strip()
    scheme, mark, rest = address.partition("://")
    if not mark or scheme not in ("postgresql", "postgres"):
        raise ConfigError("DATABASE_URL must look like postgresql://user:password@host:5432/chatdb.")
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    account, at, places = authority.rpartition("@")
    options = _options(query)

    user, colon, password = account.partition(":") if at else ("", "", "")
    name = options.pop("user", unquote(user)) or os.environ.get("PGUSER") or getpass.getuser()
    secret = options.pop("password", unquote(password) if colon else "")
    hosts = _hosts(options.pop("host", "") or places, options.pop("port", ""))
    return ConnectionSpec(
        hosts=hosts,
        user=name,
        password=secret or None,
        database=options.pop("dbname", unquote(path)) or os.environ.get("PGDATABASE") or name,
        tls=_tls(settings, options),
        target_session_attrs=_attribute(options, several=len(hosts) > 1),
        # While a request waits for a connection, every host can be tried.
        connect_timeout=_timeout(options, settings.db_timeout / 2 / len(hosts)),
        server_settings=_session(options),
    )


def listen_spec(settings: Settings, spec: ConnectionSpec) -> ConnectionSpec:
    """Where to LISTEN: HUBBUB_LISTEN_URL, read as DATABASE_URL is; without it `spec`, where everything else goes.

    Raises:
        ConfigError: the address cannot be read.
    """
    if settings.listen_url is None:
        return spec
    try:
        return read_address(replace(settings, database_url=settings.listen_url))
    except ConfigError as error:
        raise ConfigError(str(error).replace("DATABASE_URL", "HUBBUB_LISTEN_URL")) from None


def _options(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ConfigError("DATABASE_URL: what follows the `?` must be name=value pairs joined by `&`.") from None
    options = dict(pairs)
    # JDBC's word for the same.
    if options.pop("ssl", "").lower() == "true":
        options.setdefault("sslmode", "verify-full")
    return {name: value for name, value in options.items() if name not in _IGNORED}


def _hosts(text: str, ports: str) -> tuple[tuple[str, int], ...]:
    places = [_place(part) for part in text.split(",")]
    if ports:
        numbers = ports.split(",")
        if len(numbers) not in (1, len(places)):
            raise ConfigError("DATABASE_URL: `port` must name one port, or one for each host.")
        places = [(host, numbers[i if len(numbers) > 1 else 0]) for i, (host, _) in enumerate(places)]
    return tuple((host or _default_host(_port(port)), _port(port)) for host, port in places)


def _place(part: str) -> tuple[str, str]:
    if part.startswith("["):
        host, closing, port = part[1:].partition("]")
        if not closing:
            raise ConfigError("DATABASE_URL: an IPv6 address must stand in [brackets].")
        return host, port.removeprefix(":")
    if part.startswith("/"):
        return part, ""
    host, _, port = part.partition(":")
    return unquote(host), port


def _port(text: str) -> int:
    if not text:
        text = os.environ.get("PGPORT", "5432")
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ConfigError(
            "DATABASE_URL: the port must be a number from 1 to 65535. A password with : / ? # or @ in it must be "
            "percent-encoded."
        )
    return int(text)


def _default_host(port: int) -> str:
    """Without a host psql takes the socket; so do we, where there is one."""
    for folder in _SOCKET_FOLDERS:
        if Path(folder, f".s.PGSQL.{port}").exists():
            return folder
    return "localhost"


def _tls(settings: Settings, options: dict[str, str]) -> Tls:
    asked = options.pop("sslmode", None)
    if asked is not None and asked not in SSL_MODES:
        raise ConfigError(f"DATABASE_URL: sslmode must be one of {', '.join(SSL_MODES)}.")
    root = options.pop("sslrootcert", None) or settings.db_ssl_root_cert
    if root == "system":
        root = None
    return Tls(
        mode=asked or ("verify-full" if settings.db_ssl else "prefer"),
        root_cert=str(Path(root).expanduser()) if root else None,
        cert=options.pop("sslcert", None),
        key=options.pop("sslkey", None),
        key_password=options.pop("sslpassword", None),
    )


def _attribute(options: dict[str, str], *, several: bool) -> str:
    # Of several hosts only one takes writes, and Hubbub has to write.
    word = options.pop("target_session_attrs", "read-write" if several else "any")
    if word not in _ATTRIBUTES:
        raise ConfigError(f"DATABASE_URL: target_session_attrs must be one of {', '.join(_ATTRIBUTES)}.")
    return word


def _timeout(options: dict[str, str], default: float) -> float:
    text = options.pop("connect_timeout", "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise ConfigError("DATABASE_URL: connect_timeout must be a number of seconds.")
    return float(text) if int(text) > 0 else 3600.0  # libpq: 0 waits for ever; nothing here does


def _session(options: dict[str, str]) -> tuple[tuple[str, str], ...]:
    settings = {"application_name": options.pop("application_name", "") or APPLICATION_NAME}
    if "options" in options:
        settings["options"] = options.pop("options")
    if options:
        raise ConfigError(f"DATABASE_URL: {', '.join(sorted(options))}: no such option of PostgreSQL.")
    return tuple(settings.items())
