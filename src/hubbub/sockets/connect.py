"""Coming in and going out: whose socket it is, what it is told first, which rooms it listens to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
import structlog

from hubbub.chat.access import access_room
from hubbub.chat.members import join_room
from hubbub.chat.sign_in import still_standing
from hubbub.chat.sync import arrive, read_changes
from hubbub.chat.tokens import Claims
from hubbub.domain import limits
from hubbub.domain.changes import Change
from hubbub.domain.events import UserJoined
from hubbub.domain.model import Room
from hubbub.errors import HubbubError
from hubbub.realtime import ConnectRefused, Socket, encode_event_json
from hubbub.sockets.delivery import deliver, put_out
from hubbub.sockets.edge import Edge, Seat
from hubbub.store import members, messages, rooms

ATTACH_TRIES = 20
log = structlog.get_logger("connect")


async def come_in(edge: Edge, socket: Socket, auth: Any) -> Seat:
    """A socket connects. With a valid token it is signed in; without any it has ten seconds to send one with `join`.

    Raises:
        ConnectRefused: the token is not valid.
    """
    seat = Seat(socket)
    socket.data = seat
    token = auth.get("token") if isinstance(auth, dict) else None
    if token is None or token == "":
        loop = asyncio.get_running_loop()
        seat.timer = loop.call_later(limits.LEGACY_JOIN_SECONDS, socket.close, "no token came")
        return seat
    if not isinstance(token, str):
        raise ConnectRefused("A valid token is needed.", {"code": "unauthorized"})
    try:
        await sit_down(edge, seat, edge.chat.tokens.verify(token.removeprefix("Bearer ")))
    except HubbubError as error:
        get_up(edge, seat)
        if error.row.retryable:
            # The official client gives up after CONNECT_ERROR; after a lost transport it tries again by itself.
            socket.close("unavailable")
        raise ConnectRefused(error.message, error.as_reply()) from None
    return seat


async def sit_down(edge: Edge, seat: Seat, claims: Claims) -> None:
    """Sign a socket in: its row, `ready`, its rooms. Leaves nothing behind where it fails.

    Raises:
        HubbubError: `unauthorized`, `too_large` (too many sockets of one account), `unavailable`, `overloaded`.
    """
    socket = seat.socket
    actor, ready = await arrive(edge.chat, claims)
    if ready.epoch != edge.chat.database.epoch.told:
        raise HubbubError("unavailable")  # it was read a moment before the database became another
    if len(edge.seats.by_user.get(claims.user_id, ())) >= limits.SOCKETS_PER_ACCOUNT:
        raise HubbubError("too_large", f"One account may have {limits.SOCKETS_PER_ACCOUNT} connections here.")
    seat.actor = actor
    seat.session = edge.chat.presence.opened(actor, socket.id)
    edge.seats.add(seat, actor)
    log.debug("signed in", connection_id=socket.id, user_id=str(actor.user_id), rooms=len(ready.rooms))
    socket.send(encode_event_json("/", "ready", [msgspec.json.encode(ready)]))
    try:
        for room in ready.rooms:
            # `ready` covers the room up to its counter; live events go on from there.
            seat.rooms.add(room.room_id)
            if not edge.feeds.attach(room.room_id, room.room, socket, room.seq):
                await listen(edge, seat, room.room_id, room.room, room.seq)
            elif _has_changed(edge, room.room_id, room.seq):
                await _stay_if_member(edge, seat, room.room_id)
    except BaseException:
        get_up(edge, seat)
        raise
    if seat.timer is not None:
        seat.timer.cancel()
        seat.timer = None


async def listen(edge: Edge, seat: Seat, room_id: UUID, name: str, after: int) -> None:
    """Listen to a room from number `after` on; what is no longer at hand comes from the database.

    Where the changes since then tell that one is no longer a member, they end there, and so does the listening.

    Raises:
        HubbubError: `overloaded`, where the room moves faster than it can be read.
    """
    seat.rooms.add(room_id)
    is_unsure = False
    for _ in range(ATTACH_TRIES):
        if edge.feeds.attach(room_id, name, seat.socket, after):
            if is_unsure or _has_changed(edge, room_id, after):
                await _stay_if_member(edge, seat, room_id)
            return
        async with edge.chat.database.connection() as conn:
            changes, after = await read_changes(conn, room_id, after)
        feed = edge.feeds.open(room_id, name)
        for change in changes:
            is_unsure = is_unsure or change.event == "room-updated"
            deliver(edge, feed, (seat.socket,), [change])
            if room_id not in seat.rooms:
                return
    seat.rooms.discard(room_id)
    raise HubbubError("overloaded", retry_after=1)


def _has_changed(edge: Edge, room_id: UUID, after: int) -> bool:
    """Whether the room itself has changed since number `after`, among what is at hand."""
    feed = edge.feeds.by_id.get(room_id)
    if feed is None or feed.position is None or feed.position <= after:
        return False
    return any(change.number > after and change.event == "room-updated" for change in feed.ring)


async def _stay_if_member(edge: Edge, seat: Seat, room_id: UUID) -> None:
    """The room's change may have been that somebody's membership was removed for good, which nothing else tells."""
    async with edge.chat.database.connection() as conn:
        is_member = seat.actor is not None and await members.active_of(conn, room_id, [seat.actor.user_id])
    if not is_member:
        put_out(edge, seat, room_id)


async def join(edge: Edge, seat: Seat, ref: str, client_id: str | None) -> tuple[Room, int, bool]:
    """Become a member, be given the last messages, listen. Returns the room, what is unread, and whether one came in.

    A socket that listens already is paused while its history is read, so that no event overtakes the history, and
    then goes on where it stopped. Whoever repeats a `join`, having left since, is told as before, and hears nothing.

    Raises:
        HubbubError: `not_found`, `too_large`, `overloaded`.
    """
    seat.joining = True
    try:
        return await _join(edge, seat, ref, client_id)
    finally:
        seat.joining = False


async def _join(edge: Edge, seat: Seat, ref: str, client_id: str | None) -> tuple[Room, int, bool]:
    actor = seat.require()
    room, is_new_member = await join_room(edge.chat, actor, ref, client_id)
    if not room.is_member:
        return room, 0, False
    edge.feeds.open(room.room_id, room.name)
    heard = edge.feeds.detach(room.room_id, seat.socket)
    try:
        async with edge.chat.database.connection() as conn:
            room = await access_room(conn, actor, str(room.room_id))
            history = await messages.before(conn, room, room.last_seq + 1, limits.HISTORY_ON_JOIN)
            unread = await rooms.unread(conn, actor.user_id, room)
    except Exception:
        if heard is not None:
            await listen(edge, seat, room.room_id, room.name, heard)
        raise
    seat.socket.send(encode_event_json("/", "message-history", [msgspec.json.encode(history)]))
    await listen(edge, seat, room.room_id, room.name, room.last_seq if heard is None else heard)
    seat.room_id, seat.room = room.room_id, room.name
    if seat.session is not None:
        seat.session.room_id = room.room_id
        edge.chat.presence.touched(seat.session)
    return room, unread, is_new_member


async def welcome(edge: Edge) -> None:
    """Let the open sockets of people who have come into a room hear it: by REST, by another device, by whoever may.

    A hint is not to be believed (it may be late, and they gone again), so the database is asked who is a member.
    """
    while True:
        change, deaf = await edge.newcomers.get()
        try:
            await let_in(edge, change, deaf)
        except Exception as error:
            log.warning("a newcomer hears the room only after the next connect", error=type(error).__name__)


async def let_in(edge: Edge, change: Change, deaf: Iterable[Seat]) -> None:
    """One such coming; `deaf` are the sockets that did not hear the room then."""
    assert isinstance(change.data, UserJoined)
    user_id, room_id = change.data.user_id, change.room_id
    async with edge.chat.database.connection() as conn:
        if not await members.active_of(conn, room_id, [user_id]):
            return
    for seat in deaf:
        if seat.actor is not None and room_id not in seat.rooms and not seat.joining:
            seat.socket.send(encode_event_json("/", change.event, [msgspec.json.encode(change.data)]))
            await listen(edge, seat, room_id, change.data.room, change.number)


def go(edge: Edge, seat: Seat, reason: str) -> None:
    """A socket is gone."""
    if seat.timer is not None:
        seat.timer.cancel()
    log.debug("disconnected", connection_id=seat.socket.id, reason=reason)
    get_up(edge, seat)


def get_up(edge: Edge, seat: Seat) -> None:
    """Undo what `sit_down` and `listen` did. Does nothing the second time."""
    for room_id in seat.rooms:
        edge.feeds.detach(room_id, seat.socket)
    seat.rooms.clear()
    if seat.actor is not None:
        edge.seats.remove(seat, seat.actor)
        seat.actor = None
    if seat.session is not None:
        edge.chat.presence.closed(seat.session)
        seat.session = None


async def watch(edge: Edge) -> None:
    """Once a second: close the sockets whose token has ended or whose session no longer stands (law 10); who has another
    role or name now has it on open sockets as well.

    The bus tells of revocations and names at once; this finds those it lost, and those that plain SQL made.
    """
    while True:
        await asyncio.sleep(1.0)
        try:
            await look(edge)
        except Exception as error:
            log.warning("the sessions could not be looked at", error=type(error).__name__)


async def look(edge: Edge) -> None:
    """One such look."""
    now = time.time()
    for seat in list(edge.seats.all()):
        if seat.actor is not None and seat.actor.expires_at <= now:
            seat.socket.close("token expired")
    session_ids = list(edge.seats.by_session)
    for start in range(0, len(session_ids), 1_000):
        some = session_ids[start : start + 1_000]
        live = await still_standing(edge.chat, some)
        for session_id in some:
            row = live.get(session_id)
            for seat in list(edge.seats.by_session.get(session_id, ())):
                if row is None:
                    seat.socket.close("session ended")
                elif seat.actor is not None:
                    seat.actor.role = row["role"]
                    seat.actor.display_name, seat.actor.avatar = row["display_name"], row["avatar"]
