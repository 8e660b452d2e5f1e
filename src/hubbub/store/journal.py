"""Group commit: the one way a message gets into the database from a client.

Sends of all connections wait in one bounded queue. The writer takes all that wait and stores them in one statement
(`hubbub.append_messages`); while that commits, the next batch gathers. So throughput rises with load, not latency:
one insert per message gave 256 commits a second on the machine where batches of 64 and more gave 2,000 to 3,700.

Promises:
- `append` returns once its message is committed and flushed, with its final place in its room (law 2).
- Messages of one caller, and of one room, are stored in the order in which `append` was called.
- A batch that fails for one row's sake is redone row by row: a poison message never fails its neighbours.
- Each row has its id from here, and the statement recognises ids it has stored: a batch whose COMMIT was never
  answered is simply sent again, and stores nothing twice. Only after `patience` seconds is a send given up, as unknown.
- The queue is bounded; a send that finds it full is answered `overloaded` and was not stored.

Before: `chat/send_message.py`. After: `fanout/bus.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import structlog

from hubbub.domain.ids import new_id
from hubbub.errors import HubbubError
from hubbub.stages import Stages
from hubbub.store.database import Database, in_our_words, is_passing
from hubbub.store.journal_stats import JournalStats
from hubbub.store.statements import load

SQL: Final = load("messages")
log = structlog.get_logger("journal")

_REFUSALS: Final = {
    "not_found": HubbubError("not_found", "There is no such room, or it is not yours to see."),
    "bad_reply": HubbubError("validation_failed", fields={"replyTo": "There is no such message in this room"}),
    "conflict": HubbubError("conflict", "This clientId was used before, with another text or in another room."),
}


class Stored(NamedTuple):
    """A committed message's place. `duplicate`: this is where its first sending went."""

    message_id: UUID
    seq: int
    change_seq: int
    created_at: datetime
    duplicate: bool


T = TypeVar("T")


class _Waiting(NamedTuple):
    """A send in the queue, with the future its caller awaits."""

    message_id: UUID
    user_id: UUID
    room_id: UUID
    text: str
    client_id: str | None
    reply_to: UUID | None
    since: float
    answer: Callable[[Stored], Any] | None
    done: asyncio.Future[Any]

    def __repr__(self) -> str:
        return f"<send {self.message_id}>"

    @property
    def key(self) -> tuple[UUID, str] | None:
        return (self.user_id, self.client_id) if self.client_id is not None else None


