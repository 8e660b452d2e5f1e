"""SQL is live: what other programs write reaches connected clients after the commit, by no look that comes once a second.

In these tests the look never comes, so whatever arrives was told by the database; and what the server itself writes is
shown to tell nothing there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest
from tests.support.process import eventually
from tests.support.server import Running, running

from hubbub.chat import accounts
from hubbub.fanout import feeds

INSERT = """
    INSERT INTO messages (user_id, room_id, message_text)
    SELECT u.user_id, r.room_id, $3 FROM users AS u, rooms AS r WHERE u.username = $1 AND r.room_name = $2
"""


@pytest.fixture
async def live(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A server that hears, and never looks."""
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 3_600.0)
    async with running(database, tmp_path) as server:
        await eventually(lambda: server.hubbub.ear.hears)
        yield server


@asynccontextmanager
async def told(dsn: str) -> AsyncIterator[list[str]]:
    """What is told on the channel meanwhile: a word of our own, said last, has come behind all others."""
    words: list[str] = []
    done = asyncio.Event()
    ear = await asyncpg.connect(dsn)

    def hear(_connection: object, _pid: int, _channel: str, payload: str) -> None:
        done.set() if payload == "hello end" else words.append(payload)

    await ear.add_listener("hubbub_sql", hear)
    yield words
    other = await asyncpg.connect(dsn)
    await other.execute("SELECT pg_notify('hubbub_sql', 'hello end')")
    async with asyncio.timeout(20):
        await done.wait()
    await other.close()
    await ear.close()


async def test_messages_edits_and_deletions_are_live(live: Running) -> None:
    ann, bob = await live.pair()
    await live.db.execute(INSERT, "ann", "general", "by hand")
    for client in (ann, bob):
        heard = await client.wait_for("receive-message")
        assert (heard["message"], heard["username"]) == ("by hand", "ann")
    await live.db.execute("UPDATE messages SET message_text = 'by another' WHERE message_text = 'by hand'")
    assert (await bob.wait_for("message-updated"))["message"] == "by another"
    await live.db.execute("UPDATE messages SET is_deleted = true WHERE message_text = 'by another'")
    assert (await bob.wait_for("message-deleted"))["id"] == heard["id"]


async def test_a_rollback_is_not_heard_and_a_savepoint_only_in_part(live: Running) -> None:
    _, bob = await live.pair()
    transaction = live.db.transaction()
    await transaction.start()
    await live.db.execute(INSERT, "ann", "general", "never said")
    await transaction.rollback()
    async with live.db.transaction():
        await live.db.execute(INSERT, "ann", "general", "kept")
        inner = live.db.transaction()
        await inner.start()
        await live.db.execute(INSERT, "ann", "general", "taken back")
        await inner.rollback()
        await live.db.execute(INSERT, "ann", "general", "last")
    await bob.wait_for("receive-message", lambda message: message["message"] == "last")
    await bob.settle()
    assert [message["message"] for message in bob.got("receive-message")] == ["kept", "last"]


async def test_many_rows_are_told_once_a_room_and_heard_in_order(live: Running, database: str) -> None:
    ann, bob = await live.pair()
    for room in ("random", "tech"):
        await bob.ok("join", room)
    user = await live.db.fetchval("SELECT user_id FROM users WHERE username = 'ann'")
    ids = [
        await live.db.fetchval("SELECT room_id FROM rooms WHERE room_name = $1", name) for name in ("random", "tech")
    ]
    async with told(database) as words, live.db.transaction():
        await live.db.copy_records_to_table(
            "messages",
            records=[(user, ids[n % 2], f"{n}") for n in range(300)],
            columns=["user_id", "room_id", "message_text"],
        )
    assert sorted(words) == sorted(f"room {room_id}" for room_id in ids)
    await bob.wait_for("receive-message", lambda message: message["message"] == "298")
    await bob.wait_for("receive-message", lambda message: message["message"] == "299")
    for n, room in enumerate(("random", "tech")):
        heard = [message["message"] for message in bob.got("receive-message") if message["room"] == room]
        assert heard == [str(number) for number in range(n, 300, 2)]
    assert not ann.got("receive-message")


