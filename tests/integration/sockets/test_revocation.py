"""Who may hear a room no longer hears nothing more within a second, on whichever node, whether or not a hint tells it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from msgspec import UNSET
from tests.support.client import Client
from tests.support.people import Person
from tests.support.process import eventually
from tests.support.server import Running, running

from hubbub.chat.accounts import delete_user, update_user
from hubbub.chat.members import leave_room, remove_member
from hubbub.chat.rooms import delete_room
from hubbub.chat.sign_in import sign_out
from hubbub.domain.commands import UpdateUser
from hubbub.sockets.connect import listen

PROMISED = 1.0  # seconds; held to that by campaign C17
NOISE = 10.0  # what a busy machine may add


@dataclass
class Case:
    """Somebody in a room of its own, which `maker` made."""

    room: str
    room_id: UUID
    maker: Person
    victim: Person


Act = Callable[[Running, Case], Awaitable[object]]


def sql(statement: str) -> Act:
    """By plain SQL; `$1` is the victim, `$2` the room."""

    async def act(node: Running, case: Case) -> None:
        statement_ = f"WITH c AS (SELECT $1::uuid AS victim, $2::uuid AS room) {statement}"
        async with node.chat.database.connection() as conn:
            await conn.execute(statement_, case.victim.user_id, case.room_id)

    return act


def new_password(node: Running, case: Case) -> Awaitable[object]:
    admin = case.maker.actor
    admin.role = "admin"
    command = UpdateUser(new_password="another password", display_name=UNSET)
    return update_user(node.chat, admin, case.victim.user_id, command)


# How somebody comes to be one who may not hear; and whether their sockets are closed by it, or only leave the room.
KINDS: dict[str, tuple[Act, bool]] = {
    "leaves": (lambda node, case: leave_room(node.chat, case.victim.actor, case.room), False),
    "is-removed": (
        lambda node, case: remove_member(node.chat, case.maker.actor, case.room, case.victim.user_id),
        False,
    ),
    "sql-member-update": (
        sql("UPDATE room_members SET is_active = false FROM c WHERE user_id = victim AND room_id = room"),
        False,
    ),
    "sql-member-delete": (sql("DELETE FROM room_members USING c WHERE user_id = victim AND room_id = room"), False),
    "room-deleted": (lambda node, case: delete_room(node.chat, case.maker.actor, case.room), False),
    "sql-room-delete": (sql("DELETE FROM rooms USING c WHERE room_id = room"), False),
    "signs-out": (lambda node, case: sign_out(node.chat, case.victim.actor), True),
    "new-password": (new_password, True),
    "account-deleted": (
        lambda node, case: delete_user(node.chat, case.victim.actor, case.victim.user_id, erase=False),
        True,
    ),
    "sql-disabled": (sql("UPDATE users SET disabled_at = now() FROM c WHERE user_id = victim"), True),
    "sql-user-delete": (sql("DELETE FROM users USING c WHERE user_id = victim"), True),
    "sql-session-revoked": (
        sql("UPDATE hubbub.auth_sessions SET revoked_at = now() FROM c WHERE user_id = victim"),
        True,
    ),
}


@pytest.fixture
async def nodes(
    request: pytest.FixtureRequest, database: str, tmp_path: Path
) -> AsyncIterator[tuple[Running, Running]]:
    """The node where it is done, and the one that holds the sockets.

    Two nodes with a bus of their own each do not hear each other: every hint between them is lost.
    """
    bus = {"other node": "postgres", "hint lost": "local"}.get(request.param)
    if bus is None:
        async with running(database, tmp_path) as one:
            yield one, one
        return
    async with (
        running(database, tmp_path, HUBBUB_BUS=bus) as here,
        running(database, tmp_path, HUBBUB_BUS=bus) as there,
    ):
        yield here, there


@pytest.mark.parametrize("nodes", ["same node", "other node", "hint lost"], indirect=True)
@pytest.mark.timeout(120)
async def test_whoever_may_hear_no_more_hears_no_more(nodes: tuple[Running, Running]) -> None:
    acting, holding = nodes
    cases: dict[str, Case] = {}
    for kind in KINDS:
        name = kind.replace("-", "_")
        maker, victim = await acting.people(f"maker_{name}", f"victim_{name}")
        room_id = await acting.room(kind, maker, victim, private=True, by=maker)
        cases[kind] = Case(kind, room_id, maker, victim)
    await asyncio.gather(
        *(
            check(kind, case, acting, holding, ("websocket", "polling")[number % 2])
            for number, (kind, case) in enumerate(cases.items())
        )
    )


async def check(kind: str, case: Case, acting: Running, holding: Running, transport: str) -> None:
    act, closes = KINDS[kind]
    speaker = await acting.connect(case.maker)
    client = Client(holding.url, transports=(transport,))
    holding.clients.append(client)
    await client.connect({"token": case.victim.token})
    await client.wait_for("ready")
    await speaker.ok("send-message", {"room": kind, "message": "for all"})
    await client.wait_for("receive-message")
    (ready,) = client.got("ready")
    await act(acting, case)

    def hears() -> bool:
        feed = holding.hubbub.edge.feeds.by_id.get(case.room_id)
        actors = [socket.data.actor for socket in feed.everyone()] if feed is not None else []
        return any(actor is not None and actor.user_id == case.victim.user_id for actor in actors)

    await eventually(lambda: not hears(), timeout=PROMISED + NOISE)
    with contextlib.suppress(AssertionError):  # where the room is gone nobody can
        await speaker.ok("send-message", {"room": kind, "message": "secret"})
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {case.victim.token}"}) as http:
        answer = await http.get(f"{holding.url}/api/rooms/{kind}/messages")
    assert answer.status_code == (401 if closes else 404), (kind, answer.text)
    if closes:
        await client.gone()
    else:
        synced = await client.ok("sync", {"epoch": ready["epoch"], "rooms": {str(case.room_id): 0}})
        assert synced["rooms"] == {}, kind
        await client.fails("send-message", {"room": kind, "message": "from outside"}, code="not_found")
        await client.fails("typing", {"room": kind, "isTyping": True}, code="not_found")
        await client.settle()
    assert [one["message"] for one in client.got("receive-message")] == ["for all"], kind


@pytest.mark.parametrize("nodes", ["same node"], indirect=True)
async def test_a_membership_removed_for_good_just_before_the_socket_listens(nodes: tuple[Running, Running]) -> None:
    """Its room's change tells everybody, and names nobody: who comes from before it is looked up."""
    node, _ = nodes
    ann, bob = await node.people("ann", "bob")
    room_id = await node.room("hall", ann, bob, private=True)
    await node.connect(ann)
    client = await node.connect(bob)
    await client.ok("join", "hall")
    await client.ok("leave-room", "hall")
    before = await node.last_seq("hall")
    await node.db.execute("DELETE FROM room_members WHERE user_id = $1", bob.user_id)
    feed = node.hubbub.edge.feeds.by_id[room_id]
    await eventually(lambda: feed.position is not None and feed.position > before)
    (seat,) = node.hubbub.edge.seats.by_user[bob.user_id]
    await listen(node.hubbub.edge, seat, room_id, "hall", before)
    assert room_id not in seat.rooms
    assert len(list(feed.everyone())) == 1


@pytest.mark.parametrize("nodes", ["same node"], indirect=True)
async def test_an_administrator_no_more_is_none_on_open_sockets_either(nodes: tuple[Running, Running]) -> None:
    node, _ = nodes
    ann, chief = await node.person("ann"), await node.person("chief", role="admin")
    await node.room("hall", ann, chief, by=ann)
    writer, judge = await node.connect(ann), await node.connect(chief)
    sent = [await writer.ok("send-message", {"room": "hall", "message": str(n)}) for n in range(2)]
    await judge.ok("delete-message", {"id": sent[0]["id"]})
    await node.db.execute("UPDATE users SET role = 'user' WHERE user_id = $1", chief.user_id)
    (seat,) = node.hubbub.edge.seats.by_user[chief.user_id]
    await eventually(lambda: seat.actor is not None and seat.actor.role == "user", timeout=PROMISED + NOISE)
    await judge.fails("delete-message", {"id": sent[1]["id"]}, code="forbidden")
