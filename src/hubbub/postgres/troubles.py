"""What is wrong with the database, told apart, each with the command that mends it.

`diagnose` reads types and SQLSTATEs (PostgreSQL manual, appendix A), not messages, which servers translate; a message
only adds detail. The kinds are stable words: `doctor --json` prints them and tests compare them. Nothing here connects.
"""

from __future__ import annotations

import asyncio
import errno
import re
import shlex
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from hubbub.config import ConfigError
from hubbub.postgres.quoting import quoted
from hubbub.postgres.spec import ConnectionSpec


@dataclass(frozen=True, slots=True)
class Trouble:
    """One trouble, for people and for machines.

    Attributes:
        kind: the stable word, such as `refused`, `authentication`, `database_missing`, `permission`.
        title: what it is, in a few words.
        detail: what was seen; without secrets.
        remedy: what to do, in order; commands can be pasted.
    """

    kind: str
    title: str
    detail: str
    remedy: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "title": self.title, "detail": self.detail, "remedy": list(self.remedy)}


class PostgresUnavailable(Exception):
    """The database cannot be used, for a reason that is already known.

    Attributes:
        trouble: the reason.
    """

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(f"{trouble.title}: {trouble.detail}")
        self.trouble = trouble


class _Remedies:
    """Commands with the names of one spec filled in."""

    def __init__(self, spec: ConnectionSpec) -> None:
        self.host, self.port = spec.hosts[0]
        self.spec = spec
        self.user, self.database = spec.user, spec.database

    def admin_flags(self, *, host: bool = True) -> str:
        return f"-h {shlex.quote(self.host)} -p {self.port} -U postgres" if host else f"-p {self.port}"

    def admin(self, sql: str, database: str = "postgres") -> str:
        """psql as an account that may do everything."""
        if self.spec.is_managed:
            return f"hubbub db psql -- -d {shlex.quote(database)} -c {shlex.quote(sql)}"
        who = "sudo -u postgres psql" if self.spec.is_local else "psql"
        return f"{who} {self.admin_flags(host=not self.spec.is_local)} -d {shlex.quote(database)} -c {shlex.quote(sql)}"

    def grants(self) -> tuple[str, ...]:
        user, database = quoted(self.user), quoted(self.database)
        return (
            self.admin(f"GRANT CREATE ON DATABASE {database} TO {user}", self.database),
            self.admin(f"GRANT ALL ON SCHEMA public TO {user}", self.database),
            self.admin(
                f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {user}",
                self.database,
            ),
        )

    def handover(self) -> str:
        """Make the user the owner of the tables that an older backend's user made."""
        literal = "'" + self.user.replace("'", "''") + "'"
        return self.admin(
            "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' "  # noqa: S608 - shown, not run
            f"LOOP EXECUTE format('ALTER TABLE public.%I OWNER TO %I', t, {literal}); END LOOP; END $$",
            self.database,
        )


def diagnose(error: BaseException, spec: ConnectionSpec) -> Trouble:
    """Say what an error of connecting to, or working in, `spec`'s database means.

    Args:
        error: what was raised; a group of errors is told by its first.
        spec: where; its names go into the remedies.
    """
    if isinstance(error, PostgresUnavailable):
        return error.trouble
    if isinstance(error, BaseExceptionGroup):
        return diagnose(error.exceptions[0], spec)
    remedies = _Remedies(spec)
    for types, explain in _EXPLANATIONS:
        if isinstance(error, types):
            return explain(error, remedies)
    return Trouble("unknown", "The database gave an error Hubbub does not know", _text(error), ("hubbub doctor",))


