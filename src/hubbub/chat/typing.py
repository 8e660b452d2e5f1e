"""Who is typing: told to the others of a room, ends by itself, written nowhere."""

from __future__ import annotations

import asyncio
from uuid import UUID

from hubbub.domain import limits
from hubbub.domain.changes import Told
from hubbub.domain.events import UserTyping
from hubbub.domain.model import Actor
from hubbub.fanout.bus import Bus

TYPING_MAX = 10_000  # people typing through this process at once


class TypingBook:
    """Remembers who types where, so that repeats are not told again and silence ends it.

    Args:
        seconds: after which typing ends by itself.
    """

    def __init__(self, bus: Bus, seconds: float = limits.TYPING_SECONDS) -> None:
        self._bus = bus
        self.seconds = seconds
        self._ends: dict[tuple[UUID, UUID], asyncio.TimerHandle] = {}

    def set(self, actor: Actor, room_id: UUID, room: str, is_typing: bool) -> None:
        """`actor` types in a room, or has stopped. Costs a message to the room only when that is news."""
        key = (room_id, actor.user_id)
        timer = self._ends.pop(key, None)
        if timer is not None:
            timer.cancel()
        if is_typing:
            if timer is None and len(self._ends) >= TYPING_MAX:
                return  # nobody would remember to end it
            loop = asyncio.get_running_loop()
            self._ends[key] = loop.call_later(self.seconds, self.set, actor, room_id, room, False)
        if is_typing != (timer is not None):
            data = UserTyping(
                user_id=actor.user_id,
                username=actor.username,
                display_name=actor.display_name,
                is_typing=is_typing,
                room=room,
                room_id=room_id,
            )
            self._bus.publish(Told(room_id=room_id, event="user-typing", data=data, but=actor.user_id))

    def close(self) -> None:
        for timer in self._ends.values():
            timer.cancel()
        self._ends.clear()
