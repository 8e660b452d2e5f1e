"""Done once: a command that carries a client id is done the first time, and answered the same way for ever after (law 5).

The id is the person's, not the session's or the device's, so that a retry after signing in again is still a retry; it is
taken in the transaction that does the command, so that both are committed or neither. A send and a new room keep their
ids in their own rows; everything else that somebody may undo since (an edit by another edit, a coming by a going) has a
row of `hubbub.commands`, because doing it again, later, would undo that.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec

from hubbub.domain.answers import Answer
from hubbub.domain.model import Actor
from hubbub.errors import HubbubError
from hubbub.store import commands
from hubbub.store.database import Connection

_A = TypeVar("_A", bound=Answer)


async def begin(conn: Connection, actor: Actor, client_id: str | None, answer: type[_A], *says: object) -> _A | None:
    """Begin a command inside its transaction: None where it is to be done, else what was answered the first time.

    Args:
        answer: the kind of answer.
        says: all that the command says; a repeat says the same.

    Raises:
        HubbubError: `conflict`, where the id was used for something else.
    """
    if client_id is None:
        return None
    digest = hashlib.sha256(msgspec.json.encode(says)).digest()
    first = await commands.begin(conn, actor.user_id, client_id, digest)
    if first is None:
        return None
    if first["hash"] != digest:
        raise HubbubError("conflict", "This clientId was used before, for something else.")
    return msgspec.json.decode(first["answer"], type=answer)


async def keep(conn: Connection, actor: Actor, client_id: str | None, answer: _A) -> _A:
    """The command is done; its repeats are answered so."""
    if client_id is not None:
        await commands.keep(conn, actor.user_id, client_id, msgspec.json.encode(answer).decode())
    return answer
