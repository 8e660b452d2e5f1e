"""Accounts: register, look up, change, delete, erase."""

from __future__ import annotations

from uuid import UUID

from msgspec import UNSET

from hubbub.chat.context import Chat
from hubbub.chat.members import coming
from hubbub.chat.sign_in import open_session
from hubbub.domain import limits, policy
from hubbub.domain.answers import SignedIn, Users, UsersFound
from hubbub.domain.changes import Change, Renamed, Revoked
from hubbub.domain.commands import Register, UpdateUser, check_avatar, check_cursor, check_name, check_note
from hubbub.domain.events import UserLeft
from hubbub.domain.ids import new_id
from hubbub.domain.model import Actor, User
from hubbub.errors import HubbubError
from hubbub.store import commands, rooms, sessions, users
from hubbub.store.database import Connection, Record

ERASE_BATCH = 500


async def register(chat: Chat, command: Register, *, address: str, user_agent: str | None) -> SignedIn:
    """A new account, signed in.

    Args:
        address: whence it is asked for.

    Raises:
        HubbubError: `forbidden` (registration is closed), `conflict` by field, `validation_failed`, `rate_limited`,
            `overloaded`.
    """
    if not chat.rules.registration_open:
        raise HubbubError("forbidden", "Registration is closed here; ask whoever runs this server.")
    names = check_names(command)
    # A name or an address that is taken has to be said; who asks for many finds out who is here, as a guesser does.
    guessed = f"account {command.username.lower()}"
    chat.login_failures.check(address, guessed)
    password_hash = await chat.passwords.hash(command.password, address)
    try:
        async with chat.database.transaction() as conn:
            row = await add_account(conn, command, names, password_hash)
            row = await users.logged_in(conn, row["user_id"], password_hash)
            return await open_session(chat, conn, row, user_agent)
    except HubbubError as error:
        if error.code == "conflict":
            chat.bus.publish(chat.login_failures.failed(address, guessed))
        raise


def check_names(command: Register) -> tuple[str, str | None]:
    """The display name and the avatar of a new account, in their one form.

    Raises:
        HubbubError: `validation_failed`.
    """
    display_name = check_name(command.display_name or command.username, "displayName")
    avatar = check_avatar(command.avatar)
    if command.username.lower().startswith(("deleted-", "guest-")):
        raise HubbubError("validation_failed", fields={"username": "This beginning is kept for the server's own use"})
    return display_name, avatar


async def add_account(
    conn: Connection, command: Register, names: tuple[str, str | None], password_hash: str, role: str = "user"
) -> Record:
    """The row of a new account, inside a transaction.

    Args:
        names: what `check_names` gave.

    Raises:
        HubbubError: `conflict` by field.
    """
    row = await users.register(conn, new_id(), command.username, command.email, password_hash, *names, role)
    if row is None:
        name_taken, email_taken = await users.taken(conn, command.username, command.email)
        fields = {"username": "This name is taken"} if name_taken else {}
        if email_taken:
            fields["email"] = "This address is taken"
        raise HubbubError("conflict", "The name or the address is taken.", fields=fields)
    return row


async def read_user(chat: Chat, actor: Actor | None, user_id: UUID) -> User:
    """One account; with its address for its owner and for administrators.

    Raises:
        HubbubError: `not_found`.
    """
    async with chat.database.connection() as conn:
        row = await users.by_id(conn, user_id)
    if row is None:
        raise HubbubError("not_found", "There is no such account.")
    return users.user_of(row, own=actor is not None and policy.may_change_account(actor, user_id))


async def list_users(chat: Chat, *, cursor: str | None, limit: int, offset: int) -> Users:
    """The directory, a page at a time.

    Raises:
        HubbubError: `validation_failed`.
    """
    after = check_cursor(cursor)
    async with chat.database.connection() as conn:
        rows = await users.page(conn, after, limit, offset)
        total = await users.count(conn)
    return Users(
        users=[users.user_of(row) for row in rows],
        total=total,
        next_cursor=str(rows[-1]["user_id"]) if len(rows) == limit else None,
    )


async def search_users(chat: Chat, words: str, limit: int) -> UsersFound:
    """Accounts by name.

    Raises:
        HubbubError: `validation_failed`.
    """
    words = words.strip()
    if not words or len(words) > limits.SEARCH_MAX or "\0" in words:
        raise HubbubError("validation_failed", fields={"q": f"Give 1 to {limits.SEARCH_MAX} characters"})
    async with chat.database.connection() as conn:
        results = await users.search(conn, words, limit)
    return UsersFound(query=words, results=results, count=len(results))


