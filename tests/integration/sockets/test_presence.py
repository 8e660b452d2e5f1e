"""Presence on several nodes: leases, fencing, sweeping, and how often a room is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.support.process import eventually
from tests.support.server import Running, running

from hubbub.chat.access import find_room
from hubbub.domain import limits
from hubbub.domain.ids import new_id
from hubbub.errors import HubbubError
from hubbub.store import presence as store

LONG_AGO = float("-inf")


@pytest.fixture
async def nodes(database: str, tmp_path: Path) -> AsyncIterator[tuple[Running, Running]]:
    async with (
        running(database, tmp_path, HUBBUB_BUS="postgres") as here,
        running(database, tmp_path, HUBBUB_BUS="postgres") as there,
    ):
        yield here, there


async def stop_longer_than_its_lease(stopped: Running, other: Running) -> None:
    """As if one node had been stopped for a minute, and another had swept it."""
    stopped.chat.presence.lease._until = LONG_AGO
    await stopped.db.execute(
        "UPDATE hubbub.nodes SET lease_until = now() - interval '1 minute' WHERE node_id = $1",
        stopped.chat.presence.lease.node_id,
    )
    await other.chat.presence._sweep()


async def test_a_node_that_was_swept_accepts_nothing_and_comes_back_as_another(
    nodes: tuple[Running, Running],
) -> None:
    here, there = nodes
    ann = await here.person("ann")
    await here.room("hall", ann)
    client = await here.connect(ann)
    before = here.chat.presence.lease.node_id
    await stop_longer_than_its_lease(here, there)
    assert await here.db.fetchval("SELECT count(*) FROM active_sessions") == 0
    sending = asyncio.create_task(client.call("send-message", {"room": "hall", "message": "from the past"}))
    await client.gone()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert await here.db.fetchval("SELECT count(*) FROM messages") == 0
    assert here.chat.presence.lease.node_id != before
    assert here.chat.presence.lease.fenced == 1
    again = await here.connect(ann)
    await again.ok("send-message", {"room": "hall", "message": "from now"})
    # The one writer has come to this one, so that what it had in hand before is settled.
    assert [row["message_text"] for row in await here.db.fetch("SELECT message_text FROM messages")] == ["from now"]

    async def has_row_of_the_new_node() -> bool:
        found = await here.db.fetchval("SELECT node_id FROM active_sessions")
        return found == here.chat.presence.lease.node_id

    await eventually(has_row_of_the_new_node)


async def test_who_comes_back_while_it_is_written_that_they_came(
    nodes: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their first coming left no row; the second has none yet when the database is asked about the first."""
    here, _ = nodes
    ann = await here.person("ann")
    presence = here.chat.presence
    ask, second = store.now_online, []

    async def asked(conn: Any, user_ids: Any) -> Any:
        found = await ask(conn, user_ids)
        if not second:
            second.append(presence.opened(ann.actor, "second"))
        return found

    monkeypatch.setattr(store, "now_online", asked)
    presence.closed(presence.opened(ann.actor, "first"))

    async def is_online() -> bool:
        return bool(await here.db.fetchval("SELECT status = 'online' FROM users WHERE user_id = $1", ann.user_id))

    await eventually(is_online)
    presence.closed(second[0])


async def test_a_fenced_node_answers_rest_with_something_to_retry_and_then_works(
    nodes: tuple[Running, Running],
) -> None:
    here, there = nodes
    ann = await here.person("ann")
    await stop_longer_than_its_lease(here, there)
    async with httpx.AsyncClient(base_url=here.url, headers={"Authorization": f"Bearer {ann.token}"}) as http:
        first, second = [await http.get("/api/rooms") for _ in range(2)]
    assert (first.status_code, first.json()["code"], first.json()["retryable"]) == (503, "unavailable", True)
    assert second.status_code == 200


async def test_a_lease_that_ran_out_goes_on_where_nobody_swept_it(nodes: tuple[Running, Running]) -> None:
    here, _ = nodes
    ann = await here.person("ann")
    await here.room("hall", ann)
    client = await here.connect(ann)
    lease = here.chat.presence.lease
    before = lease.node_id
    assert lease.may_judge
    lease._until = LONG_AGO
    await client.ok("send-message", {"room": "hall", "message": "late, but here"})
    await client.wait_for("receive-message")
    assert (lease.node_id, lease.fenced, lease.holds) == (before, 0, True)
    assert not lease.may_judge  # others may have been kept from renewing by the same


