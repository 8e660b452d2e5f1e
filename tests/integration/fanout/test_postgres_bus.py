"""The `postgres` bus beyond its contract: what it costs, what is too large, what breaks, what overflows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from tests.support.bus import BusNode, change, postgres_bus
from tests.support.process import eventually, free_port

from hubbub.domain.changes import Reached, Revoked, StatusChanged
from hubbub.domain.events import UserStatusUpdate
from hubbub.fanout.line_bus import QUEUE_MAX

ROOM, ANN = UUID(int=1), UUID(int=2)


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[tuple[BusNode, BusNode]]:
    one, two = BusNode(postgres_bus(database)), BusNode(postgres_bus(database))
    for node in (one, two):
        await node.bus.start(node.heard.extend)
    for node in (one, two):
        await node.hears()
    yield one, two
    for node in (one, two):
        await node.bus.close()


async def test_what_is_published_in_one_turn_leaves_as_one_statement(nodes: tuple[BusNode, BusNode]) -> None:
    one, two = nodes
    hints = [change(number) for number in range(1, 1_001)]
    before = one.bus.stats.statements
    for hint in hints:
        one.bus.publish(hint)
    await eventually(lambda: len(two.heard) == len(hints))
    assert two.heard == hints
    assert one.heard == hints  # at home they are delivered once: the way round the database adds nothing
    await eventually(lambda: one.bus.stats.sent == len(hints))  # the statement's own answer may come last
    # A beat may fall into it.
    assert one.bus.stats.statements - before <= 2


async def test_who_sees_another_epoch_of_the_database_is_not_heard(nodes: tuple[BusNode, BusNode]) -> None:
    """The same numbers mean other messages there."""
    one, two = nodes
    one.bus.renew("b")
    await eventually(lambda: one.gaps == 2)  # its line has been opened anew
    one.bus.publish(change(1))
    await eventually(lambda: two.bus.stats.refused > 0)
    assert two.heard == []
    two.bus.renew("b")
    await eventually(lambda: two.gaps == 2)
    one.bus.publish(change(2))
    await eventually(lambda: two.heard == [change(2)])


async def test_what_waits_when_the_epoch_changes_is_told_to_nobody(nodes: tuple[BusNode, BusNode]) -> None:
    """Hints of the last moment of a primary stayed in the queue while it died, and were told as the new one's."""
    one, two = nodes
    one.bus.publish(change(1))
    for node in nodes:
        node.bus.renew("b")
    await eventually(lambda: [node.gaps for node in nodes] == [2, 2])
    one.bus.publish(change(2))
    await eventually(lambda: two.heard == one.heard == [change(2)])


async def test_a_change_too_large_for_a_payload_goes_as_a_pointer(nodes: tuple[BusNode, BusNode]) -> None:
    one, two = nodes
    hints = [change(1), change(2, "x" * 8_000), change(3, "\u00fc" * 3_600), change(4)]
    for hint in hints:
        one.bus.publish(hint)
    await eventually(lambda: len(two.heard) == 4)
    assert two.heard == [hints[0], Reached(room_id=ROOM, number=2), hints[2], hints[3]]


async def test_long_lists_go_in_pieces(nodes: tuple[BusNode, BusNode]) -> None:
    one, two = nodes
    ids = tuple(UUID(int=number) for number in range(1, 1_001))
    data = UserStatusUpdate(user_id=ANN, username="ann", display_name="Ann", online=True, last_seen=None)
    one.bus.publish(Revoked(session_ids=ids))
    one.bus.publish(StatusChanged(user_id=ANN, data=data, room_ids=ids))
    one.bus.publish(change(1))
    await eventually(lambda: change(1) in two.heard)
    assert [id_ for hint in two.heard if isinstance(hint, Revoked) for id_ in hint.session_ids] == list(ids)
    assert [id_ for hint in two.heard if isinstance(hint, StatusChanged) for id_ in hint.room_ids] == list(ids)
    assert one.bus.stats.lost == 0


async def test_a_line_that_is_cut_is_opened_again_and_the_gap_is_told(
    nodes: tuple[BusNode, BusNode], database: str
) -> None:
    one, two = nodes
    db = await asyncpg.connect(database)
    try:
        for times in range(1, 4):
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hubbub bus'"
            assert len(await db.fetch(cut)) == 2
            await eventually(lambda times=times: one.gaps == two.gaps == times + 1)  # one when it began
            await one.hears()
            await two.hears()
            one.bus.publish(change(times))
            await eventually(lambda times=times: change(times) in two.heard)
        assert one.bus.stats.reconnects == two.bus.stats.reconnects == 3
    finally:
        await db.close()


async def test_what_others_say_on_the_channel_is_counted_and_passed_over(
    nodes: tuple[BusNode, BusNode], database: str
) -> None:
    one, two = nodes
    db = await asyncpg.connect(database)
    try:
        for payload in ("", "x", "0" * 32, "0" * 32 + '[["newer", 1]]', "\u2713" * 2_000):
            await db.execute("SELECT pg_notify('hubbub', $1)", payload)
    finally:
        await db.close()
    one.bus.publish(change(1))
    await eventually(lambda: change(1) in two.heard)
    assert two.heard == [change(1)]
    assert two.bus.stats.refused == 5
    assert two.bus.stats.unreadable == 0


async def test_without_a_database_the_queue_is_bounded_and_the_process_says_it_is_deaf() -> None:
    node = BusNode(postgres_bus(f"postgresql://nobody@127.0.0.1:{free_port()}/none"))
    await node.bus.start(node.heard.extend)
    try:
        for number in range(1, QUEUE_MAX + 501):
            node.bus.publish(change(number))
            if number % 1_000 == 0:
                await asyncio.sleep(0)
        await eventually(lambda: len(node.heard) == QUEUE_MAX + 500)
        assert node.bus.stats.lost == 500
        assert node.bus.fault == "other processes cannot be heard"
    finally:
        await node.bus.close()
