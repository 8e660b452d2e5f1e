"""From the bus to the sockets: each hint becomes an event, encoded once, for all who are to hear it.

Before: `fanout/sequencer.py`. After: `realtime/broadcast.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from uuid import UUID

import msgspec

from hubbub.chat.sync import read_changes
from hubbub.domain.changes import Change, Hint, Reached, Renamed, Revoked, SignInFailed, StatusChanged, Told
from hubbub.domain.events import RoomUpdated, UserJoined
from hubbub.realtime import Encoded, Socket, broadcast, bundle, encode_event_json
from hubbub.sockets.edge import Edge, Feed, Seat
from hubbub.store import members

_ENCODE = msgspec.json.Encoder().encode


def deliver(edge: Edge, feed: Feed, listeners: Collection[Socket], changes: Sequence[Change]) -> None:
    """Tell listeners of a room some changes: each encoded once, all queued together (law 6).

    Also called to tell one listener what the others were told before: then it changes nothing for those.
    """
    waiting: list[Encoded] = []
    for change in changes:
        waiting.append(encode_event_json("/", change.event, [_ENCODE(change.data)]))
        if change.event != "receive-message":
            _broadcast(listeners, waiting)
            waiting = []
            _follow(edge, feed, listeners, change)
    _broadcast(listeners, waiting)


def _broadcast(listeners: Collection[Socket], waiting: Sequence[Encoded]) -> None:
    for message in bundle(waiting):
        # A copy: a connection whose outbox overflows is closed in the middle of this, and stops listening.
        broadcast(tuple(listeners), message)


def _follow(edge: Edge, feed: Feed, listeners: Collection[Socket], change: Change) -> None:
    """What a change that was told means for who listens, and to what."""
    if change.event in ("user-joined", "user-left"):
        edge.roster.changed(change.room_id)
        if change.leaver is not None:
            # Those who were told just now. Others of theirs know of a later coming, or will be told.
            for seat in list(edge.seats.by_user.get(change.leaver, ())):
                if seat.socket in listeners:
                    put_out(edge, seat, change.room_id)
        elif isinstance(change.data, UserJoined):  # by a hint that was lost, or came before that of their going
            newcomer(edge, change, change.data.user_id)
    elif isinstance(change.data, RoomUpdated):
        if change.data.deleted:
            for socket in list(feed.everyone()):
                put_out(edge, socket.data, change.room_id)
        elif listeners is feed.listeners:  # news, not a replay
            edge.feeds.rename(feed, change.data.name)


def put_out(edge: Edge, seat: Seat, room_id: UUID) -> None:
    """A socket hears a room no longer."""
    edge.feeds.detach(room_id, seat.socket)
    seat.rooms.discard(room_id)


async def read_missed(edge: Edge, room_id: UUID, number: int) -> tuple[list[Change], int]:
    """What a feed has not told; see `read_changes`.

    A membership whose row was removed by plain SQL has no change of its own: the room's says only that something
    changed. So then those who listen are compared with those who are members.
    """
    async with edge.chat.database.connection() as conn:
        changes, up_to = await read_changes(conn, room_id, number)
        feed = edge.feeds.by_id.get(room_id)
        news = [change.data for change in changes if isinstance(change.data, RoomUpdated)]
        if feed is not None and news and not news[-1].deleted:
            people = {socket.data.actor.user_id for socket in feed.everyone() if socket.data.actor is not None}
            for user_id in people - await members.active_of(conn, room_id, list(people)):
                for seat in edge.seats.by_user.get(user_id, ()):
                    put_out(edge, seat, room_id)
    return changes, up_to


def accept(edge: Edge, hints: Sequence[Hint]) -> None:
    """Take hints from the bus, in their order; changes that stand together are told together."""
    for is_change, some in groupby(hints, lambda hint: isinstance(hint, Change)):
        if is_change:
            changes = [hint for hint in some if isinstance(hint, Change)]
            edge.feeds.accept(changes)
            for change in changes:
                if change.event == "user-joined" and isinstance(change.data, UserJoined):
                    newcomer(edge, change, change.data.user_id)
        else:
            for hint in some:
                _pass_on(edge, hint)


def newcomer(edge: Edge, change: Change, user_id: UUID) -> None:
    """Somebody came into a room: their sockets that do not hear it yet are to; see `connect.welcome`."""
    seats = edge.seats.by_user.get(user_id, ())
    deaf = [seat for seat in seats if change.room_id not in seat.rooms and not seat.joining]
    if deaf and not edge.newcomers.full():
        edge.newcomers.put_nowait((change, deaf))


def _pass_on(edge: Edge, hint: Hint) -> None:
    if isinstance(hint, Told):
        _tell(edge, hint)
    elif isinstance(hint, StatusChanged):
        edge.roster.status(hint, [seat.socket for seat in edge.seats.by_user.get(hint.user_id, ())])
    elif isinstance(hint, Reached):
        edge.feeds.reached(hint.room_id, hint.number)
    elif isinstance(hint, SignInFailed):
        edge.chat.login_failures.heard(hint)
    elif isinstance(hint, Revoked):
        for session_id in hint.session_ids:
            for seat in list(edge.seats.by_session.get(session_id, ())):
                seat.socket.close("session ended")
    elif isinstance(hint, Renamed):
        for seat in edge.seats.by_user.get(hint.user_id, ()):
            if seat.actor is not None:
                seat.actor.display_name, seat.actor.avatar = hint.display_name, hint.avatar


def _tell(edge: Edge, hint: Told) -> None:
    feed = edge.feeds.by_id.get(hint.room_id)
    if feed is None or feed.is_idle:
        return
    left_out = {seat.socket for seat in edge.seats.by_user.get(hint.but, ())} if hint.but is not None else set()
    listeners = [socket for socket in feed.everyone() if socket not in left_out]
    message = encode_event_json("/", hint.event, [_ENCODE(hint.data)])
    message.key = hint.key
    broadcast(listeners, message)