@dataclass(slots=True)
class Journal:
    """The queue and its one writer. Start with `start`, end with `close`.

    Args:
        database: where to.
        queue_max: most sends that may wait.
        batch_max: most rows in one statement.
        patience: seconds for which a send is tried again while the database is away.
        fenced_at: when this process was last taken for dead; what came before (by `time.monotonic`) is refused.
        stages: where it tells how long a batch waited, and took.
    """

    database: Database
    queue_max: int = 10_000
    batch_max: int = 500
    patience: float = 10.0
    fenced_at: float = float("-inf")
    stages: Stages = field(default_factory=Stages)
    stats: JournalStats = field(default_factory=JournalStats)
    _queue: deque[_Waiting] = field(default_factory=deque)
    _in_hand: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _writer: asyncio.Task[None] | None = None
    _is_idle: bool = False
    _closing: bool = False

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="journal")

    async def close(self) -> None:
        """Store what waits, then end; sends that come later are refused."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await self._writer

    @property
    def waiting(self) -> int:
        """Sends not yet answered."""
        return len(self._queue) + self._in_hand

    def append(
        self,
        user_id: UUID,
        room_id: UUID,
        text: str,
        client_id: str | None = None,
        reply_to: UUID | None = None,
        answer: Callable[[Stored], T] | None = None,
    ) -> asyncio.Future[T]:
        """Queue a message; its place in the order is taken now.

        Args:
            answer: called with its place once it is committed, even where nobody waits for the future any more.

        Returns:
            A future: what `answer` makes of the place (the place itself by default), or `HubbubError` `not_found`,
            `conflict`, `validation_failed`, or `unavailable` where it is not known whether it was stored.

        Raises:
            HubbubError: `overloaded`, when the queue is full or the process is ending.
        """
        if self._closing or self.waiting >= self.queue_max:
            self.stats.overloaded += 1
            raise HubbubError("overloaded", retry_after=1)
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        since = time.monotonic()
        self._queue.append(_Waiting(new_id(), user_id, room_id, text, client_id, reply_to, since, answer, done))
        if self._is_idle:
            self._wake.set()
        return done

    async def _write(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._wake.clear()
                self._is_idle = True
                await self._wake.wait()
                self._is_idle = False
                continue
            batch = self._take()
            self.stages.taken(batch[0].since)
            self._in_hand = len(batch)
            try:
                await self._store(batch)
            except Exception as error:
                # Nothing may end the writer: what it cannot explain is answered and logged.
                log.exception("a batch failed", rows=len(batch))
                self._refuse(batch, in_our_words(error) or HubbubError("internal"))
            finally:
                self._in_hand = 0

    def _take(self) -> list[_Waiting]:
        """The next batch. A clientId that stands in it already waits for the next, and is a duplicate there."""
        batch: list[_Waiting] = []
        keys: set[tuple[UUID, str]] = set()
        while self._queue and len(batch) < self.batch_max:
            key = self._queue[0].key
            if key is not None:
                if key in keys:
                    break
                keys.add(key)
            batch.append(self._queue.popleft())
        return batch

    async def _store(self, batch: list[_Waiting]) -> None:
        """Store a batch, again and again while the database is away, row by row where a row is to blame."""
        pause = 0.05
        while batch := self._still_patient(batch):
            try:
                await self._commit(batch)
                return
            except Exception as error:
                passing = (isinstance(error, HubbubError) and error.row.retryable) or is_passing(error)
                if not passing:
                    if len(batch) == 1:
                        log.error("a message could not be stored", error=type(error).__name__)
                        self._refuse(batch, in_our_words(error) or HubbubError("internal"))
                        return
                    # A race for one clientId, or a row the statement cannot take: each for itself.
                    self.stats.redone += 1
                    for row in batch:
                        await self._store([row])
                    return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _still_patient(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Those that may wait on; the others are told that it is not known what became of them."""
        oldest = max(time.monotonic() - self.patience, self.fenced_at)
        self._refuse([row for row in batch if row.since <= oldest], HubbubError("unavailable"))
        return [row for row in batch if row.since > oldest]

    async def _commit(self, batch: list[_Waiting]) -> None:
        """One statement, one commit; then every caller learns what became of its message."""
        started = time.perf_counter()
        async with self.database.urgent() as conn:
            rows = await conn.fetch(
                SQL["append"],
                [row.message_id for row in batch],
                [row.user_id for row in batch],
                [row.room_id for row in batch],
                [row.text for row in batch],
                [row.client_id for row in batch],
                [row.reply_to for row in batch],
            )
        self.stages.committed(started)
        stats = self.stats
        stats.batches += 1
        stats.rows += len(batch)
        stats.largest_batch = max(stats.largest_batch, len(batch))
        for place, outcome, message_id, seq, change_seq, created_at in rows:
            waiting = batch[place - 1]
            if outcome in ("stored", "duplicate"):
                duplicate = outcome == "duplicate" and message_id != waiting.message_id
                stats.duplicates += duplicate
                stats.stored += not duplicate
                try:
                    stored = Stored(message_id, seq, change_seq, created_at, duplicate)
                    answer = stored if waiting.answer is None else waiting.answer(stored)
                except Exception:  # it is stored, whatever its sender's answer
                    log.exception("a stored message could not be answered")
                    self._refuse([waiting], HubbubError("internal"))
                    continue
                if not waiting.done.done():
                    waiting.done.set_result(answer)
            else:
                self._refuse([waiting], _REFUSALS[outcome])

    def _refuse(self, batch: list[_Waiting], error: HubbubError) -> None:
        for row in batch:
            self.stats.refused += 1
            if not row.done.done():
                row.done.set_exception(
                    HubbubError(error.code, error.message, fields=error.fields, retry_after=error.retry_after)
                )
