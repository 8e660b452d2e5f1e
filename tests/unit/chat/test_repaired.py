"""A message that a feed reads for a gap is the event that others heard: the same bytes, whatever the size of the room."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET

from hubbub.chat.sync import _message_change
from hubbub.domain.answers import MessageChange
from hubbub.domain.model import Message

ROOM, ANN, ID = UUID(int=1), UUID(int=2), UUID(int=3)
SAID = {
    "id": ID, "seq": 7, "change_seq": 7, "room": "general", "room_id": ROOM, "user_id": ANN, "username": "ann",
    "display_name": "Ann", "avatar": None, "message": "hello", "timestamp": "2026-11-22T10:00:00.000Z", "client_id": "c1",
}  # fmt: skip


@pytest.mark.parametrize(
    "receipts", [{}, {"delivered_to": UNSET, "read_by": UNSET}, {"delivered_to": [], "read_by": []}]
)
def test_as_it_was_told(receipts: dict[str, object]) -> None:
    told = Message(**SAID, delivered_to=[], read_by=[])  # type: ignore[arg-type]
    repaired = _message_change(MessageChange(**SAID, **receipts), 6)  # type: ignore[arg-type]
    assert repaired.event == "receive-message"
    assert msgspec.json.encode(repaired.data) == msgspec.json.encode(told)