async def test_receipts_are_live(live: Running) -> None:
    ann, bob = await live.pair()
    sent = [await ann.ok("send-message", {"message": str(n)}) for n in range(3)]
    await live.db.execute(
        "INSERT INTO message_deliveries (message_id, user_id) SELECT $1, user_id FROM users WHERE username = 'bob'",
        sent[1]["id"],
    )
    heard = await ann.wait_for("message-status-update")
    assert (heard["messageId"], heard["seq"], heard["deliveredCount"]) == (sent[1]["id"], sent[1]["seq"], 1)
    await live.db.execute(
        "INSERT INTO message_reads (message_id, user_id)"
        " SELECT m.message_id, u.user_id FROM messages AS m, users AS u WHERE u.username = 'bob'"
    )
    for client in (ann, bob):
        heard = await client.wait_for("message-read-update")
        assert (heard["messageId"], heard["readByUsername"], heard["readCount"]) == (sent[2]["id"], "bob", 1)
    await ann.settle()
    assert len(ann.got("message-read-update")) == 1


async def test_members_are_let_in_and_put_out_by_sql(live: Running) -> None:
    ann, bob = await live.pair()
    hall = await live.room("hall", private=True)
    for name, client in (("ann", ann), ("bob", bob)):  # nobody here hears that room yet
        await live.db.execute(
            "INSERT INTO room_members (room_id, user_id) SELECT $1, user_id FROM users WHERE username = $2", hall, name
        )
        await client.wait_for("user-joined", lambda data, who=name: data["username"] == who)  # type: ignore[misc]
    assert (await ann.wait_for("user-joined", lambda data: data["username"] == "bob"))["roomId"] == str(hall)
    await live.db.execute(INSERT, "ann", "hall", "are we here?")
    await bob.wait_for("receive-message")
    await live.db.execute(
        "UPDATE room_members SET is_active = false"
        " WHERE room_id = $1 AND user_id = (SELECT user_id FROM users WHERE username = 'bob')",
        hall,
    )
    assert (await ann.wait_for("user-left"))["username"] == "bob"
    await bob.wait_for("user-left")
    await live.db.execute(INSERT, "ann", "hall", "alone")
    await ann.wait_for("receive-message", lambda message: message["message"] == "alone")
    await live.db.execute("DELETE FROM room_members WHERE room_id = $1", hall)
    await eventually(lambda: live.hubbub.edge.feeds.by_id[hall].is_idle)
    await live.db.execute(INSERT, "ann", "hall", "nobody")
    await live.db.execute(INSERT, "ann", "general", "somebody")
    for client in (ann, bob):
        await client.wait_for("receive-message", lambda message: message["message"] == "somebody")
    said = [[message["message"] for message in client.got("receive-message")] for client in (ann, bob)]
    assert said == [["are we here?", "alone", "somebody"], ["are we here?", "somebody"]]


async def test_rooms_are_renamed_and_removed_by_sql(live: Running) -> None:
    ann, _ = await live.pair()
    general = await live.room_id()
    await live.db.execute("UPDATE rooms SET room_name = 'plaza' WHERE room_name = 'general'")
    assert (await ann.wait_for("room-updated"))["name"] == "plaza"
    assert (await ann.ok("send-message", {"room": "plaza", "message": "x"}))["roomId"] == general
    ann.clear()
    await live.db.execute("DELETE FROM rooms WHERE room_name = 'plaza'")
    heard = await ann.wait_for("room-updated")
    assert (heard["deleted"], heard["roomId"]) == (True, general)
    await ann.settle()
    assert live.hubbub.edge.feeds.by_id[UUID(general)].is_idle


async def test_a_message_of_an_application_is_live(live: Running) -> None:
    _, bob = await live.pair()
    first = await live.db.fetchrow("SELECT * FROM hubbub.post_message('general', 'ann', 'paid', 'order-7')")
    assert first["duplicate"] is False
    heard = await bob.wait_for("receive-message")
    assert (heard["message"], heard["clientId"]) == ("paid", "order-7")


