"""Events about rooms: join, leave, sync."""

from __future__ import annotations

from hubbub.chat.sign_in import sign_in_guest
from hubbub.chat.sync import read_missed
from hubbub.domain.answers import Joined, Left, Synced
from hubbub.domain.commands import JoinRoom, LeaveRoom, Sync
from hubbub.domain.model import Room
from hubbub.errors import HubbubError
from hubbub.sockets import connect
from hubbub.sockets.edge import Edge, Seat


async def join(edge: Edge, seat: Seat, command: JoinRoom) -> Joined:
    """`join`. An older client signs in here, a guest comes in here."""
    if seat.actor is None:
        await _sign_in(edge, seat, command)
    before = seat.room_id
    room, unread, is_new_member = await connect.join(edge, seat, command.room, command.client_id)
    if room.is_member:
        await _show(edge, seat, room, is_news=before != room.room_id and not is_new_member)
    return Joined(room=room.name, room_id=room.room_id, seq=room.last_seq, unread=unread)


async def _show(edge: Edge, seat: Seat, room: Room, *, is_news: bool) -> None:
    """Who is here: the one who joined is told of the others, and where that is news, the others of them."""
    if seat.session is not None:
        await edge.chat.presence.written(seat.session)
    if is_news:
        # That they are a member is no news, but that they are here is.
        edge.roster.here(seat.require(), room.room_id, room.name)
    await edge.roster.show(seat.socket, room.room_id, room.name)


async def _sign_in(edge: Edge, seat: Seat, command: JoinRoom) -> None:
    try:
        if command.token is not None:
            claims = edge.chat.tokens.verify(command.token)
        else:
            claims = await sign_in_guest(edge.chat, command.username)
        await connect.sit_down(edge, seat, claims)
    except HubbubError as error:
        seat.socket.emit("error", {**error.as_reply()})
        raise


async def leave(edge: Edge, seat: Seat, command: LeaveRoom) -> Left:
    """`leave-room`: this socket no longer listens; the membership stays (POST /rooms/{room}/leave ends it)."""
    actor = seat.require()
    room_id, room = await edge.place(seat, command.room)
    edge.feeds.detach(room_id, seat.socket)
    listened = room_id in seat.rooms
    seat.rooms.discard(room_id)
    if seat.room_id == room_id:
        seat.room_id = seat.room = None
        if seat.session is not None:
            seat.session.room_id = None
            edge.chat.presence.touched(seat.session)
    if listened:
        edge.roster.left(actor, room_id, room)
    return Left(room=room, room_id=room_id)


async def sync(edge: Edge, seat: Seat, command: Sync) -> Synced:
    """`sync`: what changed since; live events of a room go on after what the answer covers."""
    return await read_missed(edge.chat, seat.require(), command)
