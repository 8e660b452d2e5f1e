"""`/api/rooms`: rooms, who is in them, their figures."""

from __future__ import annotations

from litestar import delete, get, patch, post
from litestar.params import JSONBody

from hubbub.chat import members, rooms
from hubbub.domain import limits
from hubbub.domain.answers import Done, Joined, Left, Members, OneRoom, Rooms, RoomUsers, Stats
from hubbub.domain.commands import AddMember, CreateRoom, UpdateRoom
from hubbub.rest.authentication import OPEN_DIRECTORY, AnyAsker, Asker, ChatPart
from hubbub.rest.parameters import Cursor, IdempotencyKey, Limit, Offset, RoomInPath, UserInPath

TAGS = ["rooms"]


@get("/rooms", tags=TAGS, summary="The rooms one may see, by name", **OPEN_DIRECTORY)
async def list_rooms(
    chat: ChatPart, actor: AnyAsker, cursor: Cursor = None, limit: Limit = limits.PAGE_DEFAULT, offset: Offset = 0
) -> Rooms:
    return await rooms.list_rooms(chat, actor, cursor=cursor, limit=limit, offset=offset)


@post("/rooms", tags=TAGS, summary="Make a room, and be its first member")
async def create_room(
    chat: ChatPart, actor: Asker, data: JSONBody[CreateRoom], idempotency_key: IdempotencyKey = None
) -> OneRoom:
    return OneRoom(data=await rooms.create_room(chat, actor, data, idempotency_key))


@get("/rooms/{room:str}", tags=TAGS, summary="One room")
async def read_room(chat: ChatPart, actor: Asker, room: RoomInPath) -> OneRoom:
    return OneRoom(data=await rooms.read_room(chat, actor, room))


@patch("/rooms/{room:str}", tags=TAGS, summary="Rename, describe, open or close a room")
async def update_room(
    chat: ChatPart, actor: Asker, room: RoomInPath, data: JSONBody[UpdateRoom], idempotency_key: IdempotencyKey = None
) -> OneRoom:
    """By whoever made the room, or an administrator."""
    return OneRoom(data=await rooms.update_room(chat, actor, room, data, idempotency_key))


@delete("/rooms/{room:str}", tags=TAGS, status_code=200, summary="Delete a room, for everyone")
async def delete_room(chat: ChatPart, actor: Asker, room: RoomInPath, idempotency_key: IdempotencyKey = None) -> Done:
    """By whoever made the room, or an administrator."""
    await rooms.delete_room(chat, actor, room, idempotency_key)
    return Done()


@post("/rooms/{room:str}/join", tags=TAGS, status_code=200, summary="Be a member of a public room")
async def join_room(chat: ChatPart, actor: Asker, room: RoomInPath, idempotency_key: IdempotencyKey = None) -> Joined:
    """With a key it is done once: repeated after one has left, it does not let one in again."""
    joined, _ = await members.join_room(chat, actor, room, idempotency_key)
    info = await rooms.read_room(chat, actor, str(joined.room_id))
    return Joined(room=info.room, room_id=info.room_id, seq=info.seq, unread=info.unread or 0)


@post("/rooms/{room:str}/leave", tags=TAGS, status_code=200, summary="Be no member any more")
async def leave_room(chat: ChatPart, actor: Asker, room: RoomInPath, idempotency_key: IdempotencyKey = None) -> Left:
    """With a key it is done once: repeated after one has come back, it changes nothing."""
    return await members.leave_room(chat, actor, room, idempotency_key)


@get("/rooms/{room:str}/members", tags=TAGS, summary="The members of a room")
async def list_members(
    chat: ChatPart, actor: Asker, room: RoomInPath, cursor: Cursor = None, limit: Limit = limits.PAGE_DEFAULT
) -> Members:
    return await members.list_members(chat, actor, room, cursor=cursor, limit=limit)


@post("/rooms/{room:str}/members", tags=TAGS, status_code=200, summary="Let somebody in")
async def add_member(
    chat: ChatPart, actor: Asker, room: RoomInPath, data: JSONBody[AddMember], idempotency_key: IdempotencyKey = None
) -> Done:
    """By whoever made the room, or an administrator. A private room is entered in no other way."""
    await members.add_member(chat, actor, room, data.user_id, idempotency_key)
    return Done()


@delete("/rooms/{room:str}/members/{userId:uuid}", tags=TAGS, status_code=200, summary="Put somebody out")
async def remove_member(
    chat: ChatPart, actor: Asker, room: RoomInPath, user_id: UserInPath, idempotency_key: IdempotencyKey = None
) -> Done:
    """By whoever made the room, or an administrator."""
    await members.remove_member(chat, actor, room, user_id, idempotency_key)
    return Done()


@get("/rooms/{room:str}/users", tags=TAGS, summary="The members who are connected now")
async def list_room_users(chat: ChatPart, actor: Asker, room: RoomInPath) -> RoomUsers:
    return await rooms.read_room_users(chat, actor, room)


@get("/rooms/{room:str}/stats", tags=TAGS, summary="The figures of a room")
async def read_stats(chat: ChatPart, actor: Asker, room: RoomInPath) -> Stats:
    return await rooms.read_stats(chat, actor, room)


HANDLERS = [
    list_rooms,
    create_room,
    read_room,
    update_room,
    delete_room,
    join_room,
    leave_room,
    list_members,
    add_member,
    remove_member,
    list_room_users,
    read_stats,
]
