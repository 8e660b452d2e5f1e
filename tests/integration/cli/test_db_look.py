"""`hubbub db stats`, `activity`, `vacuum`, `explain` tell what is so, on 18 and on 15."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import asyncpg
import pytest
from tests.integration.cli.conftest import Shell
from tests.support.database import Databases

from hubbub.store import statements

ROWS = 30_000
PLANTED = f"""
    CREATE TABLE orders (id integer PRIMARY KEY, author uuid REFERENCES users, paid boolean NOT NULL);
    INSERT INTO orders SELECT n, NULL, false FROM generate_series(1, {ROWS}) AS n;
    CREATE INDEX idx_custom ON orders (paid);
    UPDATE orders SET paid = true WHERE id <= 5000;
    SELECT count(*) FROM orders WHERE author IS NULL;
    SELECT count(*) FROM orders WHERE author IS NULL;
"""


@pytest.fixture(scope="module")
def planted(shell: Shell, databases: Databases) -> Shell:
    """An operator's own table, with what an operator ought to be told of it."""
    database = shell.sql("SELECT current_database()")
    databases.cluster.psql(database, PLANTED)  # what a session did is counted when it ends
    databases.cluster.psql(database, "ANALYZE orders")
    return shell


def test_what_there_is_to_mend_is_told(planted: Shell) -> None:
    found = planted.json("db", "stats")
    size = planted.sql("SELECT pg_database_size(current_database())")
    assert found["database"]["bytes"] == pytest.approx(size, rel=0.1)
    assert 0 < found["database"]["hitRate"] <= 1
    assert 0 < found["database"]["connections"] <= found["database"]["maxConnections"] == 60
    orders = next(table for table in found["tables"] if table["name"] == "public.orders")
    assert (orders["estimatedRows"], orders["deadRows"]) == (ROWS, 5000)
    assert orders["bytes"] == planted.sql("SELECT pg_total_relation_size('orders')")
    assert (orders["vacuumedAt"], orders["analyzedAt"] is not None) == (None, True)
    assert {table["name"] for table in found["tables"]} >= {"public.messages", "hubbub.nodes"}

    assert [(key["table"], key["definition"]) for key in found["unindexedKeys"] if not key["isHubbubs"]] == [
        ("public.orders", "FOREIGN KEY (author) REFERENCES users(user_id)")
    ]
    assert [table["name"] for table in found["readWhole"]] == ["public.orders"]
    unused = {index["name"]: index["isHubbubs"] for index in found["unusedIndexes"]}
    assert unused["public.idx_custom"] is False
    assert unused["public.idx_users_status"] is True
    assert "public.users_pkey" not in unused

    shown = planted.run("db", "stats").stdout
    for words in ("public.orders", "idx_custom", "FOREIGN KEY (author)", "rows (estimate)", "of 60", "committed"):
        assert words in shown


def test_a_fresh_database_has_nothing_of_an_operators_to_mend(empty_shell: Shell) -> None:
    found = empty_shell.json("db", "stats")
    assert found["readWhole"] == []
    assert all(one["isHubbubs"] for one in found["unusedIndexes"] + found["unindexedKeys"])
    assert "No table of more than 10,000 rows is read whole." in empty_shell.run("db", "stats").stdout


