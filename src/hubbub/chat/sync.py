"""What did I miss? For a client after an absence (`sync`), and for a feed with a gap (`read_changes`)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hubbub.chat.context import Chat
from hubbub.chat.members import joined, left
from hubbub.chat.rooms import change_of
from hubbub.chat.tokens import Claims
from hubbub.domain import limits, policy
from hubbub.domain.answers import MemberChange, MessageChange, RoomChanges, Synced
from hubbub.domain.changes import Change
from hubbub.domain.commands import Sync
from hubbub.domain.events import MessageDeleted, MessageUpdated, Ready
from hubbub.domain.ids import now_utc
from hubbub.domain.model import Actor, Message
from hubbub.errors import HubbubError
from hubbub.store import rooms, sync, users
from hubbub.store.database import Connection


async def arrive(chat: Chat, claims: Claims) -> tuple[Actor, Ready]:
    """Whoever a token speaks for, if its session still stands, and what they are told first: the epoch, their rooms.

    Raises:
        HubbubError: `unauthorized`, `unavailable`, `overloaded`.
    """
    found = await chat.arrivals.ask((claims.session_id, claims.user_id))
    if found is None:
        raise HubbubError("unauthorized", "The session has ended; sign in again.")
    actor = users.actor_of(found.account, claims.session_id, claims.expires_at)
    return actor, Ready(user=users.user_of(found.account, own=True), epoch=found.epoch, rooms=found.rooms)


async def read_missed(chat: Chat, actor: Actor, command: Sync) -> Synced:
    """The present state of all that changed in the rooms named since the numbers given, in pages.

    Where rooms stand is read for all who ask in one statement; only rooms that did change cost more, once for all who
    come back from the same place. Rooms that one may not see are left out; may one see them is decided now, whatever was so before.

    Raises:
        HubbubError: `resync_required` (another epoch, or a number the room has not reached), `too_large`.
    """
    if len(command.rooms) > limits.SYNC_ROOMS:
        raise HubbubError("too_large", f"Ask for at most {limits.SYNC_ROOMS} rooms at once.")
    answered: dict[str, RoomChanges] = {}
    left_to_give = limits.SYNC_CHANGES
    cut = False
    epoch, found = await chat.looks.ask((actor.user_id, list(command.rooms)))
    if command.epoch != epoch:
        raise HubbubError("resync_required")
    for room_id, number in command.rooms.items():
        room = found.get(room_id)
        if room is None or not policy.may_read(room):
            continue
        if number > room.last_seq:
            raise HubbubError("resync_required")
        if number == room.last_seq or left_to_give <= 0:
            page = RoomChanges(room=room.name, changes=[], up_to=number, more=number < room.last_seq)
        else:
            page = await chat.pages.ask((room, number, min(limits.SYNC_PAGE, left_to_give)))
        left_to_give -= len(page.changes)
        cut = cut or page.more
        answered[str(room_id)] = page
    return Synced(epoch=epoch, rooms=answered, more=cut)


async def read_changes(conn: Connection, room_id: UUID, number: int) -> tuple[list[Change], int]:
    """A page of what a feed has not told: the changes, and the number they reach."""
    row = await rooms.by_id(conn, rooms.NOBODY, room_id)
    if row is None:
        row = await rooms.by_id_even_deleted(conn, room_id)
        if row is None:  # plain SQL has removed it
            return [change_of(_nothing_left(room_id, number + 1), 0, deleted=True)], number + 1
        if row["last_seq"] <= number:
            return [], number
        return [change_of(row, 0, deleted=True, number=row["last_seq"])], row["last_seq"]
    room = rooms.room_of(row)
    page = await sync.changes_since(conn, room, number, limits.SYNC_PAGE)
    changes: list[Change] = []
    for change in page.changes:
        if isinstance(change, MessageChange):
            changes.append(_message_change(change, number))
        elif isinstance(change, MemberChange):
            tell = joined if change.active else left
            changes.append(
                tell(
                    room,
                    change.user_id,
                    change.username,
                    change.display_name,
                    change.avatar,
                    change.change_seq,
                )
            )
        else:
            changes.append(change_of(row, 0, deleted=False))
    return changes, page.up_to


def _nothing_left(room_id: UUID, number: int) -> dict[str, Any]:
    """The row of a room without a row, whose last change this is."""
    return {
        "room_id": room_id, "room_name": str(room_id), "description": None, "is_private": False, "created_by": None,
        "created_at": now_utc(), "member_count": 0, "message_count": 0, "last_message_at": None, "last_seq": number,
        "change_seq": number,
    }  # fmt: skip


def _message_change(change: MessageChange, number: int) -> Change:
    """A message in its present state, as the event that tells it: new, edited or deleted since `number`."""
    if change.deleted:
        gone = MessageDeleted(
            id=change.id,
            message_id=change.id,
            seq=change.seq,
            change_seq=change.change_seq,
            room=change.room,
            room_id=change.room_id,
            deleted_by=None,
            timestamp=change.edited_at or change.timestamp,
        )
        return Change(room_id=change.room_id, number=change.change_seq, event="message-deleted", data=gone)
    kind = Message if change.seq > number else MessageUpdated
    fields = {name: getattr(change, name) for name in Message.__struct_fields__}
    if kind is Message:  # as it was told to those who heard it: before anybody could have received it
        fields |= {"delivered_to": fields["delivered_to"] or [], "read_by": fields["read_by"] or []}
    message = kind(**fields)
    event = "receive-message" if kind is Message else "message-updated"
    return Change(room_id=change.room_id, number=change.change_seq, event=event, data=message)
