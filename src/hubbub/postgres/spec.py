"""How to reach one database, told once and given in the two forms that are needed: asyncpg's and libpq's.

Promises: immutable; its `repr` and `describe()` hold no password; both forms mean the same server, account and TLS.
`external.py` reads one from an address, `embedded.py` makes one for its own server.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

APPLICATION_NAME: Final = "hubbub"


@dataclass(frozen=True, slots=True)
class Tls:
    """What is asked of the connection's encryption; the words are libpq's `sslmode` (libpq-ssl, table 32.1).

    Attributes:
        mode: disable, allow, prefer, require, verify-ca or verify-full.
        root_cert: file with the certificate authorities to believe; None means those of the system.
        cert, key: the client's own certificate, for servers that ask for one.
    """

    mode: str = "prefer"
    root_cert: str | None = None
    cert: str | None = None
    key: str | None = None
    key_password: str | None = field(default=None, repr=False)

    @property
    def verifies(self) -> bool:
        """True where the server's certificate is checked against an authority."""
        return self.mode in ("verify-ca", "verify-full") or (self.mode == "require" and self.root_cert is not None)

    def for_asyncpg(self) -> ssl.SSLContext | str | bool:
        """asyncpg's `ssl` argument.

        Raises:
            OSError: a certificate file cannot be read.
            ssl.SSLError: a certificate file holds no certificate.
        """
        if self.mode == "disable":
            return False
        if self.mode in ("allow", "prefer"):
            return self.mode
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self.mode == "verify-full"
        if self.verifies:
            context.verify_mode = ssl.CERT_REQUIRED
            if self.root_cert is None:
                context.load_default_certs(ssl.Purpose.SERVER_AUTH)
            else:
                context.load_verify_locations(cafile=self.root_cert)
        else:
            context.verify_mode = ssl.CERT_NONE
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key, self.key_password or "")
        return context

    def for_libpq(self) -> dict[str, str]:
        """The same as `PGSSL*` variables."""
        # Given an authority, libpq verifies in every mode, and goes on unencrypted by `prefer` where that fails.
        root = self.root_cert if self.verifies else None
        if root is None and self.verifies:
            # `system` is understood by libpq 16 and later only; the file by all.
            root = ssl.get_default_verify_paths().cafile or "system"
        pairs = {"PGSSLMODE": self.mode, "PGSSLROOTCERT": root, "PGSSLCERT": self.cert, "PGSSLKEY": self.key}
        return {name: value for name, value in pairs.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """One database and the account to use there.

    Attributes:
        hosts: (name or socket folder, port), tried in this order.
        password: None leaves the choice to `PGPASSWORD` and the password file, as psql does.
        target_session_attrs: any, read-write, primary, …; which of several hosts will do.
        connect_timeout: seconds for one connection to one host.
        server_settings: parameters of the session, such as application_name.
        is_managed: True for the embedded server, which Hubbub starts and stops.
    """

    hosts: tuple[tuple[str, int], ...]
    user: str
    database: str
    password: str | None = field(default=None, repr=False)
    tls: Tls = Tls()
    target_session_attrs: str = "any"
    connect_timeout: float = 10.0
    server_settings: tuple[tuple[str, str], ...] = (("application_name", APPLICATION_NAME),)
    is_managed: bool = False

    def with_database(self, database: str) -> ConnectionSpec:
        """The same server and account, another database."""
        return replace(self, database=database)

    def asyncpg_kwargs(self) -> dict[str, Any]:
        """Keyword arguments of `asyncpg.connect`, and of `hosts.connect` where several hosts are to be tried.

        Raises:
            OSError, ssl.SSLError: a certificate file cannot be used.
        """
        return {
            "host": [host for host, _ in self.hosts],
            "port": [port for _, port in self.hosts],
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "ssl": self.tls.for_asyncpg(),
            "target_session_attrs": self.target_session_attrs,
            "timeout": self.connect_timeout,
            "server_settings": dict(self.server_settings),
            # Statements prepared by name would stay behind on a pooler's connection, in the way of whoever gets it next.
            # A pool that leads to the server itself asks for them.
            "statement_cache_size": 0,
        }

    def libpq_env(self) -> dict[str, str]:
        """Variables with which psql, pg_dump and pg_restore reach the same database.

        The password travels in the environment, never on a command line that others can read.
        """
        settings = dict(self.server_settings)
        env = {
            "PGHOST": ",".join(host for host, _ in self.hosts),
            "PGPORT": ",".join(str(port) for _, port in self.hosts),
            "PGUSER": self.user,
            "PGDATABASE": self.database,
            "PGTARGETSESSIONATTRS": self.target_session_attrs,
            "PGCONNECT_TIMEOUT": str(max(2, round(self.connect_timeout))),
            "PGAPPNAME": settings.get("application_name", APPLICATION_NAME),
            **self.tls.for_libpq(),
        }
        if self.password is not None:
            env["PGPASSWORD"] = self.password
        if "options" in settings:
            env["PGOPTIONS"] = settings["options"]
        return env

    @property
    def address(self) -> str:
        """Hosts and ports, for people."""
        return ", ".join(
            f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{host}:{port}" for host, port in self.hosts
        )

    @property
    def is_local(self) -> bool:
        """True where every host is this machine."""
        return all(host.startswith("/") or host in ("localhost", "127.0.0.1", "::1") for host, _ in self.hosts)

    def describe(self) -> str:
        """One line without secrets: who, where, which database."""
        kind = "embedded PostgreSQL" if self.is_managed else "PostgreSQL"
        tls = "" if all(host.startswith("/") for host, _ in self.hosts) else f", TLS {self.tls.mode}"
        return f'{kind} at {self.address}, database "{self.database}", user "{self.user}"{tls}'

    def facts(self) -> Mapping[str, Any]:
        """The same for machines."""
        return {
            "managed": self.is_managed,
            "hosts": [{"host": host, "port": port} for host, port in self.hosts],
            "database": self.database,
            "user": self.user,
            "sslmode": self.tls.mode,
        }
