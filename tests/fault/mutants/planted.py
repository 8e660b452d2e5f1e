"""The planted bugs of C0: fourteen ways in which chats were wrong, each done to Hubbub from outside, in a node's process
or in its database. Nothing in `src/` knows of them. Each says by which invariant it is to be found, and under which probe
(`probes.py`). (reliability.md, C0; the bugs are those of section 1 and of D1 to D18.)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from hubbub import app
from hubbub.chat import sync as chat_sync
from hubbub.domain.ids import now_utc
from hubbub.domain.model import Actor
from hubbub.fanout.feeds import Feeds
from hubbub.fanout.local import LocalBus
from hubbub.fanout.sequencer import RoomFeed
from hubbub.realtime import broadcast, encode_event_json
from hubbub.sockets import connect, delivery, events, rooms
from hubbub.store import presence, receipts
from hubbub.store.journal import Journal, Stored
from hubbub.wire import socketio_packet


@dataclass(frozen=True)
class Mutant:
    """A planted bug.

    Attributes:
        caught_by: the invariants of which one at least is to be violated.
        probe: what is done while it runs.
        plant: puts it into this process, before the server starts.
        sql: or into its database, once the rooms are there.
        nodes: how many it takes to show.
        quick: it is part of the short run.
    """

    name: str
    caught_by: tuple[str, ...]
    probe: str
    plant: Callable[[], None]
    sql: str = ""
    nodes: int = 1
    quick: bool = False


MUTANTS: Final[dict[str, Mutant]] = {}


def mutant(name: str, *caught_by: str, probe: str, **more: Any) -> Callable[[Callable[[], None]], None]:
    """Register what plants a bug."""

    def register(plant: Callable[[], None]) -> None:
        MUTANTS[name] = Mutant(name, caught_by, probe, plant, **more)

    return register


@mutant("acknowledged before the commit", "I7", probe="talk", quick=True)
def _ack_before_commit() -> None:
    """Senders are told the place that their messages will probably have, a moment before they are stored."""
    commit = Journal._commit

    async def early(self: Journal, batch: list[Any]) -> None:
        async with self.database.connection() as conn:
            rows = await conn.fetch(
                "SELECT room_id, last_seq FROM rooms WHERE room_id = ANY ($1::uuid[])", [row.room_id for row in batch]
            )
        places = {row["room_id"]: itertools.count(row["last_seq"] + 1) for row in rows}
        for row in batch:
            place = next(places[row.room_id])
            stored = Stored(row.message_id, place, place, now_utc(), False)
            row.done.set_result(stored if row.answer is None else row.answer(stored))
        await asyncio.sleep(0.3)
        await commit(self, batch)

    Journal._commit = early  # type: ignore[method-assign]


@mutant(
    "numbers from a sequence, without the room's lock", "I3", "I4", probe="talk_across", nodes=2,
    sql="""
        DO $$ DECLARE room record; BEGIN
            FOR room IN SELECT room_id, last_seq FROM public.rooms LOOP
                EXECUTE format('CREATE SEQUENCE hubbub.%I START %s', 'serial_' || room.room_id, room.last_seq + 1);
            END LOOP;
        END $$;
        CREATE OR REPLACE FUNCTION hubbub.append_messages(
            ids uuid[], users uuid[], rooms uuid[], texts text[], client_ids text[], reply_tos uuid[]
        ) RETURNS TABLE (ord integer, outcome text, message_id uuid, seq bigint, change_seq bigint, created_at timestamptz)
        LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        DECLARE i integer; n bigint;
        BEGIN
            PERFORM hubbub.by_server();
            FOR i IN 1 .. cardinality(ids) LOOP
                n := nextval(format('hubbub.%I', 'serial_' || rooms[i])::regclass);
                PERFORM pg_sleep(random() * 0.15);
                INSERT INTO public.messages (message_id, user_id, room_id, message_text, created_at, seq, change_seq, client_id)
                VALUES (ids[i], users[i], rooms[i], texts[i], clock_timestamp(), n, n, client_ids[i]);
                UPDATE public.rooms AS r SET last_seq = greatest(r.last_seq, n), message_count = r.message_count + 1
                WHERE r.room_id = rooms[i];
                RETURN QUERY SELECT i, 'stored'::text, ids[i], n, n, clock_timestamp();
            END LOOP;
        END $$;
    """,
)  # fmt: skip
def _numbers_from_a_sequence() -> None:
    pass


@mutant("repeats are known for five seconds", "I1", "I2", probe="repeat_late")
def _dedupe_expires() -> None:
    commit = Journal._commit

    async def forgetful(self: Journal, batch: list[Any]) -> None:
        async with self.database.connection() as conn, conn.transaction():
            await conn.execute("SET LOCAL session_replication_role = replica")
            await conn.execute(
                "UPDATE messages SET client_id = NULL, client_hash = NULL WHERE created_at < now() - interval '5 s'"
            )
        await commit(self, batch)

    Journal._commit = forgetful  # type: ignore[method-assign]


@mutant(
    "the counter moves before the repeat is seen", "I3", probe="repeat", quick=True,
    sql="""
        ALTER FUNCTION hubbub.append_messages(uuid[], uuid[], uuid[], text[], text[], uuid[]) RENAME TO append_right;
        CREATE FUNCTION hubbub.append_messages(
            ids uuid[], users uuid[], rooms uuid[], texts text[], client_ids text[], reply_tos uuid[]
        ) RETURNS TABLE (ord integer, outcome text, message_id uuid, seq bigint, change_seq bigint, created_at timestamptz)
        LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        BEGIN
            UPDATE public.rooms AS r SET last_seq = r.last_seq + 1
            WHERE r.room_id IN (
                SELECT rooms[i] FROM generate_subscripts(ids, 1) AS i
                WHERE EXISTS (SELECT FROM public.messages AS m WHERE m.user_id = users[i] AND m.client_id = client_ids[i])
            );
            RETURN QUERY SELECT * FROM hubbub.append_right(ids, users, rooms, texts, client_ids, reply_tos);
        END $$;
    """,
)  # fmt: skip
def _gap() -> None:
    pass


@mutant("hints are lost and nobody looks", "I4", probe="quiet")
def _lost_hints() -> None:
    publish = LocalBus.publish
    numbers = itertools.count(1)

    def forgetful(self: LocalBus, hint: Any) -> None:
        if not isinstance(hint, chat_sync.Change) or next(numbers) % 4:
            publish(self, hint)

    async def blind(self: Feeds[Any]) -> None:
        pass

    LocalBus.publish = forgetful  # type: ignore[method-assign]
    Feeds.look = blind  # type: ignore[method-assign]


@mutant("out of order", "I4", probe="talk")
def _out_of_order() -> None:
    """One message in five is told behind the next one of its room."""
    deliver = delivery.deliver
    chance = random.Random(1)
    kept: dict[Any, Any] = {}

    def shuffled(edge: Any, feed: Any, listeners: Any, changes: Any) -> None:
        told = []
        for change in changes:
            if change.event == "receive-message" and feed.room_id not in kept and chance.random() < 0.2:
                kept[feed.room_id] = change
                continue
            told.append(change)
            late = kept.pop(feed.room_id, None)
            if late is not None:
                told.append(late)
        deliver(edge, feed, listeners, told)

    delivery.deliver = shuffled


@mutant("nothing is kept between reading a room and hearing it", "I4", probe="newcomers")
def _no_buffer() -> None:
    arrive, attach = connect.arrive, RoomFeed.attach

    async def slowly(*args: Any) -> Any:
        found = await arrive(*args)
        await asyncio.sleep(0.3)  # so that something is told meanwhile
        return found

    def deaf(self: RoomFeed[Any], listener: Any, after: int) -> bool:
        if self.position is not None and after < self.position:
            after = self.position
        return attach(self, listener, after)

    connect.arrive = slowly
    RoomFeed.attach = deaf  # type: ignore[method-assign]


@mutant("resuming asks only where one was once let in", "I8", probe="ex_member", quick=True)
def _saved_rooms() -> None:
    class Saved:
        """The policy, but that rooms stay open."""

        @staticmethod
        def may_read(room: Any) -> bool:
            return True

    chat_sync.policy = Saved  # type: ignore[assignment]


@mutant("receipts go wherever they are put", "I9", probe="receipts")
def _receipts_unguarded() -> None:
    text = receipts.SQL["mark"]
    for right, wrong in (
        ("greatest(h.delivered_seq, t.delivered_seq)", "greatest(t.delivered_seq, h.from_seq)"),
        ("greatest(h.read_seq, t.read_seq)", "greatest(t.read_seq, h.from_seq)"),
        ("h.delivered_seq < t.delivered_seq OR h.read_seq < t.read_seq", "true"),
    ):
        assert right in text
        text = text.replace(right, wrong)
    receipts.SQL = {**receipts.SQL, "mark": text}  # type: ignore[misc]


@mutant("connections of a dead node stay", "I10", probe="crash", nodes=2)
def _presence_not_swept() -> None:
    async def nothing(*_: Any) -> None:
        pass

    async def nobody(*_: Any) -> list[Any]:
        return []

    presence.sweep = nothing
    presence.strays = nobody


@mutant("what waits for a client has no end", "I12", probe="slow")
def _unbounded_queue() -> None:
    options = app._options

    def generous(*args: Any) -> Any:
        return replace(options(*args), outbox_bytes=10**9)

    app._options = generous


@mutant("one event asks nobody who they are", "I8", probe="stranger")
def _unchecked_event() -> None:
    right = rooms.sync

    async def unchecked(edge: Any, seat: Any, command: Any) -> Any:
        if seat.actor is not None:
            return await right(edge, seat, command)
        async with edge.chat.database.connection() as conn:
            user_id = await conn.fetchval(
                "SELECT user_id FROM room_members WHERE room_id = $1 AND is_active LIMIT 1", next(iter(command.rooms))
            )
        actor = Actor(
            user_id=user_id, session_id=user_id, username="nobody", display_name="nobody", avatar=None, role="user",
            expires_at=2**40,
        )  # fmt: skip
        return await chat_sync.read_missed(edge.chat, actor, command)

    events.EVENTS["sync"] = replace(events.EVENTS["sync"], handle=unchecked)  # type: ignore[index]


@mutant("cursors of another epoch are believed", "I4", "I5", probe="rewind")
def _epoch_ignored() -> None:
    right = rooms.read_missed

    async def credulous(chat: Any, actor: Any, command: Any) -> Any:
        return await right(chat, actor, msgspec.structs.replace(command, epoch=chat.database.epoch.told))

    rooms.read_missed = credulous


@mutant("NaN passes", "B52", probe="not_a_number")
def _nan() -> None:
    socketio_packet._decode_json = json.loads  # type: ignore[misc]
    right = events.ChatHandlers.event

    def credulous(self: Any, socket: Any, name: str, args: list[Any]) -> Any:
        with contextlib.suppress(Exception):
            if name == "typing" and isinstance(args[0]["isTyping"], float):
                feed = self._edge.feeds.find(args[0]["room"])
                broadcast(feed.everyone(), encode_event_json("/", "user-typing", [json.dumps(args[0]).encode()]))
                return {"success": True}
        return right(self, socket, name, args)

    events.ChatHandlers.event = credulous  # type: ignore[method-assign]
