"""What is read at the end of a run: every room by SQL, and by REST from whichever node answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg
from tests.fault.harness.checker import FinalState, Row
from tests.fault.harness.history import body_hash

if TYPE_CHECKING:
    from tests.fault.harness.load import Load

_PAGE: Final = 100


async def read_database(db: asyncpg.Connection, room_names: dict[str, str]) -> FinalState:
    """The rooms named, as they stand.

    Args:
        room_names: names by id.
    """
    final = FinalState()
    ids = list(room_names)
    for room_id, last_seq, change_seq in await db.fetch(
        "SELECT room_id, last_seq, change_seq FROM rooms WHERE room_id = ANY ($1::uuid[])", ids
    ):
        name = room_names[str(room_id)]
        final.rows[name], final.others[name], final.last_seq[name] = [], {change_seq} - {0}, last_seq
    for room_id, seq, change_seq, sender, client_id, text, deleted in await db.fetch(
        "SELECT room_id, seq, change_seq, username, client_id, message_text, is_deleted FROM messages"
        " LEFT JOIN users USING (user_id) WHERE room_id = ANY ($1::uuid[]) ORDER BY seq",
        ids,
    ):
        parts = text.split(":")
        final.rows[room_names[str(room_id)]].append(
            Row(
                seq, change_seq, sender or "", client_id or "", "" if deleted else body_hash(text),
                int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else None, deleted,
            )
        )  # fmt: skip
    for room_id, user, change_seq, delivered, read in await db.fetch(
        "SELECT room_id, username, change_seq, delivered_seq, read_seq FROM room_members JOIN users USING (user_id)"
        " WHERE room_id = ANY ($1::uuid[])",
        ids,
    ):
        name = room_names[str(room_id)]
        final.others[name] |= {change_seq} - {0}
        final.marks.append((user, name, delivered, read))
    return final


def said_by(text: str, sender: str) -> tuple[str, int | None]:
    """Of one of the load's texts, its sender and its number, believed before any column; of another, its `sender`."""
    parts = text.split(":")
    if len(parts) == 3 and parts[1].isdigit():
        return parts[0], int(parts[1])
    return sender, None


async def read_pages(load: Load, final: FinalState) -> None:
    """Every room by REST, page after page from its beginning, as somebody reads who has just come."""
    for name, room_id in load.room_ids.items():
        reader = next((one for one in load.everyone if room_id in one.cursors), None)
        if reader is None:
            continue
        read: list[tuple[int, str]] = []
        after = 0
        while True:
            path = f"/api/rooms/{room_id}/messages?after={after}&limit={_PAGE}"
            answer = await load.rest("GET", path, reader.person)
            if not answer["success"]:
                load.troubles.append(f"reading {name}: {answer['code']}")
                break
            read += [(one["seq"], "" if one["deleted"] else body_hash(one["message"])) for one in answer["data"]]
            if answer["nextCursor"] is None:
                final.pages[name] = read
                break
            after = int(answer["nextCursor"])
