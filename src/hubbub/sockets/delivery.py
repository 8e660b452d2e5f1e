"""From the bus to the sockets: each hint becomes an event, encoded once, for all who are to hear it.

Before: `fanout/sequencer.py`. After: `realtime/broadcast.py`.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from hubbub.domain.changes import Change, Hint, Renamed, Revoked, StatusChanged, Told
from hubbub.domain.events import RoomUpdated
from hubbub.realtime import Socket, broadcast, encode_event_json
from hubbub.sockets.edge import Edge, Feed

_ENCODE = msgspec.json.Encoder().encode


def deliver(edge: Edge, feed: Feed, listeners: Collection[Socket], change: Change) -> None:
    """Tell listeners of a room one change: encoded once, one write per connection and tick (law 6)."""
    broadcast(listeners, encode_event_json("/", change.event, [_ENCODE(change.data)]))
    if change.event == "receive-message":
        return
    if change.event in ("user-joined", "user-left"):
        edge.roster.changed(change.room_id)
        if change.leaver is not None:
            for seat in edge.seats.by_user.get(change.leaver, ()):
                edge.sequencer.detach(change.room_id, seat.socket)
                seat.rooms.discard(change.room_id)
    elif isinstance(change.data, RoomUpdated):
        if change.data.deleted:
            for socket in list(feed.everyone()):
                edge.sequencer.detach(change.room_id, socket)
                socket.data.rooms.discard(change.room_id)
        else:
            edge.sequencer.rename(feed, change.data.name)


def accept(edge: Edge, hint: Hint) -> None:
    """Take one hint from the bus."""
    if isinstance(hint, Change):
        edge.sequencer.accept(hint)
    elif isinstance(hint, Told):
        _tell(edge, hint)
    elif isinstance(hint, StatusChanged):
        _tell_status(edge, hint)
    elif isinstance(hint, Revoked):
        for session_id in hint.session_ids:
            for seat in list(edge.seats.by_session.get(session_id, ())):
                seat.socket.close("session ended")
    elif isinstance(hint, Renamed):
        for seat in edge.seats.by_user.get(hint.user_id, ()):
            if seat.actor is not None:
                seat.actor.display_name, seat.actor.avatar = hint.display_name, hint.avatar


def _tell(edge: Edge, hint: Told) -> None:
    feed = edge.sequencer.feeds.get(hint.room_id)
    if feed is None or feed.is_idle:
        return
    listeners = feed.everyone()
    if hint.but is not None:
        left_out = {seat.socket for seat in edge.seats.by_user.get(hint.but, ())}
        listeners = [socket for socket in listeners if socket not in left_out] if left_out else listeners
    broadcast(listeners, encode_event_json("/", hint.event, [_ENCODE(hint.data)]))


def _tell_status(edge: Edge, hint: StatusChanged) -> None:
    """Each who shares a room with that person, once."""
    heard: dict[Socket, None] = {}
    for room_id in hint.room_ids:
        feed = edge.sequencer.feeds.get(room_id)
        if feed is not None:
            heard.update(dict.fromkeys(feed.everyone()))
            edge.roster.changed(room_id)
    for seat in edge.seats.by_user.get(hint.user_id, ()):
        heard[seat.socket] = None
    broadcast(heard, encode_event_json("/", "user-status-update", [_ENCODE(hint.data)]))
