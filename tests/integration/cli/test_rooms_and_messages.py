"""`hubbub room …` and `messages export`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import stat
import tracemalloc
from pathlib import Path

import asyncpg
import pytest
from tests.integration.cli.conftest import Shell
from tests.support.database import Databases
from tests.support.server import running

from hubbub.store import messages

FILL = """
    WITH ann AS (INSERT INTO users (username, display_name) VALUES ('ann', 'Ann') RETURNING user_id),
    hall AS (INSERT INTO rooms (room_name, last_seq, message_count) VALUES ('hall', 1201, 1200) RETURNING room_id)
    INSERT INTO messages (user_id, room_id, message_text, created_at, seq, change_seq)
    SELECT user_id, room_id, 'text ' || n, '2026-01-01Z'::timestamptz + n * interval '1 hour', n, n
    FROM ann, hall, generate_series(1, 1200) AS n
"""


@pytest.fixture(scope="module")
def databases(pg18: Databases) -> Databases:
    """PostgreSQL 18 alone: these ask no catalogs, in which versions differ."""
    return pg18


@pytest.fixture(scope="module", autouse=True)
def hall(shell: Shell) -> None:
    """A room of 1,200 messages, one an hour; the first has a text that is hard to write down, the second is a tombstone."""
    shell.sql(FILL)
    shell.sql(
        "UPDATE messages SET message_text = $1, edited_at = '2026-02-01Z' WHERE seq = 1",
        'a "quoted",\nbroken line; =1+1 ünï',
    )
    shell.sql("UPDATE messages SET is_deleted = true WHERE seq = 2")


def test_rooms_are_listed_by_name_with_the_figures_of_the_view(shell: Shell) -> None:
    found = shell.json("room", "list", "--limit", "2")
    assert [room["roomName"] for room in found["rooms"]] == ["general", "hall"]
    assert found["rooms"][1]["totalMessages"] == 1199
    rest = shell.json("room", "list", "--after", found["nextAfter"])
    assert ([room["roomName"] for room in rest["rooms"]], rest["nextAfter"]) == (["random", "tech"], None)
    shown = shell.run("room", "list", "--limit", "2", COLUMNS="40").stdout
    assert [line for line in shown.splitlines() if "1,199" in line and found["rooms"][1]["roomId"] in line]  # whole
    assert "There may be more: --after hall" in shown
    assert "There are no more rooms." in shell.run("room", "list", "--after", "zzz").stdout


def test_a_room_is_shown_by_name_or_id(shell: Shell) -> None:
    room = shell.json("room", "show", "hall")["room"]
    assert (room["totalMessages"], room["isPrivate"], room["createdBy"], room["deletedAt"]) == (1199, False, None, None)
    assert shell.json("room", "show", room["roomId"])["room"] == room
    assert "There is no room `nowhere`" in shell.run("room", "show", "nowhere", code=1).output


def test_every_message_is_exported_once_in_order(shell: Shell, tmp_path: Path) -> None:
    lines = shell.run("messages", "export", "--room", "hall").stdout.splitlines()
    exported = [json.loads(line) for line in lines]
    assert [one["seq"] for one in exported] == list(range(1, 1201))
    first, second, last = exported[0], exported[1], exported[-1]
    assert first["message"] == 'a "quoted",\nbroken line; =1+1 ünï'
    assert (first["username"], first["displayName"], first["room"]) == ("ann", "Ann", "hall")
    assert (first["timestamp"], first["editedAt"]) == ("2026-01-01T01:00:00.000Z", "2026-02-01T00:00:00.000Z")
    assert (second["deleted"], second["message"]) == (True, "")
    assert (last["message"], last["changeSeq"], last["deleted"]) == ("text 1200", 1200, False)

    target = tmp_path / "hall.csv"
    said = shell.run("messages", "export", "--room", "hall", "--format", "csv", "-o", str(target))
    assert "1,200 messages in" in said.stdout
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"), newline="")))
    assert rows[0]["message"] == first["message"]
    assert len(rows) == 1200
    assert stat.S_IMODE(target.stat().st_mode) == 0o600

    again = shell.run("messages", "export", "--room", "hall", "-o", str(target), code=1)
    assert "it is there already" in again.output
    assert list(tmp_path.iterdir()) == [target]


def test_a_time_bounds_what_is_exported(shell: Shell) -> None:
    bounds = ("--since", "2026-01-01T10:00:00Z", "--until", "2026-01-01T12:00")
    lines = shell.run("messages", "export", "--room", "hall", *bounds).stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [10, 11]
    assert shell.run("messages", "export", "--room", "hall", "--since", "2027-01-01").stdout == ""
    assert "no time" in shell.run("messages", "export", "--room", "hall", "--since", "soon", code=2).output


async def test_an_export_keeps_few_messages_in_memory(shell: Shell) -> None:
    """Forty megabytes of text go through a few."""
    conn = await asyncpg.connect(shell.dsn)
    room_id = await conn.fetchval(
        "INSERT INTO rooms (room_name, last_seq, message_count) VALUES ('large', 10000, 10000) RETURNING room_id"
    )
    await conn.execute(
        "INSERT INTO messages (room_id, message_text, created_at, seq, change_seq) "
        "SELECT $1, repeat('x', 4000), now(), n, n FROM generate_series(1, 10000) AS n",
        room_id,
    )
    tracemalloc.start()
    count = 0
    async for batch in messages.export(conn, room_id):
        assert len(batch) <= messages.EXPORT_BATCH
        count += len(batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await conn.execute("DELETE FROM rooms WHERE room_id = $1", room_id)
    await conn.close()
    assert count == 10_000
    assert peak < 20_000_000


async def test_a_room_that_is_archived_is_gone_for_clients_and_whole_in_the_file(database: str, tmp_path: Path) -> None:
    shell = Shell(database, tmp_path)
    target = tmp_path / "general.jsonl"
    async with running(database, tmp_path) as server:
        ann, bob = await server.pair()
        for number in range(3):
            await ann.ok("send-message", {"room": "general", "message": f"text {number}"})
        room_id = await server.room_id()
        kept = await asyncio.to_thread(
            shell.run, "room", "archive", "general", "--to", str(target), input="n\n", code=1
        )
        assert "Aborted" in kept.output
        done = await asyncio.to_thread(shell.run, "room", "archive", "general", "--to", str(target), "--yes")
        assert "3 messages in" in done.output
        told = await bob.wait_for("room-updated")
        assert (told["roomId"], told["deleted"]) == (room_id, True)
        await ann.fails("send-message", {"room": "general", "message": "too late"}, code="not_found")
        assert [json.loads(line)["message"] for line in target.read_text().splitlines()] == [
            "text 0",
            "text 1",
            "text 2",
        ]

        again = tmp_path / "again.jsonl"
        await asyncio.to_thread(shell.run, "room", "archive", room_id, "--to", str(again), "--yes")
        assert len(again.read_text().splitlines()) == 3
        # As docs/howto/operate.md has it.
        await server.db.execute("UPDATE rooms SET deleted_at = NULL, room_name = 'general' WHERE room_id = $1", room_id)
        assert (await ann.ok("join", "general"))["roomId"] == room_id
        await ann.ok("send-message", {"room": "general", "message": "back"})


def test_a_file_that_cannot_be_written_deletes_no_room(shell: Shell, tmp_path: Path) -> None:
    refused = shell.run("room", "archive", "tech", "--to", str(tmp_path / "no" / "such" / "folder"), "--yes", code=1)
    assert "cannot be written" in refused.output
    assert shell.json("room", "show", "tech")["room"]["deletedAt"] is None