async def test_nothing_that_the_server_writes_is_told_in_the_database(live: Running, database: str) -> None:
    """A NOTIFY in the transaction that writes would take a lock over all databases: most of the commit rate (D9)."""
    chat = live.chat
    async with told(database) as words, httpx.AsyncClient(base_url=f"{live.url}/api") as http:
        account = {"username": "ann", "email": "ann@example.org", "password": "correct horse battery"}
        answer = (await http.post("/auth/register", json=account)).json()
        login = {"username": "ann", "password": account["password"]}
        assert (await http.post("/auth/login", json=login)).status_code == 200
        assert (await http.post("/auth/refresh", json={"refreshToken": answer["refreshToken"]})).status_code == 200
        token = (await http.post("/auth/login", json=login)).json()["token"]
        as_ann = {"Authorization": f"Bearer {token}"}
        bob = await live.person("bob")
        ann_socket, bob_socket = await live.connect(auth={"token": token}), await live.connect(bob)
        await ann_socket.wait_for("ready")
        for client in (ann_socket, bob_socket):
            await client.ok("join", "general")
        sent = [await ann_socket.ok("send-message", {"message": str(n), "clientId": str(n)}) for n in range(3)]
        assert (await ann_socket.ok("send-message", {"message": "0", "clientId": "0"}))["duplicate"] is True
        await ann_socket.fails("send-message", {"message": "1", "clientId": "0"}, code="conflict")
        await ann_socket.ok("edit-message", {"id": sent[0]["id"], "message": "edited"})
        await ann_socket.ok("delete-message", {"id": sent[1]["id"]})
        await bob_socket.ok("message-delivered", {"messageId": sent[0]["id"]})
        await bob_socket.ok("message-read", {"messageId": sent[0]["id"]})
        await bob_socket.ok("mark-all-read", {"room": "general"})
        await bob_socket.ok("update-online-status", {"online": False})
        made = await http.post("/rooms", json={"name": "hall", "isPrivate": True}, headers=as_ann)
        assert made.status_code == 201
        posted = await http.post("/rooms/hall/messages", json={"message": "by REST"}, headers=as_ann)
        assert posted.status_code == 201
        changes = (
            ("POST", "/rooms/hall/members", {"userId": bob.id}),
            ("PATCH", "/rooms/hall", {"description": "new", "name": "court"}),
            ("DELETE", f"/rooms/court/members/{bob.id}", None),
            ("DELETE", "/rooms/court", None),
            ("PATCH", f"/users/{answer['user']['userId']}", {"displayName": "Anna"}),
        )
        for method, path, body in changes:
            done = await http.request(method, path, json=body, headers=as_ann)
            assert done.status_code < 300, (method, path, done.text)
        await bob_socket.ok("leave-room", {"room": "general"})
        await bob_socket.ok("join", "general")
        assert (await http.post("/auth/logout", headers=as_ann)).status_code == 200
        await accounts.delete_user(chat, bob.actor, bob.user_id, erase=True)
    assert words == []


async def test_every_way_of_plain_sql_is_told(live: Running, database: str) -> None:
    ann, bob = await live.people("ann", "bob")
    hall = await live.room("hall", ann)
    of_room = [f"room {hall}"]
    message = "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, 'x') RETURNING message_id"
    one = await live.db.fetchval(message, ann.user_id, hall)
    two = await live.db.fetchval(message, ann.user_id, hall)
    member = "SET is_active = %s WHERE room_id = $1 AND user_id = $2"
    number = await live.last_seq("hall")
    ways: list[tuple[str, tuple[object, ...], list[str]]] = [
        (message, (ann.user_id, hall), of_room),
        ("UPDATE messages SET message_text = 'y' WHERE message_id = $1", (one,), of_room),
        ("UPDATE messages SET is_deleted = true WHERE message_id = $1", (one,), of_room),
        ("INSERT INTO room_members (room_id, user_id) VALUES ($1, $2)", (hall, bob.user_id),
         [f"joined {hall} {bob.id} {number + 4}", *of_room]),
        ("INSERT INTO message_reads (message_id, user_id) VALUES ($1, $2)", (two, ann.user_id),
         [f"delivered {hall} {ann.id}", f"read {hall} {ann.id}"]),
        ("INSERT INTO message_reads (message_id, user_id) VALUES ($1, $2)", (one, ann.user_id), []),
        ("UPDATE room_members " + member % "false", (hall, bob.user_id), of_room),
        ("UPDATE room_members " + member % "true", (hall, bob.user_id),
         [f"joined {hall} {bob.id} {number + 6}", *of_room]),
        ("DELETE FROM room_members WHERE room_id = $1 AND user_id = $2", (hall, bob.user_id), of_room),
        ("DELETE FROM messages WHERE message_id = $1", (one,), of_room),
        ("UPDATE rooms SET description = 'd', is_private = true WHERE room_id = $1", (hall,), of_room),
        ("UPDATE rooms SET member_count = member_count WHERE room_id = $1", (hall,), []),
        ("UPDATE rooms SET deleted_at = now() WHERE room_id = $1", (hall,), of_room),
        ("DELETE FROM rooms WHERE room_id = $1", (hall,), of_room),
    ]  # fmt: skip
    for sql, values, expected in ways:
        async with told(database) as words:
            await live.db.execute(sql, *values)
        assert sorted(words) == sorted(expected), sql


