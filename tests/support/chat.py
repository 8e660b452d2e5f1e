"""The use cases over a real database, without any edge: for tests of an edge, or of the use cases themselves.

`running_chat` puts together what `app.py` puts together, with the same parts. Every statement that goes through its
database is remembered by name, so that a test can say what a request may cost.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from hubbub.chat.context import Chat, Rules
from hubbub.chat.group_read import GroupRead
from hubbub.chat.limiter import FailureLimiter, SendLimiter
from hubbub.chat.passwords import Passwords
from hubbub.chat.presence import Presence
from hubbub.chat.receipts import ReceiptBook
from hubbub.chat.tokens import Tokens
from hubbub.chat.typing import TypingBook
from hubbub.domain import limits
from hubbub.domain.changes import Hint
from hubbub.fanout.local import LocalBus
from hubbub.store import arrivals, sync
from hubbub.store.database import Connection, Database
from hubbub.store.journal import Journal

SECRET = "a key that is only ever used in tests, and long enough"
_NAME = re.compile(r"/\* ([\w.]+) \*/")


class WatchedDatabase(Database):
    """A database that remembers which named statements it was asked."""

    statements: list[str] | None = None

    @asynccontextmanager
    async def urgent(self, *, is_guarded: bool = True) -> AsyncIterator[Connection]:
        async with super().urgent(is_guarded=is_guarded) as held:
            with held.query_logger(self._note):
                yield held

    def _note(self, record: Any) -> None:
        found = _NAME.match(record.query)
        if self.statements is not None and found:
            self.statements.append(found[1])

    @contextmanager
    def watch(self) -> Iterator[list[str]]:
        """The names of the statements that run meanwhile, in their order."""
        names: list[str] = []
        self.statements = names
        try:
            yield names
        finally:
            self.statements = None


class WatchedBus(LocalBus):
    """A bus that remembers what was published."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Hint] = []

    def publish(self, hint: Hint) -> None:
        self.published.append(hint)
        super().publish(hint)


@asynccontextmanager
async def running_chat(
    dsn: str, *, pool_size: int = 5, receipt_rows_max_members: int = 100, token_seconds: int = 900, **rules: Any
) -> AsyncIterator[Chat]:
    """A whole chat on a database, started, and ended afterwards.

    Args:
        token_seconds: life of an access token.
        rules: what differs from the defaults of `Rules`.
    """
    database = await WatchedDatabase.open({"dsn": dsn}, size=pool_size, timeout=10)
    bus = WatchedBus()
    chat = Chat(
        database=database,
        journal=Journal(database),
        bus=bus,
        tokens=Tokens(SECRET, token_seconds),
        passwords=Passwords(),
        receipts=ReceiptBook(database, bus, receipt_rows_max_members),
        presence=Presence(database, bus),
        typing=TypingBook(bus),
        login_failures=FailureLimiter(limits.FAILURES_OF_NAME, limits.FAILURES_OF_ADDRESS, seconds=60, secret=SECRET),
        sends=SendLimiter(0),
        arrivals=GroupRead(database, arrivals.arrive, limits.ARRIVALS_MAX),
        looks=GroupRead(database, sync.look, limits.LOOKS_MAX),
        pages=GroupRead(database, sync.pages, limits.LOOKS_MAX, pause=0),
        rules=Rules(
            **{
                "max_message_bytes": 16_384,
                "refresh_expires_in": 86_400,
                "public_directory": False,
                "allow_guests": False,
                "registration_open": True,
                **rules,
            }
        ),
    )
    chat.journal.start()
    chat.receipts.start()
    await chat.presence.start()
    try:
        yield chat
    finally:
        await chat.journal.close()
        await chat.receipts.close()
        chat.typing.close()
        await chat.presence.close()
        await bus.close()
        chat.passwords.close()
        await database.close()
