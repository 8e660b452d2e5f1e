"""`hubbub top` shows what a running server does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import trustme
from tests.integration.cli.conftest import Shell
from tests.support.cluster import DEBIAN_15, Cluster
from tests.support.database import Databases
from tests.support.server import running

from hubbub.cli.top import address, measured
from hubbub.config import load
from hubbub.store import statistics


async def test_top_tells_what_happens_now(database: str, tmp_path: Path) -> None:
    shell = Shell(database, tmp_path)
    async with running(database, tmp_path) as server:
        ann, _ = await server.pair()

        async def talk() -> None:
            while True:
                await ann.ok("send-message", {"room": "general", "message": "a secret text"})

        talking = asyncio.create_task(talk())
        try:
            found = await asyncio.to_thread(shell.json, "top", "--url", server.url, "--interval", "1")
            shown = await asyncio.to_thread(shell.run, "top", "--url", server.url + "/", "--once", "--interval", "1")
        finally:
            talking.cancel()
    assert found["url"] == server.url
    assert found["sendsPerSecond"] > 0
    assert found["deliveriesPerSecond"] >= found["sendsPerSecond"]  # each to both
    assert (found["connections"], found["people"], found["roomsInUse"], found["workers"], found["poolMax"]) == (
        2,
        2,
        1,
        1,
        4,
    )
    assert found["messagesPerBatch"] >= 1
    assert 0 < found["commitSeconds"] < 60
    assert 0 < found["databaseConnections"] <= found["databaseConnectionsMax"] == 60
    assert found["slowest"] == []
    for words in ("sends", "deliveries", "bus lag", "pool in use", server.url):
        assert words in shown.stdout
    assert "secret" not in shown.stdout + str(found)


def test_nobody_there_is_told(shell_18: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    told = shell_18.json("top", "--url", url, code=1)
    assert told["trouble"]["kind"] == "no_server"
    assert f"No Hubbub answers at {url}" in shell_18.run("top", "--url", url, "--once", code=1).output
    assert "begins with http" in shell_18.run("top", "--url", "file:///etc/passwd", code=2).output


async def test_a_server_that_speaks_tls_is_found_by_its_settings(database: str, tmp_path: Path) -> None:
    files, other = tmp_path / "cert.pem", tmp_path / "other.pem"
    for file in (files, other):
        made = trustme.CA().issue_cert("chat.test")  # not the address that it is asked by
        file.write_bytes(made.private_key_pem.bytes() + b"".join(part.bytes() for part in made.cert_chain_pems))
    shell = Shell(database, tmp_path)
    async with running(database, tmp_path, HUBBUB_TLS_CERTIFICATE=str(files)) as server:
        asked = ("top", "--interval", "0.1")
        port = server.url.rpartition(":")[2]
        found = await asyncio.to_thread(lambda: shell.json(*asked, HUBBUB_TLS_CERTIFICATE=str(files), PORT=port))
        assert (found["url"], found["workers"]) == (f"https://127.0.0.1:{port}", 1)
        # Another's certificate is not believed, nor is one whom no authority vouches for where the address was given.
        for told in (
            await asyncio.to_thread(lambda: shell.json(*asked, code=1, HUBBUB_TLS_CERTIFICATE=str(other), PORT=port)),
            await asyncio.to_thread(lambda: shell.json(*asked, "--url", server.url, code=1)),
        ):
            assert "certificate verify failed" in told["trouble"]["detail"]
            assert "SSL_CERT_FILE" in told["trouble"]["remedy"][1]


@pytest.fixture
def shell_18(database: str, tmp_path: Path) -> Shell:
    return Shell(database, tmp_path)


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:3001"), ("::1", "http://[::1]:3001"), ("chat.test", "http://chat.test:3001")],
)
def test_the_server_is_found_by_its_settings(host: str, url: str) -> None:
    assert address(load({"HOST": host, "PORT": "3001"}, dotenv=None)) == url


def test_a_server_that_was_started_again_counts_from_nothing() -> None:
    before = {"at": 0.0, "journal_stored_total": 1000.0, "journal_batches_total": 500.0}
    found = measured(before, {"at": 2.0, "journal_stored_total": 20.0, "journal_batches_total": 5.0})
    assert (found["sendsPerSecond"], found["messagesPerBatch"], found["busLagSeconds"]) == (10.0, 4.0, None)


@pytest.fixture
def counting(pg15: Databases) -> Iterator[str]:
    """A server that counts statements; asked for `pg15` to be skipped where there is none."""
    with Cluster(DEBIAN_15, settings={"shared_preload_libraries": "pg_stat_statements"}) as cluster:
        cluster.psql("postgres", "CREATE EXTENSION pg_stat_statements")
        yield cluster.dsn()


async def test_the_slowest_statements_are_told_where_they_are_counted(counting: str) -> None:
    conn = await asyncpg.connect(counting)
    try:
        await conn.fetch("SELECT count(*) AS planted FROM generate_series(1, $1::int) AS n", 200_000)
        slowest = await statistics.slowest(conn)
    finally:
        await conn.close()
    (planted,) = [one for one in slowest if "planted" in one["query"]]
    assert planted["calls"] == 1
    assert planted["mean_seconds"] == planted["total_seconds"] > 0
    assert "200000" not in planted["query"]
