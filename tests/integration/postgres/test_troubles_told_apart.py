"""Each way a database can be out of reach, made on a real server, and told by its right name with its right command.

One table: what is wrong, the kind that must be told, words that the remedy must hold. `diagnose`, `hubbub doctor --json`
and `hubbub db status --json` are all held to it.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
import structlog
import trustme
from tests.integration.postgres.operators_server import OperatorsServer, environment
from typer.testing import CliRunner

from hubbub.cli.main import app
from hubbub.config import load
from hubbub.postgres import PostgresUnavailable, Trouble, diagnose, server_for
from hubbub.postgres.address import read_address

pytestmark = pytest.mark.timeout(60)

FAILURES = (OSError, ssl.SSLError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def quiet(_: str) -> None:
    """Progress that nobody watches."""


class Answer(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def hubbub(*arguments: str, **settings: str) -> Answer:
    """Run the command line to its end, in a thread, for it has an event loop of its own: a process would cost a second."""
    known = environment(**settings)
    variables: dict[str, str | None] = {name: None for name in os.environ if name not in known} | known
    with ThreadPoolExecutor(1) as aside, structlog.testing.capture_logs():
        done = aside.submit(CliRunner().invoke, app, arguments, env=variables).result()
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


@dataclass(frozen=True)
class Case:
    """One thing wrong: settings, and what must be told."""

    settings: dict[str, str]
    kind: str
    remedy: str


async def assert_told(case: Case) -> None:
    """By the face, by `doctor`, by `db status`."""
    with pytest.raises(PostgresUnavailable) as raised:
        await server_for(load(case.settings, dotenv=None)).start(quiet)
    trouble = raised.value.trouble
    assert trouble.kind == case.kind, trouble
    assert case.remedy in "\n".join(trouble.remedy)

    doctor = hubbub("doctor", "--json", **case.settings)
    assert doctor.returncode == 1
    assert "Traceback" not in doctor.stderr
    failed = [check for check in json.loads(doctor.stdout)["checks"] if check["status"] == "fail"]
    assert [check["trouble"]["kind"] for check in failed] == [case.kind]

    status = hubbub("db", "status", "--json", **case.settings)
    assert status.returncode == 1
    assert status.stderr == ""
    told: dict[str, Any] = json.loads(status.stdout)
    assert told["trouble"]["kind"] == case.kind
    assert case.remedy in "\n".join(told["trouble"]["remedy"])
    assert "right-word" not in status.stdout + doctor.stdout


async def test_connection_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        port = taken.getsockname()[1]
        url = f"postgresql://app:right-word@127.0.0.1:{port}/chatdb"
        await assert_told(Case({"DATABASE_URL": url}, "refused", "sudo systemctl start postgresql"))


async def test_no_socket() -> None:
    url = "postgresql://app@/chatdb?host=/nonexistent"
    await assert_told(Case({"DATABASE_URL": url}, "refused", "pg_isready -h /nonexistent"))


async def test_host_not_found() -> None:
    url = "postgresql://app:right-word@nobody.invalid/chatdb"
    await assert_told(Case({"DATABASE_URL": url}, "host_not_found", "getent hosts nobody.invalid"))


async def test_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        url = f"postgresql://app:right-word@127.0.0.1:{silent.getsockname()[1]}/chatdb?connect_timeout=1"
        await assert_told(Case({"DATABASE_URL": url}, "timeout", "pg_isready"))


async def test_wrong_password(operators: OperatorsServer) -> None:
    url = operators.url().replace("right-word", "wrong-word")
    await assert_told(Case({"DATABASE_URL": url}, "authentication", r"\password"))


async def test_no_password(operators: OperatorsServer) -> None:
    url = operators.url().replace(":right-word", "")
    await assert_told(
        Case({"DATABASE_URL": url}, "authentication", f"app:<password>@127.0.0.1:{operators.port}/chatdb")
    )


async def test_no_line_in_pg_hba(operators: OperatorsServer) -> None:
    await assert_told(Case({"DATABASE_URL": operators.url("stranger")}, "authentication", "SHOW hba_file"))


async def test_a_server_that_insists_on_tls(operators: OperatorsServer) -> None:
    url = operators.url("tlsonly", query="?sslmode=disable")
    await assert_told(Case({"DATABASE_URL": url}, "authentication", "sslmode=require"))


async def test_an_unknown_user(operators: OperatorsServer) -> None:
    url = f"postgresql://nobody_here@/chatdb?host={operators.folder}&port={operators.port}"
    await assert_told(Case({"DATABASE_URL": url}, "authentication", 'CREATE USER "nobody_here"'))


async def test_database_missing(operators: OperatorsServer) -> None:
    command = f"sudo -u postgres createdb -p {operators.port} -O app nowhere"
    await assert_told(Case({"DATABASE_URL": operators.url(database="nowhere")}, "database_missing", command))


async def test_too_many_connections(operators: OperatorsServer) -> None:
    held = await asyncpg.connect(operators.url("limited"))
    try:
        await assert_told(Case({"DATABASE_URL": operators.url("limited")}, "too_many_connections", "DB_POOL_SIZE"))
    finally:
        await held.close()


async def test_a_pool_larger_than_the_server_allows(operators: OperatorsServer) -> None:
    told = json.loads(hubbub("doctor", "--json", DATABASE_URL=operators.url(), DB_POOL_SIZE="150").stdout)
    check = next(check for check in told["checks"] if check["name"] == "connections")
    assert (check["status"], check["trouble"]["kind"]) == ("fail", "pool_limit")
    assert "max_connections" in "\n".join(check["trouble"]["remedy"])


async def denied(url: str, statement: str) -> Trouble:
    """What is told of a statement that the server forbids."""
    spec = read_address(load({"DATABASE_URL": url}, dotenv=None))
    connection = await asyncpg.connect(url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as raised:
            await connection.execute(statement)
    finally:
        await connection.close()
    return diagnose(raised.value, spec)


def rights(url: str) -> dict[str, Any]:
    """The doctor's finding about them."""
    checks = json.loads(hubbub("doctor", "--json", DATABASE_URL=url).stdout)["checks"]
    found: dict[str, Any] = next(check for check in checks if check["name"] == "rights")
    return found