async def test_reads_go_on_where_the_lease_can_be_seen_but_not_renewed(nodes: tuple[Running, Running]) -> None:
    """As with a full disk. Once another has swept it, there is nothing to be seen."""
    here, _ = nodes
    ann = await here.person("ann")
    await here.room("hall", ann)
    await here.db.execute(
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$"
    )
    await here.db.execute(
        "CREATE TRIGGER no_space BEFORE INSERT OR UPDATE ON hubbub.nodes FOR EACH ROW EXECUTE FUNCTION no_space()"
    )
    here.chat.presence.lease._until = LONG_AGO
    before = here.chat.presence.lease.node_id
    assert await find_room(here.chat, ann.actor, "hall")
    await here.db.execute("DELETE FROM hubbub.nodes WHERE node_id = $1", before)
    here.chat.presence.lease._seen_until = LONG_AGO
    for _ in range(2):
        with pytest.raises(HubbubError, match="unknown"):
            await find_room(here.chat, ann.actor, "hall")
    await here.db.execute("DROP TRIGGER no_space ON hubbub.nodes")
    with pytest.raises(HubbubError, match="unknown"):
        await find_room(here.chat, ann.actor, "hall")
    assert await find_room(here.chat, ann.actor, "hall")
    assert here.chat.presence.lease.node_id != before


async def test_no_hint_is_believed_while_the_lease_has_run_out(nodes: tuple[Running, Running]) -> None:
    """What it brings may have been revoked meanwhile; the look tells it once the lease has been renewed."""
    here, there = nodes
    people = await here.people("ann", "bob")
    await here.room("hall", *people)
    ann, bob = await here.connect(people[0]), await there.connect(people[1])
    here.chat.presence.lease._until = LONG_AGO
    accepted = here.hubbub.edge.feeds.stats.accepted
    await bob.ok("send-message", {"room": "hall", "message": "x"})
    await ann.wait_for("receive-message")
    assert here.hubbub.edge.feeds.stats.accepted == accepted
    assert here.hubbub.edge.feeds.stats.repairs >= 1


async def test_what_a_dead_node_left_is_swept_and_told(nodes: tuple[Running, Running]) -> None:
    here, there = nodes
    people = await here.people("ann", "bob")
    await here.room("hall", *people)
    ann = await here.connect(people[0])
    dead = new_id()
    await here.db.execute("INSERT INTO hubbub.nodes (node_id, lease_until) VALUES ($1, now() - interval '1 s')", dead)
    await here.db.execute("INSERT INTO active_sessions (user_id, node_id) VALUES ($1, $2)", people[1].user_id, dead)
    await here.db.execute(
        "UPDATE users SET status = 'online', last_seen = now() - interval '1 minute' WHERE username = 'bob'"
    )
    await asyncio.gather(here.chat.presence._sweep(), there.chat.presence._sweep())
    gone = await ann.wait_for("user-status-update", lambda one: one["userId"] == people[1].id)
    assert gone["online"] is False
    assert await here.db.fetchval("SELECT count(*) FROM hubbub.nodes") == 2
    await ann.settle()
    assert len([one for one in ann.got("user-status-update") if one["userId"] == people[1].id]) == 1


