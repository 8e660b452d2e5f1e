"""Who may do what: one condition a line. Pure; the store enforces the same again in the statement that writes (law 4)."""

from __future__ import annotations

from uuid import UUID

from hubbub.domain.model import Actor, Room


def is_admin(actor: Actor) -> bool:
    return actor.role == "admin"


def may_see(room: Room) -> bool:
    """Know that the room exists, its name and its figures."""
    return room.is_member or not room.is_private


def may_read(room: Room) -> bool:
    """Read its messages and its members: members, and anyone signed in where the room is public."""
    return room.is_member or not room.is_private


def may_post(room: Room) -> bool:
    return room.is_member


def may_join(room: Room) -> bool:
    return room.is_member or not room.is_private


def may_change_room(actor: Actor, room: Room) -> bool:
    """Rename, describe, close, delete; add and remove people."""
    return is_admin(actor) or (room.created_by is not None and room.created_by == actor.user_id)


def may_change_account(actor: Actor, user_id: UUID) -> bool:
    return actor.user_id == user_id or is_admin(actor)


def may_edit_message(actor: Actor, author: UUID | None) -> bool:
    return author is not None and author == actor.user_id


def may_delete_message(actor: Actor, author: UUID | None, room: Room) -> bool:
    """Its author, whoever made the room, an administrator."""
    return may_edit_message(actor, author) or may_change_room(actor, room)
