"""`hubbub user …`: accounts, by the operator's hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.integration.cli.conftest import Shell
from tests.support.database import Databases
from tests.support.people import Person, room, sign_up
from tests.support.process import eventually
from tests.support.server import running

PASSWORD = "correct horse battery"
NOISE = 10.0  # seconds that a busy machine may add to what is promised within one


@pytest.fixture(scope="module")
def databases(pg18: Databases) -> Databases:
    """PostgreSQL 18 alone: these ask no catalogs, in which versions differ."""
    return pg18


def test_an_account_is_made_and_nothing_secret_is_told(shell: Shell) -> None:
    made = shell.run("user", "create", "ann", "--email", "ann@example.org", "--role", "admin", input=PASSWORD + "\n")
    assert "ann can sign in now, with the role admin." in made.output
    stored = shell.sql("SELECT password FROM users WHERE username = 'ann'")
    assert stored.startswith("$argon2id$")
    told = [
        made.output,
        *(shell.run("user", *words).output for words in (["list"], ["show", "ann"], ["show", "ann", "--json"])),
    ]
    assert not [words for words in told if PASSWORD in words or stored in words]
    assert shell.json("user", "show", "ANN@example.org")["user"]["role"] == "admin"

    taken = shell.run("user", "create", "Ann", "--email", "other@example.org", input=PASSWORD + "\n", code=1)
    assert "This name is taken" in taken.output
    short = shell.run("user", "create", "eve", "--email", "eve@example.org", input="short\n", code=1)
    assert "password" in short.output
    assert shell.sql("SELECT count(*) FROM users WHERE username = 'eve'") == 0


def test_the_list_is_paged_by_name(shell: Shell) -> None:
    for name in ("list_1", "list_2", "list_3"):
        shell.sql("INSERT INTO users (username, role) VALUES ($1, 'guest')", name)
    first = shell.json("user", "list", "--role", "guest", "--limit", "2")
    assert [one["username"] for one in first["users"]] == ["list_1", "list_2"]
    rest = shell.json("user", "list", "--role", "guest", "--after", first["nextAfter"])
    assert ([one["username"] for one in rest["users"]], rest["nextAfter"]) == (["list_3"], None)
    assert "There may be more: --after list_2" in shell.run("user", "list", "--role", "guest", "--limit", "2").stdout
    assert "There are no such accounts." in shell.run("user", "list", "--disabled").stdout
    assert "There is no account `nobody`" in shell.run("user", "show", "nobody", code=1).output


async def test_a_running_server_learns_what_the_operator_did(database: str, tmp_path: Path) -> None:
    """Disabled, given another password, signed out, erased: sockets close, whoever sent no hint; roles change on open ones."""
    shell = Shell(database, tmp_path)
    async with running(database, tmp_path) as server:
        people = {
            kind: await server.person(kind) for kind in ("disabled", "rekeyed", "ended", "erased", "promoted", "other")
        }
        hall = await room(server.db, "hall", *people.values())
        clients = {kind: await server.connect(person) for kind, person in people.items()}
        sent = await clients["erased"].ok("send-message", {"room": "hall", "message": "a secret of mine"})

        async def do(*words: str, input: str | None = None) -> str:
            return (await asyncio.to_thread(shell.run, "user", *words, input=input)).output

        assert "disabled; 1 sessions ended" in await do("disable", "disabled")
        assert "1 sessions ended" in await do("password", "rekeyed", input=PASSWORD + "\n")
        assert "1 sessions of ended ended" in await do("sessions", "ended", "--end", str(people["ended"].session_id))
        assert "is signed in nowhere" in await do("sessions", "ended")
        assert "role admin" in await do("role", "promoted", "admin")
        assert "1 messages" in await do("erase", "erased", "--yes")
        for kind in ("disabled", "rekeyed", "ended", "erased"):
            await clients[kind].gone()
        (seat,) = server.hubbub.edge.seats.by_user[people["promoted"].user_id]
        await eventually(lambda: seat.actor is not None and seat.actor.role == "admin", timeout=1 + NOISE)

        tombstone = await clients["other"].wait_for("message-deleted")
        assert (tombstone["id"], tombstone["roomId"]) == (sent["id"], str(hall))
        assert await server.db.fetchval("SELECT count(*) FROM messages WHERE message_text LIKE '%secret%'") == 0
        assert await server.db.fetchval("SELECT count(*) FROM users WHERE username = 'erased'") == 0

        await _signs_in(server.url, "rekeyed", PASSWORD, 200)
        await server.db.execute(
            "UPDATE users SET password = p.password FROM users AS p WHERE p.username = 'rekeyed' AND users.username = 'disabled'"
        )
        await _signs_in(server.url, "disabled", PASSWORD, 401)
        assert (await asyncio.to_thread(shell.json, "user", "list", "--disabled"))["users"][0]["username"] == "disabled"
        assert "can sign in again" in await do("enable", "disabled")
        await _signs_in(server.url, "disabled", PASSWORD, 200)
        shown = (await asyncio.to_thread(shell.json, "user", "show", "other"))["user"]
        assert (shown["rooms"], shown["messages"], shown["signIns"], shown["connections"]) == (1, 0, 1, 1)


async def _signs_in(url: str, username: str, password: str, status: int) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{url}/api/auth/login", json={"username": username, "password": password})
    assert answer.status_code == status, answer.text


def test_erasing_asks_first(shell: Shell) -> None:
    shell.sql("INSERT INTO users (username) VALUES ('kept')")
    shell.run("user", "erase", "kept", input="n\n", code=1)
    assert shell.sql("SELECT count(*) FROM users WHERE username = 'kept'") == 1
    assert "0 messages" in shell.run("user", "erase", "kept", input="y\n").output
    assert shell.sql("SELECT count(*) FROM users WHERE username = 'kept'") == 0


def test_only_sessions_of_that_account_are_ended(shell: Shell) -> None:
    async def both() -> list[Person]:
        conn = await asyncpg.connect(shell.dsn)
        try:
            return [await sign_up(conn, name) for name in ("mine", "theirs")]
        finally:
            await conn.close()

    _, theirs = asyncio.run(both())
    refused = shell.run("user", "sessions", "mine", "--end", str(theirs.session_id), code=1)
    assert "mine has no session" in refused.output
    (one,) = shell.json("user", "sessions", "theirs")["sessions"]
    assert (one["sessionId"], one["connections"]) == (str(theirs.session_id), 0)
    assert shell.json("user", "sessions", "theirs", "--end-all")["ended"] == 1
