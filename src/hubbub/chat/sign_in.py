"""Sign in, stay signed in, sign out.

A session is one sign-in on one device. Its refresh token is good for one use and brings the next; one that comes a
second time has been stolen, or its answer was lost, and ends the session: whoever holds it must sign in again.
Every check of an access token asks the database whether the session still stands.
"""

from __future__ import annotations

import time
from uuid import UUID

from hubbub.chat.context import Chat
from hubbub.chat.sign_in_stats import count
from hubbub.chat.tokens import Claims, fingerprint, new_refresh_token
from hubbub.domain.answers import SignedIn
from hubbub.domain.changes import Revoked
from hubbub.domain.commands import Login, check_name
from hubbub.domain.ids import new_id
from hubbub.domain.model import Actor
from hubbub.errors import HubbubError
from hubbub.store import sessions, users
from hubbub.store.database import Connection, Record

GUEST_SECONDS = 86_400


async def sign_in(chat: Chat, command: Login, *, address: str, user_agent: str | None) -> SignedIn:
    """Open a session for whoever knows the password. An unknown name takes as long as a wrong password.

    Raises:
        HubbubError: `invalid_credentials`, `rate_limited`, `overloaded`.
    """
    book = chat.sign_in_stats.sign_ins
    try:
        signed_in = await _sign_in(chat, command, address, user_agent)
    except HubbubError as error:
        count(book, error.code)
        raise
    count(book, "accepted")
    return signed_in


async def _sign_in(chat: Chat, command: Login, address: str, user_agent: str | None) -> SignedIn:
    name = command.username.lower()
    chat.login_failures.check(address, name)
    if "\0" in command.username:
        raise HubbubError("invalid_credentials")
    async with chat.database.connection() as conn:
        row = await users.for_login(conn, command.username)
    usable = row is not None and row["disabled_at"] is None
    stored = row["password"] if row is not None and usable else None
    right = await chat.passwords.verify(stored, command.password, address)
    if not right or row is None:
        chat.bus.publish(chat.login_failures.failed(address, name))
        raise HubbubError("invalid_credentials")
    better = await chat.passwords.hash(command.password) if chat.passwords.is_dated(row["password"]) else None
    async with chat.database.transaction() as conn:
        if better is not None:
            await users.rehash(conn, row["user_id"], row["password"], better)
        # The row is locked by this: a password changed before now is seen, and one changed later ends the session.
        row = await users.logged_in(conn, row["user_id"], better or row["password"])
        if row is None:
            raise HubbubError("invalid_credentials")
        return await open_session(chat, conn, row, user_agent)


async def open_session(chat: Chat, conn: Connection, row: Record, user_agent: str | None) -> SignedIn:
    """A new session of an account, inside the caller's transaction."""
    session_id, refresh_token = new_id(), new_refresh_token()
    agent = user_agent.replace("\0", "")[:200] if user_agent else None
    await sessions.open_session(
        conn, session_id, row["user_id"], fingerprint(refresh_token), chat.rules.refresh_expires_in, agent
    )
    return SignedIn(
        user=users.user_of(row, own=True),
        token=chat.tokens.issue(row["user_id"], session_id),
        refresh_token=refresh_token,
        expires_in=chat.tokens.expires_in,
    )


async def refresh(chat: Chat, refresh_token: str) -> SignedIn:
    """The next pair of tokens for one refresh token. A second use ends the session (RFC 9700, section 4.14.2).

    Raises:
        HubbubError: `unauthorized`.
    """
    book = chat.sign_in_stats.refreshes
    try:
        signed_in = await _refresh(chat, refresh_token)
    except HubbubError as error:
        count(book, error.code)
        raise
    count(book, "accepted" if signed_in is not None else "reused")
    if signed_in is None:
        raise HubbubError("unauthorized", "The refresh token was used before; the session has been ended.")
    return signed_in


async def _refresh(chat: Chat, refresh_token: str) -> SignedIn | None:
    """None where the token had been used before."""
    reused: UUID | None = None
    following = new_refresh_token()
    async with chat.database.transaction() as conn:
        held = await sessions.lock_refresh_token(conn, fingerprint(refresh_token))
        if held is None or held["expired"] or held["revoked"]:
            raise HubbubError("unauthorized", "The refresh token is not valid; sign in again.")
        row = await users.by_id(conn, held["user_id"])
        if row is None or row["disabled_at"] is not None:
            raise HubbubError("unauthorized", "The refresh token is not valid; sign in again.")
        if held["used"]:
            reused = held["session_id"]
            await sessions.revoke(conn, held["session_id"])
        else:
            await sessions.rotate(
                conn, fingerprint(refresh_token), fingerprint(following), chat.rules.refresh_expires_in
            )
    if reused is not None:
        chat.bus.publish(Revoked(session_ids=(reused,)))
        return None
    return SignedIn(
        user=users.user_of(row, own=True),
        token=chat.tokens.issue(row["user_id"], held["session_id"]),
        refresh_token=following,
        expires_in=chat.tokens.expires_in,
    )


async def sign_out(chat: Chat, actor: Actor) -> None:
    """End this session everywhere: its tokens are void and its sockets are closed."""
    async with chat.database.connection() as conn:
        await sessions.revoke(conn, actor.session_id)
    chat.bus.publish(Revoked(session_ids=(actor.session_id,)))


async def authenticate(chat: Chat, token: str) -> Actor:
    """Whoever an access token speaks for, if its session still stands.

    Raises:
        HubbubError: `unauthorized`, `token_expired`.
    """
    claims = chat.tokens.verify(token)
    async with chat.database.connection() as conn:
        row = await sessions.live(conn, claims.session_id, claims.user_id)
    if row is None:
        raise HubbubError("unauthorized", "The session has ended; sign in again.")
    return users.actor_of(row, claims.session_id, claims.expires_at)


async def sign_in_guest(chat: Chat, name: str | None) -> Claims:
    """A new guest: an account without a password, for a day, where the operator allows it.

    Raises:
        HubbubError: `unauthorized`, where guests are not allowed.
    """
    if not chat.rules.allow_guests:
        raise HubbubError("unauthorized")
    user_id, session_id = new_id(), new_id()
    short = user_id.hex[-12:]
    display_name = check_name(name, "username") if name and name.strip() else f"Guest {short[-4:]}"
    async with chat.database.transaction() as conn:
        row = await users.register(
            conn, user_id, f"guest-{short}", f"{user_id}@guest.invalid", "!", display_name, None, "guest"
        )
        if row is None:
            raise HubbubError("conflict")
        await sessions.open_session(conn, session_id, user_id, fingerprint(new_refresh_token()), GUEST_SECONDS, None)
    return Claims(user_id, session_id, time.time() + GUEST_SECONDS)


async def still_standing(chat: Chat, session_ids: list[UUID]) -> dict[UUID, Record]:
    """Of these sessions, those that still stand, each with its account's `role`, `display_name` and `avatar`."""
    async with chat.database.connection() as conn:
        return await sessions.still_live(conn, session_ids)