def paste(operators: OperatorsServer, command: str) -> None:
    """Run a command as it was printed, but for the way to the test's server."""
    _, _, rest = command.partition("psql ")
    shell = f"{operators.bin}/psql -h {operators.folder} -U postgres {rest}"
    subprocess.run(["bash", "-c", shell], check=True, capture_output=True, timeout=20)


async def test_permission_denied_is_mended_by_the_commands_told(operators: OperatorsServer) -> None:
    """PostgreSQL 15 and later let nobody but the owner create in `public`, nor schemas in a database."""
    url = operators.url(database="theirs")
    grant = 'GRANT CREATE ON DATABASE "theirs" TO "app"'
    for statement in ("CREATE TABLE public.users (user_id int)", "CREATE SCHEMA hubbub"):
        trouble = await denied(url, statement)
        assert trouble.kind == "permission"
        assert grant in "\n".join(trouble.remedy)

    refused = hubbub("db", "init", DATABASE_URL=url)
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "Permission denied" in refused.stderr
    assert grant in refused.stderr

    finding = rights(url)
    assert (finding["status"], finding["trouble"]["kind"]) == ("fail", "permission")
    for command in finding["trouble"]["remedy"]:
        paste(operators, command)
    assert rights(url)["status"] == "ok"
    assert hubbub("db", "init", DATABASE_URL=url).returncode == 0


async def test_tables_of_another_owner_are_handed_over_by_the_command_told(operators: OperatorsServer) -> None:
    operators.sql("CREATE DATABASE older")
    operators.sql("CREATE TABLE messages (message_id int)", "older")
    url = operators.url(database="older")
    trouble = await denied(url, "ALTER TABLE messages ADD COLUMN seq bigint")
    assert trouble.kind == "permission"
    assert "OWNER TO" in trouble.remedy[0]
    finding = rights(url)
    assert "ownership of messages" in finding["trouble"]["detail"]
    for command in finding["trouble"]["remedy"]:
        paste(operators, command)
    assert rights(url)["status"] == "ok"


async def test_a_read_only_server(operators: OperatorsServer) -> None:
    url = operators.url(query="?options=-c%20default_transaction_read_only%3Don&target_session_attrs=read-write")
    await assert_told(Case({"DATABASE_URL": url}, "read_only", "target_session_attrs=read-write"))


# -- TLS ----------------------------------------------------------------------------------------------------------------