def _text(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _refused(error: BaseException, r: _Remedies) -> Trouble:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full(error, r)
    if isinstance(error, OSError) and error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return Trouble(
            "unreachable",
            "No way to the database's host",
            f"{r.spec.address}: {_text(error)}",
            (f"ping {r.host}", "Check the network, the firewall and the host in DATABASE_URL."),
        )
    if isinstance(error, PermissionError) and r.host.startswith("/"):
        return Trouble(
            "socket_permission",
            "The socket of PostgreSQL is closed to this account",
            f"{r.spec.address}: {_text(error)}",
            (f"ls -ld {shlex.quote(r.host)}", "Run Hubbub as the account that owns the folder."),
        )
    if r.spec.is_managed:
        remedy: tuple[str, ...] = ("hubbub serve", "hubbub doctor")
    elif r.spec.is_local:
        remedy = (
            "sudo systemctl start postgresql    # Linux",
            "brew services start postgresql     # macOS",
            f"pg_isready -h {shlex.quote(r.host)} -p {r.port}",
            "Or remove DATABASE_URL: Hubbub then runs a PostgreSQL of its own.",
        )
    else:
        remedy = (
            f"pg_isready -h {shlex.quote(r.host)} -p {r.port}",
            "On the database's machine: listen_addresses = '*' in postgresql.conf, then sudo systemctl restart postgresql",
            f"Check the firewall for port {r.port}.",
        )
    return Trouble("refused", "Connection refused: nothing answers there", f"{r.spec.address}: {_text(error)}", remedy)


def _host(error: BaseException, r: _Remedies) -> Trouble:
    return Trouble(
        "host_not_found",
        "The database's host name is not known",
        f"{r.host}: {_text(error)}",
        (f"getent hosts {shlex.quote(r.host)}", "Correct the host in DATABASE_URL."),
    )


def _timeout(error: BaseException, r: _Remedies) -> Trouble:
    return Trouble(
        "timeout",
        "The database did not answer in time",
        f"{r.spec.address} gave no answer within {r.spec.connect_timeout:g} s.",
        (
            f"pg_isready -h {shlex.quote(r.host)} -p {r.port} -t 5",
            "A firewall that drops packets looks like this: check its rules, and the host in DATABASE_URL.",
        ),
    )


def _password(error: BaseException, r: _Remedies) -> Trouble:
    return Trouble(
        "authentication",
        "Authentication failed: the password is not accepted",
        f'User "{r.user}" at {r.spec.address}: {_text(error)}',
        (
            r.admin(f"\\password {quoted(r.user)}"),
            f"Then put it into DATABASE_URL: postgresql://{r.user}:<password>@{r.host}:{r.port}/{r.database} (percent-encode @ : / ? # in it).",
            "If the user does not exist yet: " + r.admin(f"CREATE USER {quoted(r.user)} PASSWORD 'choose-one'"),
        ),
    )


def _authorization(error: BaseException, r: _Remedies) -> Trouble:
    message = _text(error)
    if "pg_hba.conf" in message:
        if "no encryption" in message or "SSL off" in message:
            remedy: tuple[str, ...] = (
                "Add ?sslmode=require to DATABASE_URL, or set DB_SSL=true.",
                r.admin("SHOW hba_file"),
            )
        else:
            remedy = (
                r.admin("SHOW hba_file"),
                f"Add a line to that file: host {quoted(r.database)} {quoted(r.user)} <address of this machine>/32 scram-sha-256",
                r.admin("SELECT pg_reload_conf()"),
            )
        return Trouble("authentication", "Authentication failed: pg_hba.conf has no line for this", message, remedy)
    return Trouble(
        "authentication",
        "Authentication failed: this user may not log in",
        message,
        (
            f"If there is no such user: {r.admin(f'CREATE USER {quoted(r.user)} LOGIN')}",
            f"If it may not log in: {r.admin(f'ALTER ROLE {quoted(r.user)} LOGIN')}",
            "Peer authentication takes the operating system's user name only: name 127.0.0.1 as the host to use a password.",
        ),
    )


def _method(error: BaseException, r: _Remedies) -> Trouble:
    return Trouble(
        "authentication",
        "Authentication failed: the server asks for a method Hubbub does not speak",
        f'User "{r.user}" at {r.spec.address}: {_text(error)}',
        (
            r.admin("SHOW hba_file"),
            "Use scram-sha-256 on the line for this user, then: " + r.admin("SELECT pg_reload_conf()"),
        ),
    )


def _missing(error: BaseException, r: _Remedies) -> Trouble:
    database, user = shlex.quote(r.database), shlex.quote(r.user)
    if r.spec.is_managed:
        command = f"hubbub db psql -- -d postgres -c {shlex.quote(f'CREATE DATABASE {quoted(r.database)}')}"
    elif r.spec.is_local:
        command = f"sudo -u postgres createdb -p {r.port} -O {user} {database}"
    else:
        command = f"createdb {r.admin_flags()} -O {user} {database}"
    return Trouble(
        "database_missing",
        f'The database "{r.database}" does not exist',
        f"{r.spec.address}: {_text(error)}",
        (command, "hubbub db init"),
    )


def _permission(error: BaseException, r: _Remedies) -> Trouble:
    message = _text(error)
    if not r.spec.is_managed and re.search(r"CONNECT", f"{message} {getattr(error, 'detail', '') or ''}"):
        return Trouble(
            "permission",
            f'Permission denied: "{r.user}" may not connect to "{r.database}"',
            message,
            (r.admin(f"GRANT CONNECT, CREATE ON DATABASE {quoted(r.database)} TO {quoted(r.user)}"),),
        )
    remedy = (*r.grants(), "hubbub db init")
    if "owner" in message:
        remedy = (
            f"Tables are altered by their owner only. To hand over those of this database: {r.handover()}",
            *remedy,
        )
    return Trouble("permission", f'Permission denied for "{r.user}" in "{r.database}"', message, remedy)


def _tls(error: BaseException, r: _Remedies) -> Trouble:
    where = f"{r.spec.address}: {_text(error)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        # Codes of openssl-verification-options(1), X509_V_ERR_*.
        if code in (62, 63, 64):
            return Trouble(
                "tls_wrong_host",
                "TLS: the certificate is for another host",
                where,
                (
                    "Use the host name that stands in the certificate in DATABASE_URL. To see it:",
                    f"openssl s_client -starttls postgres -connect {r.host}:{r.port} </dev/null | openssl x509 -noout -ext subjectAltName -subject",
                ),
            )
        if code in (9, 10):
            return Trouble(
                "tls_expired",
                "TLS: the certificate is out of date, or the clock is wrong",
                where,
                (
                    f"openssl s_client -starttls postgres -connect {r.host}:{r.port} </dev/null | openssl x509 -noout -dates",
                    "Renew the server's certificate, then reload PostgreSQL. Check this machine's clock: date -u",
                ),
            )
        return Trouble(
            "tls_untrusted",
            "TLS: the certificate is self-signed, or of an unknown authority",
            where,
            (
                "Get the authority's certificate from whoever runs the database, then: HUBBUB_DB_SSL_ROOT_CERT=/path/to/root.crt",
                "To encrypt without verifying (anyone between can listen): add ?sslmode=require to DATABASE_URL.",
            ),
        )
    if "rejected SSL" in str(error):
        return Trouble(
            "tls_not_offered",
            "TLS: this server does not offer it",
            where,
            (
                f"On the server: {r.admin('SHOW ssl')} ; set ssl = on with a certificate in postgresql.conf, then restart it.",
                "Or, on a network you trust: DB_SSL=false, without sslmode in DATABASE_URL.",
            ),
        )
    return Trouble(
        "tls",
        "TLS could not be set up",
        where,
        (f"openssl s_client -starttls postgres -connect {r.host}:{r.port} </dev/null", "hubbub config"),
    )


def _connection(error: BaseException, r: _Remedies) -> Trouble:
    """asyncpg says two things with a bare ConnectionError."""
    return _tls(error, r) if "SSL" in str(error) or "TLS" in str(error) else _refused(error, r)


def _connections(error: BaseException, r: _Remedies) -> Trouble:
    return Trouble(
        "too_many_connections",
        "The database takes no more connections",
        _text(error),
        (
            r.admin("SELECT usename, application_name, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC"),
            "Lower DB_POOL_SIZE, or stop what holds them.",
            r.admin("ALTER SYSTEM SET max_connections = 200") + "    # then restart PostgreSQL",
        ),
    )


def _disk_full(error: BaseException, r: _Remedies) -> Trouble:
    return Trouble(
        "disk_full",
        "The disk is full",
        _text(error),
        ("df -h", "Free some space; Hubbub goes on by itself then. Never delete files inside the database's folder."),
    )


def _read_only(error: BaseException, r: _Remedies) -> Trouble:
    return Trouble(
        "read_only",
        "This PostgreSQL is a read-only standby",
        f"{r.spec.address}: {_text(error)}",
        (
            "Name the primary in DATABASE_URL, or all of them: "
            f"postgresql://{r.user}@first,second/{r.database}?target_session_attrs=read-write",
            r.admin("SELECT pg_promote()") + "    # only if the primary is gone for good",
        ),
    )


def _starting(error: BaseException, r: _Remedies) -> Trouble:
    return Trouble(
        "starting", "PostgreSQL is starting up or shutting down", _text(error), ("Wait a moment, then try again.",)
    )


def _settings(error: BaseException, r: _Remedies) -> Trouble:
    return settings_trouble(error)


def settings_trouble(error: BaseException) -> Trouble:
    """A setting that cannot be used."""
    return Trouble("settings", "A setting cannot be used", _text(error), ("hubbub config",))


def _certificate_file(error: BaseException, r: _Remedies) -> Trouble:
    return Trouble(
        "settings",
        "A certificate file cannot be read",
        _text(error),
        ("Correct HUBBUB_DB_SSL_ROOT_CERT, or sslrootcert, sslcert and sslkey in DATABASE_URL.",),
    )


def _missing_file(error: BaseException, r: _Remedies) -> Trouble:
    return _refused(error, r) if r.host.startswith("/") else _certificate_file(error, r)


def version_too_old(version: str, spec: ConnectionSpec, oldest: int) -> Trouble:
    """A server older than Hubbub supports."""
    return Trouble(
        "version",
        f"PostgreSQL {version} is too old",
        f"{spec.address}: Hubbub needs {oldest} or newer.",
        ("sudo apt install postgresql", "Or remove DATABASE_URL: Hubbub then runs a PostgreSQL of its own."),
    )


def admin_command(spec: ConnectionSpec, sql: str) -> str:
    """The command that runs a statement as somebody who may, in a shell."""
    return _Remedies(spec).admin(sql)


def grants(spec: ConnectionSpec, *, handover: bool = False) -> tuple[str, ...]:
    """The commands that give the spec's user all that Hubbub needs; with `handover` the tables' ownership too."""
    remedies = _Remedies(spec)
    return (*((remedies.handover(),) if handover else ()), *remedies.grants())


_Explain = Callable[[BaseException, _Remedies], Trouble]

# Read from the top; the first row whose type fits explains. Narrow types stand before those they derive from.
_EXPLANATIONS: tuple[tuple[tuple[type[BaseException], ...], _Explain], ...] = (
    ((ConfigError,), _settings),
    ((asyncpg.InvalidPasswordError,), _password),
    ((asyncpg.InvalidAuthorizationSpecificationError,), _authorization),
    ((asyncpg.InvalidCatalogNameError,), _missing),
    ((asyncpg.InsufficientPrivilegeError,), _permission),
    ((asyncpg.TooManyConnectionsError,), _connections),
    ((asyncpg.DiskFullError,), _disk_full),
    ((asyncpg.ReadOnlySQLTransactionError, asyncpg.exceptions.TargetServerAttributeNotMatched), _read_only),
    ((asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError), _starting),
    ((asyncpg.exceptions.ClientConfigurationError,), _settings),
    ((asyncpg.exceptions.InterfaceError,), _method),
    ((ssl.SSLError,), _tls),
    ((socket.gaierror,), _host),
    ((TimeoutError, asyncio.TimeoutError), _timeout),
    ((FileNotFoundError,), _missing_file),
    ((ConnectionRefusedError, ConnectionResetError), _refused),
    ((ConnectionError,), _connection),
    ((asyncpg.PostgresConnectionError,), _refused),
    ((OSError,), _refused),
)