async def test_a_node_that_renews_at_the_last_moment_is_not_swept(nodes: tuple[Running, Running]) -> None:
    here, there = nodes
    ann = await here.person("ann")
    await here.connect(ann)
    node_id = here.chat.presence.lease.node_id

    async def has_row() -> bool:
        return await here.db.fetchval("SELECT count(*) FROM active_sessions WHERE node_id = $1", node_id) == 1

    await eventually(has_row)
    await here.db.execute("UPDATE hubbub.nodes SET lease_until = now() - interval '1 s' WHERE node_id = $1", node_id)
    async with here.db.transaction():
        await here.db.execute(
            "UPDATE hubbub.nodes SET lease_until = now() + interval '1 h' WHERE node_id = $1", node_id
        )
        sweeping = asyncio.create_task(there.chat.presence._sweep())

        async def waits() -> bool:
            return bool(await here.db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await eventually(waits)
    await sweeping
    assert await here.db.fetchval("SELECT count(*) FROM hubbub.nodes") == 2
    assert await has_row()


async def test_people_of_a_node_that_ends_in_order_are_told_by_the_others(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path, HUBBUB_BUS="postgres") as there:
        there.chat.presence.offline_seconds = 0.5
        ann, bob, eve = await there.people("ann", "bob", "eve")
        await there.room("hall", ann, bob, eve)
        witness = await there.connect(ann)
        async with running(database, tmp_path, HUBBUB_BUS="postgres") as here:
            for person in (bob, eve):
                await here.connect(person)
                await witness.wait_for("user-status-update", lambda one, id=person.id: one["userId"] == id)  # type: ignore[misc]
            witness.clear()
        back = await there.connect(eve)
        for _ in range(2):  # the sweep that comes every few seconds
            await asyncio.sleep(0.6)  # time itself: the debounce has passed
            await there.chat.presence._sweep()
        gone = await witness.wait_for("user-status-update", lambda one: not one["online"])
        assert gone["userId"] == bob.id
        await back.settle()
        await witness.settle()
        assert {one["userId"] for one in witness.got("user-status-update")} == {bob.id}  # eve's change was no news


async def test_the_last_node_leaves_nobody_on_line(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as here:
        ann = await here.person("ann")
        await here.connect(ann)

        async def online() -> bool:
            return await here.db.fetchval("SELECT status FROM users WHERE username = 'ann'") == "online"

        await eventually(online)
    db = await asyncpg.connect(database)
    try:
        assert await db.fetchval("SELECT status FROM users WHERE username = 'ann'") == "offline"
        for table in ("active_sessions", "hubbub.nodes"):
            assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0
    finally:
        await db.close()


async def test_who_flaps_between_nodes_is_no_news(nodes: tuple[Running, Running]) -> None:
    people = await nodes[0].people("ann", "bob")
    await nodes[0].room("hall", *people)
    witness = await nodes[0].connect(people[0])
    for n in range(30):
        flapping = await nodes[n % 2].connect(people[1])
        await flapping.close()
    await witness.wait_for("user-status-update", lambda one: one["userId"] == people[1].id)
    for node in nodes:
        node.chat.presence._gone = dict.fromkeys(node.chat.presence._gone, 0.0)
        await node.chat.presence._flush_gone(1.0)  # as if their time had come
        await node.chat.presence._sweep()
    await witness.settle()
    assert [one["online"] for one in witness.got("user-status-update") if one["userId"] == people[1].id] == [True]


async def test_a_room_hears_the_latest_of_each_once_a_second(nodes: tuple[Running, Running]) -> None:
    here, _ = nodes
    crowd = await here.people(*(f"person{n}" for n in range(12)))
    await here.room("hall", *crowd)
    witness, *others = [await here.connect(person) for person in crowd]
    for person in crowd[1:]:
        await witness.wait_for("user-status-update", lambda one, id=person.id: one["userId"] == id)  # type: ignore[misc]
    witness.clear()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for online in (False, True, False, True, False):
        await asyncio.gather(*(client.ok("update-online-status", {"online": online}) for client in others))
    for person in crowd[1:]:
        await witness.wait_for("user-status-update", lambda one, id=person.id: _is_off(one, id))  # type: ignore[misc]
    await witness.settle()
    told = [one for one in witness.got("user-status-update") if one["userId"] == crowd[1].id]
    assert len(told) <= loop.time() - began + 1


def _is_off(one: dict[str, Any], user_id: str) -> bool:
    return one["userId"] == user_id and not one["online"]


async def test_a_crowd_is_counted(nodes: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NAMED_PEOPLE_MAX", 2)
    monkeypatch.setattr(limits, "PRESENCE_MEMBERS_MAX", 2)
    here, there = nodes
    crowd = await here.people("ann", "bob", "eve")
    room_id = await here.room("hall", *crowd)
    witness = await here.connect(crowd[0])
    bob = await there.connect(crowd[1])
    await witness.wait_for("room-users", lambda people: len(people) == 2)
    await there.connect(crowd[2])
    counted = await witness.wait_for("room-online")
    assert counted == {"room": "hall", "roomId": str(room_id), "online": 3}
    assert {one["userId"] for one in witness.got("user-status-update")} <= {crowd[0].id}
    await bob.ok("join", "hall")
    assert (await bob.wait_for("room-online"))["online"] == 3