async def test_the_line_is_opened_again_and_what_was_missed_is_looked_for(live: Running) -> None:
    _, bob = await live.pair()
    ear = live.hubbub.ear
    async with live.db.transaction():
        await live.db.execute(INSERT, "ann", "general", "while it is deaf")
        await live.db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'hubbub sql' AND datname = current_database()"
        )
        await eventually(lambda: not ear.hears)
    await bob.wait_for("receive-message", lambda message: message["message"] == "while it is deaf")
    await eventually(lambda: ear.hears)
    assert ear.stats.reconnects == 1
    await live.db.execute(INSERT, "ann", "general", "heard again")
    await bob.wait_for("receive-message", lambda message: message["message"] == "heard again")


async def test_nonsense_on_the_channel_is_passed_over(live: Running) -> None:
    _, bob = await live.pair()
    ear = live.hubbub.ear
    nobody = "00000000-0000-0000-0000-000000000000"
    nonsense = ("", "x", "room", "room x", f"room {nobody} {nobody}", f"joined {nobody} {nobody} one", "hello you")
    for payload in nonsense:
        await live.db.execute("SELECT pg_notify('hubbub_sql', $1)", payload)
    for payload in (f"room {nobody}", f"joined {nobody} {nobody} 1", f"read {nobody} {nobody}"):
        await live.db.execute("SELECT pg_notify('hubbub_sql', $1)", payload)
    await live.db.execute(INSERT, "ann", "general", "still heard")
    await bob.wait_for("receive-message")
    assert ear.stats.unreadable == len(nonsense) - 1


async def test_two_nodes_hear_for_themselves(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 3_600.0)
    async with running(database, tmp_path) as here, running(database, tmp_path, HUBBUB_BUS="postgres") as there:
        await eventually(lambda: here.hubbub.ear.hears and there.hubbub.ear.hears)
        people = await here.people("ann", "bob")
        await here.room("hall", *people)
        ann, bob = await here.connect(people[0]), await there.connect(people[1])
        await here.db.execute(INSERT, "ann", "hall", "to both")
        for client in (ann, bob):
            await client.wait_for("receive-message")
            await client.settle()
            assert len(client.got("receive-message")) == 1


async def test_what_an_operator_s_trigger_adds_is_live(live: Running, database: str) -> None:
    """A trigger that answers each message of a client: the message is the server's to tell, the answer is not."""
    ann, bob = await live.pair()
    await live.db.execute(
        """
        CREATE FUNCTION answer() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF new.message_text LIKE '%?' THEN
                INSERT INTO messages (user_id, room_id, message_text) VALUES (NULL, new.room_id, 'Yes.');
            END IF;
            RETURN NULL;
        END
        $$;
        CREATE TRIGGER answer AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION answer();
        """
    )
    general = await live.room_id()
    async with told(database) as words:
        await ann.ok("send-message", {"message": "Is it?"})
        await ann.ok("send-message", {"message": "It is."})
        await live.db.execute("INSERT INTO messages (room_id, message_text) VALUES ($1, 'Is it, by hand?')", general)
        await bob.wait_for("receive-message", lambda message: message["message"] == "Is it, by hand?")
    assert words == [f"room {general}"] * 2
    await eventually(lambda: len(bob.got("receive-message")) == 5)
    said = [message["message"] for message in bob.got("receive-message")]
    assert said == ["Is it?", "Yes.", "It is.", "Is it, by hand?", "Yes."]