@contextmanager
def serving(operators: OperatorsServer, *names: str, **options: Any) -> Iterator[trustme.CA]:
    """Another certificate for a while, of an authority of its own."""
    authority = trustme.CA()
    operators.certificate(authority, *names, **options)
    operators.reload()
    try:
        yield authority
    finally:
        operators.certificate(operators.authority, "localhost", "127.0.0.1")
        operators.reload()


def verified(operators: OperatorsServer, **more: str) -> dict[str, str]:
    return {
        "DATABASE_URL": operators.url(),
        "DB_SSL": "true",
        "HUBBUB_DB_SSL_ROOT_CERT": str(operators.root_cert),
        **more,
    }


async def test_tls_verified(operators: OperatorsServer) -> None:
    settings = verified(operators)
    server = server_for(load(settings, dotenv=None))
    spec = await server.start(quiet)
    connection = await asyncpg.connect(**spec.asyncpg_kwargs())
    try:
        assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    finally:
        await connection.close()
    told = json.loads(hubbub("doctor", "--json", **settings).stdout)
    assert "verified" in next(check["summary"] for check in told["checks"] if check["name"] == "encryption")
    # libpq is given the same.
    answer = subprocess.run(
        [operators.bin / "psql", "-tAc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"],
        env={**environment(), **spec.libpq_env()}, capture_output=True, text=True, check=True, timeout=20,
    )  # fmt: skip
    assert answer.stdout.strip() == "t"


async def test_tls_of_an_unknown_authority(operators: OperatorsServer) -> None:
    settings = {"DATABASE_URL": operators.url(), "DB_SSL": "true"}  # the system's authorities
    await assert_told(Case(settings, "tls_untrusted", "HUBBUB_DB_SSL_ROOT_CERT"))


async def test_tls_self_signed_by_another(operators: OperatorsServer) -> None:
    with serving(operators, "localhost", "127.0.0.1"):
        await assert_told(Case(verified(operators), "tls_untrusted", "HUBBUB_DB_SSL_ROOT_CERT"))


async def test_tls_for_another_host(operators: OperatorsServer, tmp_path: Path) -> None:
    with serving(operators, "db.example.org") as authority:
        root = tmp_path / "root.crt"
        authority.cert_pem.write_to_path(str(root))
        settings = verified(operators, HUBBUB_DB_SSL_ROOT_CERT=str(root))
        await assert_told(Case(settings, "tls_wrong_host", "subjectAltName"))
        # The name is not asked for by verify-ca, and nothing is by require; the address goes before DB_SSL.
        for mode in ("verify-ca", "require"):
            settings["DATABASE_URL"] = operators.url(query=f"?sslmode={mode}")
            await server_for(load(settings, dotenv=None)).start(quiet)


async def test_tls_out_of_date(operators: OperatorsServer, tmp_path: Path) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with serving(operators, "127.0.0.1", not_after=yesterday) as authority:
        root = tmp_path / "root.crt"
        authority.cert_pem.write_to_path(str(root))
        await assert_told(Case(verified(operators, HUBBUB_DB_SSL_ROOT_CERT=str(root)), "tls_expired", "-dates"))


async def test_tls_not_offered(operators: OperatorsServer) -> None:
    operators.sql("ALTER SYSTEM SET ssl = off")
    operators.reload()
    try:
        await assert_told(Case(verified(operators), "tls_not_offered", "DB_SSL=false"))
    finally:
        operators.sql("ALTER SYSTEM RESET ssl")
        operators.reload()


def test_a_certificate_file_that_is_not_there(operators: OperatorsServer) -> None:
    told = json.loads(
        hubbub("db", "status", "--json", **verified(operators, HUBBUB_DB_SSL_ROOT_CERT="/nowhere")).stdout
    )
    assert told["trouble"]["kind"] == "settings"


# -- settings -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("doctor", "--json"), ("db", "status", "--json"), ("config", "--json")])
def test_a_setting_that_cannot_be_read(arguments: tuple[str, ...]) -> None:
    answer = hubbub(*arguments, DB_POOL_SIZE="many")
    assert answer.returncode == 1
    assert '"settings"' in answer.stdout
    assert "DB_POOL_SIZE" in answer.stdout


def test_an_address_that_cannot_be_read_keeps_its_password() -> None:
    answer = hubbub("db", "status", DATABASE_URL="postgresql://app:pass/word@host:5432/chatdb")
    assert answer.returncode == 1
    assert "percent-encoded" in answer.stderr
    assert "word" not in answer.stderr.replace("password", "")