@pytest.fixture(scope="module")
def empty_shell(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    name = databases.clone()
    yield Shell(databases.cluster.dsn(name), tmp_path_factory.mktemp("empty"))
    databases.drop(name)


def test_who_waits_for_whom_is_told_and_parameters_are_not(shell: Shell) -> None:
    async def scene() -> tuple[int, list[dict[str, object]], str, str]:
        holder, waiter = [
            await asyncpg.connect(shell.dsn, server_settings={"application_name": "shop"}) for _ in range(2)
        ]
        held = holder.transaction()
        await held.start()
        await holder.execute("LOCK TABLE hubbub.meta")
        asked = asyncio.create_task(waiter.fetch("SELECT value FROM hubbub.meta WHERE key = $1", "a secret word"))
        while True:
            found = await asyncio.to_thread(shell.json, "db", "activity")
            waiting = [one for one in found["activity"] if one["waitsFor"]]
            if waiting:
                break
        shown = await asyncio.to_thread(shell.run, "db", "activity", "--all")
        stats = await asyncio.to_thread(shell.run, "db", "stats", code=1)
        await held.rollback()
        await asked
        pid = holder.get_server_pid()
        await asyncio.gather(holder.close(), waiter.close())
        return pid, waiting, shown.stdout, stats.output

    pid, waiting, shown, stats = asyncio.run(scene())
    (one,) = waiting
    assert (one["waitsFor"], one["application"], one["state"], one["waitsIn"]) == ([pid], "shop", "active", "relation")
    assert one["query"] == "SELECT value FROM hubbub.meta WHERE key = $1"
    assert "idle in transaction" in shown
    assert "locked a whole table" in stats
    assert "secret" not in shown + stats


def test_nobody_else_is_said_in_words(empty_shell: Shell) -> None:
    assert empty_shell.json("db", "activity", "--all")["activity"] == []
    assert "Nothing runs now" in empty_shell.run("db", "activity").stdout
    assert "No other query runs now." in empty_shell.run("db", "stats").stdout


def test_vacuum_says_what_it_freed(planted: Shell) -> None:
    planted.sql("DELETE FROM orders WHERE id > 20000")
    (done,) = planted.json("db", "vacuum", "orders")["tables"]
    assert done["name"] == "public.orders"
    assert (done["deadRowsBefore"] > 0, done["deadRows"], done["refused"]) == (True, 0, None)
    assert planted.sql("SELECT last_vacuum IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'orders'")
    shown = planted.run("db", "vacuum").stdout
    assert "public.messages" in shown
    assert "can be used again" in shown
    assert "There is no table nowhere" in planted.run("db", "vacuum", "nowhere", code=1).output


def test_vacuum_of_another_owners_table_is_told(planted: Shell, databases: Databases) -> None:
    database = planted.sql("SELECT current_database()")
    databases.cluster.psql(database, "DROP ROLE IF EXISTS vac; CREATE ROLE vac LOGIN; GRANT SELECT ON orders TO vac")
    somebody = Shell(planted.dsn.replace("//postgres@", "//vac@"), planted.folder)
    refused = somebody.json("db", "vacuum", "orders", code=1)
    assert refused["ok"] is False
    assert "orders" in refused["tables"][0]["refused"]
    assert "Not every table was cleared" in somebody.run("db", "vacuum", "orders", code=1).output


def test_every_statement_is_explained_and_nothing_is_written(shell: Shell) -> None:
    listed = shell.json("db", "explain")["statements"]
    assert {one["name"] for one in listed} == {
        f"{noun}.{name}"
        for noun in statements.nouns()
        for name, sql in statements.load(noun).items()
        if not re.search(r"\{\w+\}", sql)  # what names its table with each use is no statement yet
    }
    assert all(one["purpose"].rstrip(")").endswith((".", "?", ":")) for one in listed)
    for name in (
        "messages.before",
        "messages.append",
        "rooms.create_room",
        "presence.sweep",
        "database.server_process",
    ):
        explained = shell.json("db", "explain", name)
        assert explained["plan"][0]["Plan"]["Node Type"]
    before = shell.run("db", "explain", "messages.before").stdout
    assert "A page of a room that ends before a place" in before
    assert "room_id = $1" in before  # the generic plan
    assert shell.sql("SELECT count(*) FROM rooms") == 3


def test_a_statement_is_run_only_where_it_reads(shell: Shell) -> None:
    room = str(shell.sql("SELECT room_id FROM rooms WHERE room_name = 'general'"))
    values = [word for value in (room, "100", "50", "0") for word in ("--param", value)]
    assert "actual time" in shell.run("db", "explain", "messages.before", "--analyze", *values).stdout
    who = str(shell.sql("INSERT INTO users (username) VALUES ('explained') RETURNING user_id"))
    wrote = shell.run("db", "explain", "members.join_room", "--analyze", "--param", who, "--param", room, code=1)
    assert "only what reads is run" in wrote.output
    assert shell.sql("SELECT count(*) FROM room_members") == 0
    wrong = shell.run("db", "explain", "rooms.positions", "--analyze", "--param", "'); DROP TABLE rooms; --", code=1)
    assert "do not fit" in wrong.output
    assert shell.run("db", "explain", "messages.before", "--analyze", code=2)
    assert "There is no statement nothing" in shell.run("db", "explain", "nothing", code=1).output


def test_a_database_without_tables_is_told(databases: Databases, shell: Shell) -> None:
    name = databases.empty()
    empty = Shell(databases.cluster.dsn(name), shell.folder)
    assert empty.json("db", "stats")["tables"] == []
    assert "This database is not ready for Hubbub" in empty.run("db", "explain", "messages.before", code=1).output
    databases.drop(name)
