"""`hubbub.post_message`: an application's message, in its own transaction, held to what a client is held to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.support.database import Databases
from tests.support.sqlchat import Chat

POST = "SELECT * FROM hubbub.post_message($1, $2, $3, $4)"


@pytest.fixture(params=["pg18", "pg15"])
async def dsn(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    databases: Databases = request.getfixturevalue(request.param)
    name = databases.clone()
    yield databases.cluster.dsn(name)
    databases.drop(name)


@pytest.fixture
async def chat(dsn: str) -> AsyncIterator[Chat]:
    chat = await Chat.open(dsn)
    ann, bob = await chat.user("ann"), await chat.user("bob")
    await chat.room("hall")
    for user in (ann, bob):
        await chat.run(
            "INSERT INTO room_members (room_id, user_id) SELECT room_id, $1 FROM rooms WHERE room_name = 'hall'", user
        )
    yield chat
    await chat.close()


async def test_a_message_takes_its_place_by_names_or_ids(chat: Chat) -> None:
    (by_name,) = await chat.fetch(POST, "hall", "ann", "one", None)
    room = await chat.value("SELECT room_id FROM rooms WHERE room_name = 'hall'")
    ann = await chat.value("SELECT user_id FROM users WHERE username = 'ann'")
    (by_id,) = await chat.fetch(POST, str(room), str(ann), "two", "c1")
    rows = await chat.fetch("SELECT message_id, seq, created_at, user_id, client_id FROM messages ORDER BY seq")
    assert rows == [(*by_name[:3], ann, None), (*by_id[:3], ann, "c1")]
    assert (by_name[1], by_id[1], by_name[3], by_id[3]) == (3, 4, False, False)
    await chat.check()


async def test_a_client_id_never_makes_a_second_message(chat: Chat) -> None:
    (first,) = await chat.fetch(POST, "hall", "ann", "paid", "order-7")
    await chat.run("UPDATE messages SET message_text = 'edited' WHERE client_id = 'order-7'")
    (again,) = await chat.fetch(POST, "hall", "ann", "paid", "order-7")
    assert again == (*first[:3], True)
    (other,) = await chat.fetch(POST, "hall", "bob", "paid", "order-7")
    assert other[3] is False, "client ids are each author's own"
    for room, text in (("hall", "other"), ("general", "paid")):
        with pytest.raises(asyncpg.UniqueViolationError, match="used for another message"):
            await chat.run(POST, room, "ann", text, "order-7")


async def test_what_a_client_may_not_an_application_may_not(chat: Chat) -> None:
    await chat.run("UPDATE hubbub.meta SET value = '20' WHERE key = 'max_message_bytes'")
    missing = asyncpg.NoDataFoundError
    for room, author, text, client_id, error in (
        ("nowhere", "ann", "x", None, missing),
        ("hall", "nobody", "x", None, missing),
        ("general", "ann", "x", None, missing),  # no member
        (None, "ann", "x", None, missing),
        ("hall", None, "x", None, missing),
        ("hall", "ann", None, None, asyncpg.InvalidParameterValueError),
        ("hall", "ann", "", None, asyncpg.InvalidParameterValueError),
        ("hall", "ann", " \t\r\n\u00a0\u3000\u2029", None, asyncpg.InvalidParameterValueError),
        ("hall", "ann", "x", "", asyncpg.InvalidParameterValueError),
        ("hall", "ann", "x", "a b", asyncpg.InvalidParameterValueError),
        ("hall", "ann", "x", "a\n", asyncpg.InvalidParameterValueError),
        ("hall", "ann", "x", "a" * 65, asyncpg.InvalidParameterValueError),
        ("hall", "ann", "\u20ac" * 7, None, asyncpg.StringDataRightTruncationError),
    ):
        with pytest.raises(error):
            await chat.run(POST, room, author, text, client_id)
    for sql in (
        "UPDATE users SET disabled_at = now() WHERE username = 'ann'",
        "UPDATE users SET deleted_at = now() WHERE username = 'bob'",
    ):
        await chat.run(sql)
    for author in ("ann", "bob"):
        with pytest.raises(missing):
            await chat.run(POST, "hall", author, "x", None)
    await chat.run("UPDATE users SET disabled_at = NULL; UPDATE rooms SET deleted_at = now() WHERE room_name = 'hall'")
    with pytest.raises(missing):
        await chat.run(POST, "hall", "ann", "x", None)
    assert await chat.value("SELECT count(*) FROM messages") == 0


async def test_it_stands_and_falls_with_the_application_s_transaction(chat: Chat, dsn: str) -> None:
    other = await Chat.open(dsn)
    transaction = chat.connection.transaction()
    await transaction.start()
    await chat.run(POST, "hall", "ann", "taken back", "c1")
    waiting = asyncio.create_task(other.fetch(POST, "hall", "bob", "kept", "c1"))
    await transaction.rollback()
    (kept,) = await waiting
    assert kept[1] == 3, "the place that was taken back is taken"
    async with chat.connection.transaction():
        await chat.run(POST, "hall", "ann", "one of two", "c1")
        await chat.run(
            "INSERT INTO messages (user_id, room_id, message_text) SELECT user_id, room_id, 'two' FROM messages"
        )
    await chat.check()
    await other.close()


async def test_a_role_may_be_allowed_this_and_nothing_else(chat: Chat, dsn: str) -> None:
    role = "shop_" + (await chat.value("SELECT current_database()"))
    await chat.run(f"CREATE ROLE {role} LOGIN")
    try:
        shop = await Chat.open(dsn.replace("//postgres@", f"//{role}@"))
        await chat.run(f"GRANT USAGE ON SCHEMA hubbub TO {role}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="post_message"):
            await shop.run(POST, "hall", "ann", "x", None)
        await chat.run(f"GRANT EXECUTE ON FUNCTION hubbub.post_message TO {role}")
        assert len(await shop.fetch(POST, "hall", "ann", "x", None)) == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="messages"):
            await shop.run("SELECT * FROM public.messages")
        await shop.close()
    finally:
        await chat.run(f"DROP OWNED BY {role}; DROP ROLE {role}")
