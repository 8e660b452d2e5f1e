"""What other programs wrote into the database, told to the sockets of this process.

Each process hears it for itself, so nothing goes round by the bus. Before: `fanout/plain_sql.py`. After: the feeds, and
`delivery.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hubbub.chat.sync import read_changes
from hubbub.domain.events import UserJoined
from hubbub.fanout.plain_sql import Word
from hubbub.sockets.delivery import accept, newcomer
from hubbub.sockets.edge import Edge


async def take(edge: Edge, words: Sequence[Word]) -> None:
    """See to what was heard; words of rooms and people that are not here cost nothing.

    Raises:
        HubbubError, asyncpg.PostgresError: the database could not be asked; rooms are seen to all the same.
    """
    receipts = []
    comings = []
    for word in words:
        if word.user_id is None:
            edge.feeds.changed(word.room_id)
        elif word.kind == "joined":
            comings.append(word)
        elif word.room_id in edge.feeds.by_id:
            receipts.append((word.room_id, word.user_id, word.kind == "read"))
    for word in comings:
        await _come_in(edge, word)
    accept(edge, await edge.chat.receipts.hints_of(receipts))


async def _come_in(edge: Edge, word: Word) -> None:
    """The sockets of somebody who was let in hear the room, if they are still a member."""
    assert word.user_id is not None
    if all(word.room_id in seat.rooms for seat in edge.seats.by_user.get(word.user_id, ())):
        return
    async with edge.chat.database.connection() as conn:
        changes, _ = await read_changes(conn, word.room_id, word.number - 1)
    for change in changes:
        if isinstance(change.data, UserJoined) and change.data.user_id == word.user_id:
            newcomer(edge, change, word.user_id)
