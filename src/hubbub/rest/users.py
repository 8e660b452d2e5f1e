"""`/api/users`: the directory, and one's own account."""

from __future__ import annotations

from typing import Annotated

from litestar import delete, get, patch, put
from litestar.params import JSONBody, PathParameter, QueryParameter

from hubbub.chat import accounts
from hubbub.domain import limits
from hubbub.domain.answers import Done, OneUser, Users, UsersFound
from hubbub.domain.commands import UpdateUser
from hubbub.rest.authentication import OPEN_DIRECTORY, Asker, ChatPart
from hubbub.rest.parameters import Cursor, Limit, Offset, UserInPath, Words

TAGS = ["users"]


@get("/users", tags=TAGS, summary="The accounts", **OPEN_DIRECTORY)
async def list_users(
    chat: ChatPart, cursor: Cursor = None, limit: Limit = limits.PAGE_DEFAULT, offset: Offset = 0
) -> Users:
    return await accounts.list_users(chat, cursor=cursor, limit=limit, offset=offset)


@get("/users/search", tags=TAGS, summary="Accounts by name", **OPEN_DIRECTORY)
async def search_users(chat: ChatPart, words: Words, limit: Limit = limits.PAGE_DEFAULT) -> UsersFound:
    return await accounts.search_users(chat, words, limit)


@get("/users/search/{q:str}", tags=TAGS, summary="Accounts by name, as older clients ask", **OPEN_DIRECTORY)
async def search_users_by_path(
    chat: ChatPart,
    words: Annotated[str, PathParameter(name="q", description="The beginning of a name, percent-encoded")],
    limit: Limit = limits.PAGE_DEFAULT,
) -> UsersFound:
    return await accounts.search_users(chat, words, limit)


@get("/users/{userId:uuid}", tags=TAGS, summary="One account")
async def read_user(chat: ChatPart, actor: Asker, user_id: UserInPath) -> OneUser:
    return OneUser(user=await accounts.read_user(chat, actor, user_id))


@patch("/users/{userId:uuid}", tags=TAGS, summary="Change names or password")
async def update_user(chat: ChatPart, actor: Asker, user_id: UserInPath, data: JSONBody[UpdateUser]) -> OneUser:
    """By its owner, or an administrator. Fields that are left out stay. A new password ends every other session of the account."""
    return OneUser(user=await accounts.update_user(chat, actor, user_id, data))


@put("/users/{userId:uuid}", tags=TAGS, summary="The same as PATCH, for older clients")
async def put_user(chat: ChatPart, actor: Asker, user_id: UserInPath, data: JSONBody[UpdateUser]) -> OneUser:
    return OneUser(user=await accounts.update_user(chat, actor, user_id, data))


@delete("/users/{userId:uuid}", tags=TAGS, status_code=200, summary="Delete an account")
async def delete_user(
    chat: ChatPart,
    actor: Asker,
    user_id: UserInPath,
    erase: Annotated[bool, QueryParameter(description="Take the text and the author from its messages too")] = False,
) -> Done:
    """By its owner, or an administrator. Its messages stay, shown as a deleted user's, unless `erase` is asked for."""
    await accounts.delete_user(chat, actor, user_id, erase=erase)
    return Done()


HANDLERS = [list_users, search_users, search_users_by_path, read_user, update_user, put_user, delete_user]
