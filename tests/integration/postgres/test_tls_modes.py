"""Every `sslmode` against every kind of certificate, by asyncpg (serve, doctor) and by libpq (psql, pg_dump), which agree.

One server; its certificate is changed for each kind. The modes are libpq's (PostgreSQL manual, table 34.1).
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import trustme
from tests.integration.postgres.operators_server import OperatorsServer, environment

from hubbub.config import load
from hubbub.postgres import PostgresUnavailable, server_for
from hubbub.postgres.address import SSL_MODES, read_address

PLAIN: Final = "plain"
TLS: Final = "TLS"
# What comes of each mode, in the order of SSL_MODES: in the clear, encrypted, or the kind of trouble that is told. The last
# row of each is `require` without an authority, which verifies nothing.
WANTED: Final = {
    "good": (PLAIN, PLAIN, TLS, TLS, TLS, TLS, TLS),
    "of an unknown authority": (PLAIN, PLAIN, TLS, "tls_untrusted", "tls_untrusted", "tls_untrusted", TLS),
    "for another host": (PLAIN, PLAIN, TLS, TLS, TLS, "tls_wrong_host", TLS),
    "out of date": (PLAIN, PLAIN, TLS, "tls_expired", "tls_expired", "tls_expired", TLS),
    "not there": (PLAIN, PLAIN, PLAIN, *["tls_not_offered"] * 4),
}
# What libpq says where we tell a trouble.
LIBPQ: Final = {
    "tls_untrusted": "certificate verify failed",
    "tls_wrong_host": "does not match host name",
    "tls_expired": "certificate verify failed",
    "tls_not_offered": "does not support SSL",
}
MENDS: Final = {
    "tls_untrusted": "HUBBUB_DB_SSL_ROOT_CERT",
    "tls_wrong_host": "subjectAltName",
    "tls_expired": "-dates",
    "tls_not_offered": "SHOW ssl",
}
ENCRYPTED: Final = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def prepare(operators: OperatorsServer, kind: str, folder: Path) -> Path:
    """Give the server a certificate of this kind; the file with the authority that a client is to believe."""
    authority, stranger = trustme.CA(), trustme.CA()
    options: dict[str, Any] = {}
    if kind == "out of date":
        options["not_after"] = datetime.now(UTC) - timedelta(days=1)
    name = "db.example.org" if kind == "for another host" else "127.0.0.1"
    operators.certificate(stranger if kind == "of an unknown authority" else authority, name, **options)
    if kind == "not there":
        operators.sql("ALTER SYSTEM SET ssl = off")
    operators.reload()
    root = folder / "root.crt"
    authority.cert_pem.write_to_path(str(root))
    return root


async def by_asyncpg(settings: dict[str, str]) -> str:
    try:
        spec = await server_for(load(settings, dotenv=None)).start(lambda _: None)
    except PostgresUnavailable as unavailable:
        trouble = unavailable.trouble
        assert MENDS[trouble.kind] in "\n".join(trouble.remedy)
        assert "right-word" not in repr(trouble)
        return trouble.kind
    connection = await asyncpg.connect(**spec.asyncpg_kwargs())
    try:
        return TLS if await connection.fetchval(ENCRYPTED) else PLAIN
    finally:
        await connection.close()


def by_libpq(operators: OperatorsServer, settings: dict[str, str]) -> str:
    """`TLS`, `plain`, or what psql says."""
    spec = read_address(load(settings, dotenv=None))
    answer = subprocess.run(
        [operators.bin / "psql", "-wtAc", ENCRYPTED], env={**environment(), **spec.libpq_env(), "HOME": "/nonexistent"},
        capture_output=True, text=True, check=False, timeout=40,
    )  # fmt: skip
    return {"t": TLS, "f": PLAIN}.get(answer.stdout.strip(), answer.stderr)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", WANTED)
async def test_every_mode(operators: OperatorsServer, kind: str, tmp_path: Path) -> None:
    root = prepare(operators, kind, tmp_path)
    try:
        authority = {"HUBBUB_DB_SSL_ROOT_CERT": str(root)}
        asked = [*((mode, authority) for mode in SSL_MODES), ("require", {})]
        for (mode, more), wanted in zip(asked, WANTED[kind], strict=True):
            settings = {"DATABASE_URL": operators.url(query=f"?sslmode={mode}"), **more}
            assert await by_asyncpg(settings) == wanted, mode
            said = by_libpq(operators, settings)
            assert said == wanted if wanted in (PLAIN, TLS) else LIBPQ[wanted] in said, (mode, said)
    finally:
        operators.sql("ALTER SYSTEM RESET ssl")
        operators.certificate(operators.authority, "localhost", "127.0.0.1")
        operators.reload()
