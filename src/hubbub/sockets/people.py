"""Events about oneself: typing, on-line or not, a fresh token."""

from __future__ import annotations

import time

from hubbub.chat.sign_in import authenticate
from hubbub.domain.answers import Authenticated, Done
from hubbub.domain.commands import Authenticate, OnlineStatus, Typing
from hubbub.errors import HubbubError
from hubbub.sockets.edge import Edge, Seat


async def typing(edge: Edge, seat: Seat, command: Typing) -> Done:
    """`typing`: told to the others of a room that this socket listens to."""
    actor = seat.require()
    room_id, room = await edge.place(seat, command.room)
    if room_id not in seat.rooms:
        raise HubbubError("not_found", "Join the room first.")
    edge.chat.typing.set(actor, room_id, room, command.is_typing)
    return Done()


async def online_status(edge: Edge, seat: Seat, command: OnlineStatus) -> Done:
    """`update-online-status`"""
    await edge.chat.presence.says(seat.require().user_id, command.online)
    return Done()


async def authenticate_again(edge: Edge, seat: Seat, command: Authenticate) -> Authenticated:
    """`authenticate`: a fresh access token of the same session, so that the socket lives on."""
    actor = seat.require()
    fresh = await authenticate(edge.chat, command.token)
    if (fresh.user_id, fresh.session_id) != (actor.user_id, actor.session_id):
        raise HubbubError("forbidden", "The token belongs to another session; connect anew with it.")
    actor.expires_at = fresh.expires_at
    actor.role = fresh.role
    return Authenticated(expires_in=max(0, round(fresh.expires_at - time.time())))
