"""Coming in: tokens of every kind, older clients, guests, `ready`, and what may be done before signing in."""

from __future__ import annotations

import gc

import jwt
import pytest
import socketio
from tests.support.client import Client
from tests.support.people import SECRET, sign_in_again
from tests.support.process import eventually
from tests.support.server import Running

from hubbub.chat.tokens import Tokens
from hubbub.domain import limits


async def refused(server: Running, auth: object) -> dict[str, object]:
    client = server.client()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(auth)
    data: dict[str, object] = client.refused
    return data


async def test_ready_says_who_and_which_rooms(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    tech = await server.room("engineering", ann, bob)
    await server.db.execute(
        "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, 'one'), ($1, $2, 'two')",
        bob.user_id,
        tech,
    )
    client = await server.connect(ann)
    ready = await client.wait_for("ready")
    assert (ready["user"]["userId"], ready["user"]["email"]) == (ann.id, "ann@example.org")
    assert ready["epoch"] == server.chat.database.epoch.told
    (room,) = ready["rooms"]
    assert (room["roomId"], room["room"], room["unread"]) == (str(tech), "engineering", 2)
    assert room["seq"] == await server.last_seq("engineering")
    assert room["readSeq"] < room["seq"]
    assert client.events[0][0] == "ready"


async def test_the_rooms_of_ready_are_subscribed(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.room("engineering", ann, bob)
    first, second = await server.connect(ann), await server.connect(bob)
    ack = await first.ok("send-message", {"message": "hello", "room": "engineering"})
    heard = await second.wait_for("receive-message")
    assert (heard["id"], heard["message"], heard["username"]) == (ack["id"], "hello", "ann")
    assert await first.wait_for("receive-message") == heard


async def test_a_bearer_prefix_is_taken(server: Running) -> None:
    ann = await server.person("ann")
    client = await server.connect(auth={"token": f"Bearer {ann.token}"})
    assert (await client.wait_for("ready"))["user"]["userId"] == ann.id


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", 5, {"a": 1}, ["x"], "x" * 5_000, True])
async def test_a_bad_token_is_refused_with_data(server: Running, token: object) -> None:
    data = await refused(server, {"token": token})
    assert isinstance(data["message"], str)
    assert data["data"]["code"] == "unauthorized"  # type: ignore[index]
    assert server.hubbub.edge.seats.by_session == {}


async def test_an_expired_token_is_refused_as_such(server: Running) -> None:
    ann = await server.person("ann", expires_in=-1)
    data = await refused(server, {"token": ann.token})
    assert data["data"]["code"] == "token_expired"  # type: ignore[index]
    assert data["data"]["success"] is False  # type: ignore[index]


async def test_tokens_of_others_are_refused(server: Running) -> None:
    ann = await server.person("ann")
    good = jwt.decode(ann.token, SECRET, algorithms=["HS256"], audience="hubbub")
    forged = [
        Tokens("another key, of 32 characters or more", 900).issue(ann.user_id, ann.session_id),
        Tokens(SECRET, 900).issue(ann.session_id, ann.user_id),  # no such session
        jwt.encode(good, "", algorithm="none"),
        jwt.encode(good, SECRET, algorithm="HS256"),  # no `typ: access`
        jwt.encode({**good, "aud": "other"}, SECRET, algorithm="HS256", headers={"typ": "access"}),
        jwt.encode({**good, "sub": "not an id"}, SECRET, algorithm="HS256", headers={"typ": "access"}),
    ]
    for token in forged:
        assert (await refused(server, {"token": token}))["data"]["code"] == "unauthorized"  # type: ignore[index]


async def test_a_token_whose_session_ended_or_whose_account_is_disabled_is_refused(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.db.execute("UPDATE hubbub.auth_sessions SET revoked_at = now() WHERE user_id = $1", ann.user_id)
    await server.db.execute("UPDATE users SET disabled_at = now() WHERE user_id = $1", bob.user_id)
    for person in (ann, bob):
        assert (await refused(server, {"token": person.token}))["data"]["code"] == "unauthorized"  # type: ignore[index]


async def test_without_a_token_nothing_can_be_done(server: Running) -> None:
    client = await server.connect()
    commands = {
        "send-message": {"message": "x", "room": "general"},
        "edit-message": {"id": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "message": "x"},
        "delete-message": {"id": "0" * 8 + "-0000-0000-0000-" + "0" * 12},
        "message-read": {"messageId": "0" * 8 + "-0000-0000-0000-" + "0" * 12},
        "message-delivered": {"messageId": "0" * 8 + "-0000-0000-0000-" + "0" * 12},
        "mark-all-read": {"room": "general"},
        "leave-room": {"room": "general"},
        "typing": True,
        "update-online-status": {"online": True},
        "sync": {"epoch": "x", "rooms": {}},
        "authenticate": {"token": "x"},
    }
    for event, data in commands.items():
        await client.fails(event, data, code="unauthorized")
    assert {name for name, _ in client.events} == set()
    await client.fails("join", {"room": "general"}, code="unauthorized")
    assert (await client.wait_for("error"))["code"] == "unauthorized"


@pytest.mark.parametrize("auth", [None, {}, {"token": None}, {"token": ""}, {"pid": "x", "offset": "y"}])
async def test_an_older_client_signs_in_with_join(server: Running, auth: object) -> None:
    ann = await server.person("ann")
    client = await server.connect(auth=auth)
    ack = await client.ok("join", {"room": "general", "token": ann.token, "username": "ann", "userId": ann.id})
    assert ack["room"] == "general"
    names = [name for name, _ in client.events]
    assert names.index("ready") < names.index("message-history")
    assert (await client.wait_for("ready"))["user"]["userId"] == ann.id
    await client.ok("send-message", {"message": "I am in"})
    assert (await client.wait_for("receive-message"))["userId"] == ann.id


async def test_an_older_client_with_a_bad_token_may_try_again(server: Running) -> None:
    ann = await server.person("ann")
    client = await server.connect()
    await client.fails("join", {"room": "general", "token": "nonsense"}, code="unauthorized")
    assert (await client.wait_for("error"))["message"]
    await client.ok("join", {"room": "general", "token": ann.token})


async def test_who_sends_no_token_in_time_is_closed(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LEGACY_JOIN_SECONDS", 0.2)
    ann = await server.person("ann")
    idle, older = await server.connect(), await server.connect()
    await older.ok("join", {"room": "general", "token": ann.token})
    await idle.gone()
    assert not older.ended.is_set()
    await older.ok("typing", False)


async def test_guests_are_not_let_in_unless_allowed(server: Running) -> None:
    client = await server.connect()
    await client.fails("join", {"room": "general", "username": "visitor"}, code="unauthorized")


@pytest.mark.parametrize("env", [{"HUBBUB_ALLOW_GUESTS": "true"}], indirect=True)
async def test_guests_join_public_rooms_where_allowed(server: Running) -> None:
    ann = await server.person("ann")
    await server.room("secret", ann, private=True)
    guest = await server.connect()
    await guest.fails("send-message", {"message": "x", "room": "general"}, code="unauthorized")
    await guest.ok("join", {"room": "general", "username": "Visitor"})
    await guest.ok("send-message", {"message": "hello"})
    heard = await guest.wait_for("receive-message")
    assert (heard["displayName"], heard["username"].startswith("guest-")) == ("Visitor", True)
    await guest.fails("join", "secret", code="not_found")
    nameless = await server.connect()
    await nameless.ok("join", "general")
    assert (await nameless.wait_for("ready"))["user"]["displayName"].startswith("Guest ")
    deceptive = await server.connect()
    await deceptive.fails("join", {"room": "general", "username": "a\u202eb"}, code="validation_failed")


async def test_a_connection_that_is_refused_leaves_nothing(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where it is refused after the socket had been seated."""
    ann = await server.person("ann")
    await server.room("engineering", ann)
    monkeypatch.setattr(server.hubbub.edge.feeds, "attach", lambda *_: False)
    client = server.client()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect({"token": ann.token}, timeout=0.5)
    await eventually(lambda: not server.hubbub.edge.seats.by_session and not server.hubbub.edge.seats.by_user)

    async def no_row() -> bool:
        return not await server.db.fetchval("SELECT count(*) FROM active_sessions")

    await eventually(no_row)
    assert all(feed.is_idle for feed in server.hubbub.edge.feeds.by_id.values())


async def test_bad_events_are_answered_and_the_socket_lives_on(server: Running) -> None:
    ann, _ = await server.pair()
    await ann.fails("nonsense", {"a": 1}, code="unknown_event")
    await ann.fails("__proto__", code="unknown_event")
    for data in (None, 5, "text", [], {"message": 5}, {"message": None}, {}, {"message": ""}, {"text": "x"}):
        await ann.fails("send-message", data, code="validation_failed")
    for message in (" \n\t", "a\0b"):
        await ann.fails("send-message", {"message": message}, code="validation_failed")
    fields = (await ann.fails("send-message", {"message": 5}, code="validation_failed"))["fields"]
    assert list(fields) == ["message"]
    for client_id in ("", "x" * 65, "spaces are not printable ASCII", "ü", "a\n", 5):
        await ann.fails("send-message", {"message": "x", "clientId": client_id}, code="validation_failed")
    await ann.fails("send-message", {"message": "x", "replyTo": "no id"}, code="validation_failed")
    await ann.fails("send-message", {"message": "é" * 8_193}, code="too_large")
    await ann.fails("edit-message", {"id": "no id", "message": "x"}, code="validation_failed")
    await ann.fails("message-read", {"messageId": 5}, code="validation_failed")
    await ann.fails("typing", {"isTyping": "yes"}, code="validation_failed")
    await ann.fails("typing", "yes", code="validation_failed")
    await ann.fails("join", {"room": ""}, code="validation_failed")
    await ann.fails("join", {}, code="validation_failed")
    await ann.fails("update-online-status", {"online": 1}, code="validation_failed")
    await ann.fails("sync", "{not json", code="bad_request")
    await ann.fails("sync", "[" * 100_000 + "]" * 100_000, code="bad_request")
    await ann.fails("sync", {"epoch": "x", "rooms": {"general": 1}}, code="validation_failed")
    await ann.fails("sync", {"epoch": "x", "rooms": {await server.room_id(): -1}}, code="validation_failed")
    await ann.ok("send-message", {"message": "é" * 8_192})


# The client leaves the answers to its POSTs unread, and the connection under one to the garbage collector.
@pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")
async def test_polling_does_as_well(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    slow = Client(server.url, transports=("polling",))
    server.clients.append(slow)
    await slow.connect({"token": ann.token})
    await slow.ok("join", "general")
    quick = await server.connect(bob)
    await quick.ok("join", "general")
    ack = await quick.ok("send-message", {"message": "hello"})
    assert (await slow.wait_for("receive-message"))["id"] == ack["id"]
    await slow.close()
    gc.collect()


async def test_a_fresh_token_keeps_a_socket_alive(server: Running) -> None:
    ann = await server.person("ann", expires_in=2)
    other = await server.person("bob")
    client = await server.connect(ann)
    await client.fails("authenticate", {"token": other.token}, code="forbidden")
    await client.fails("authenticate", {"token": "nonsense"}, code="unauthorized")
    again = await sign_in_again(server.db, ann)
    await client.fails("authenticate", {"token": again.token}, code="forbidden")
    fresh = Tokens(SECRET, 900).issue(ann.user_id, ann.session_id)
    assert (await client.ok("authenticate", {"token": fresh}))["expiresIn"] in (899, 900)
    (seat,) = server.hubbub.edge.seats.by_session[ann.session_id]
    assert seat.actor is not None
    assert seat.actor.expires_at == Tokens(SECRET, 900).verify(fresh).expires_at


async def test_one_account_has_so_many_sockets_and_no_more(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOCKETS_PER_ACCOUNT", 2)
    ann, bob = await server.people("ann", "bob")
    first, second = await server.connect(ann), await server.connect(ann)
    answer = await refused(server, {"token": ann.token})
    assert answer["data"]["code"] == "too_large"  # type: ignore[index]
    older = await server.connect()
    assert (await older.call("join", {"room": "general", "token": ann.token}))["code"] == "too_large"
    await server.connect(bob)
    await first.close()
    await eventually(lambda: len(server.hubbub.edge.seats.by_user[ann.user_id]) == 1)
    await server.connect(ann)
    await second.ok("join", {"room": "general"})