async def update_user(chat: Chat, actor: Actor, user_id: UUID, command: UpdateUser) -> User:
    """Change one's names or password. A new password ends every other session of the account.

    Raises:
        HubbubError: `not_found`, `forbidden`, `validation_failed`, `rate_limited`.
    """
    if not policy.may_change_account(actor, user_id):
        raise HubbubError("forbidden", "You can change only your own account.")
    display_name = check_name(command.display_name, "displayName") if command.display_name is not UNSET else None
    avatar = check_avatar(command.avatar) if command.avatar is not UNSET else None
    bio = check_note(command.bio, "bio") if command.bio is not UNSET else None
    new_hash = await _check_new_password(chat, actor, user_id, command)
    ended: list[UUID] = []
    async with chat.database.transaction() as conn:
        row = await users.update_profile(
            conn,
            user_id,
            display_name=(command.display_name is not UNSET, display_name),
            avatar=(command.avatar is not UNSET, avatar),
            bio=(command.bio is not UNSET, bio),
        )
        if row is None:
            raise HubbubError("not_found", "There is no such account.")
        if new_hash is not None:
            await users.set_password(conn, user_id, new_hash)
            ended = await sessions.revoke_others(conn, user_id, actor.session_id if actor.user_id == user_id else None)
    user = users.user_of(row, own=True)
    if ended:
        chat.bus.publish(Revoked(session_ids=tuple(ended)))
    if command.display_name is not UNSET or command.avatar is not UNSET:
        chat.bus.publish(Renamed(user_id=user_id, display_name=user.display_name, avatar=user.avatar))
    return user


async def _check_new_password(chat: Chat, actor: Actor, user_id: UUID, command: UpdateUser) -> str | None:
    """The hash to store, where a new password is asked for and the present one is known."""
    if command.new_password is None:
        return None
    async with chat.database.connection() as conn:
        row = await users.by_id(conn, user_id)
    if row is None:
        raise HubbubError("not_found", "There is no such account.")
    if actor.user_id == user_id or not policy.is_admin(actor):
        guessed = f"password of {user_id}"
        chat.login_failures.check("", guessed)
        if not await chat.passwords.verify(row["password"], command.current_password or ""):
            chat.bus.publish(chat.login_failures.failed("", guessed))
            raise HubbubError("validation_failed", fields={"currentPassword": "This is not the present password"})
    return await chat.passwords.hash(command.new_password)


async def delete_user(chat: Chat, actor: Actor, user_id: UUID, *, erase: bool) -> None:
    """Delete an account. Its messages stay, as from a deleted user; with `erase` they lose text and author too.

    Raises:
        HubbubError: `not_found`, `forbidden`.
    """
    if not policy.may_change_account(actor, user_id):
        raise HubbubError("forbidden", "You can delete only your own account.")
    if erase:
        # First, so that whoever is interrupted still has the account to ask again with; what is written meanwhile
        # is erased at the end.
        await _erase_messages(chat, user_id)
    async with chat.database.transaction() as conn:
        left, ended = await end_account(conn, user_id)
        names = await rooms.names(conn, [room_id for room_id, _ in left])
    for room_id, number in left:
        who = (user_id, "deleted user", "Deleted user", None)
        data = coming(UserLeft, "left the room", room_id, names.get(room_id, ""), *who, number)
        chat.bus.publish(Change(room_id=room_id, number=number, event="user-left", data=data, leaver=user_id))
    chat.bus.publish(Revoked(session_ids=tuple(ended)))
    if erase:
        await _erase_messages(chat, user_id)


async def end_account(conn: Connection, user_id: UUID) -> tuple[list[tuple[UUID, int]], list[UUID]]:
    """End an account, inside a transaction: the rooms it left, with the number of each change, and its sessions.

    Raises:
        HubbubError: `not_found`.
    """
    if await users.by_id(conn, user_id) is None:
        raise HubbubError("not_found", "There is no such account.")
    left = await users.leave_all_rooms(conn, user_id)
    await users.delete_account(conn, user_id)
    await commands.forget(conn, user_id)
    return left, await sessions.revoke_others(conn, user_id, None)


async def _erase_messages(chat: Chat, user_id: UUID) -> None:
    """Turn all messages of an account into tombstones without an author, a batch in each transaction."""
    erased = ERASE_BATCH
    while erased == ERASE_BATCH:
        async with chat.database.transaction() as conn:
            erased = await users.erase_some(conn, user_id, ERASE_BATCH)
