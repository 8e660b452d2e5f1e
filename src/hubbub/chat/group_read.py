"""Group reads: what many ask within a moment is read in one statement, as their sends are written in one.

Promises: a lone question is read at once; under load a reader may pause between two statements, while the next batch
gathers; at most `READERS` statements run at a time, whoever waits, so that a storm of connects never takes
the pool from the sends; more than `waiting_max` are told `overloaded` at once. A statement
that takes long makes the next batch smaller, down to one. Where the database is away, all who wait are told so.
Before: the use cases. After: a function of `store/` that reads for many.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from hubbub.errors import HubbubError
from hubbub.store.database import Connection, Database

READERS: Final = 2
BATCH_MAX: Final = 256
GATHER_SECONDS: Final = 0.01
LONG_SECONDS: Final = 0.25  # a statement that takes longer holds up those behind it: the next is given fewer

Q = TypeVar("Q")
A = TypeVar("A")


class GroupRead(Generic[Q, A]):
    """One kind of question to the database.

    Args:
        read: answers questions in their order; what many ask alike it reads once.
        waiting_max: questions that may wait.
        pause: seconds between two readings.

    Attributes:
        asked: questions taken since start.
        batches: times they were read since start.
        overloaded: questions refused since start.
    """

    def __init__(
        self,
        database: Database,
        read: Callable[[Connection, Sequence[Q]], Awaitable[Sequence[A]]],
        waiting_max: int,
        pause: float = GATHER_SECONDS,
    ) -> None:
        self._database = database
        self._read = read
        self._waiting_max = waiting_max
        self._pause = pause
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._batch_max = BATCH_MAX
        self._readers: set[asyncio.Task[None]] = set()
        self._running = 0
        self._next_at = 0.0
        self.asked = self.batches = self.overloaded = 0

    @property
    def waiting(self) -> int:
        """Questions that are not being read yet."""
        return len(self._waiting)

    def ask(self, question: Q) -> asyncio.Future[A]:
        """The answer, in a future that may also hold `HubbubError` `unavailable` or `overloaded`.

        Raises:
            HubbubError: `overloaded`, where too many wait already.
        """
        if len(self._waiting) >= self._waiting_max:
            self.overloaded += 1
            raise HubbubError("overloaded", retry_after=1)
        self.asked += 1
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        # Another reader only for a whole batch: what one can read alone shall be one statement.
        if self._running < READERS and (self._running == 0 or len(self._waiting) >= self._batch_max):
            self._running += 1  # not the number of tasks: one that has found nothing more to read still ends
            reader = asyncio.create_task(self._run(), name="group read")
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        return answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                pause = self._next_at - time.monotonic()
                if pause > 0 and len(self._waiting) < self._batch_max:
                    await asyncio.sleep(pause)
                batch = self._waiting[: self._batch_max]
                del self._waiting[: len(batch)]
                batch = [(question, answer) for question, answer in batch if not answer.done()]  # others gave up
                if batch:
                    await self._answer(batch)
        finally:
            self._running -= 1

    async def _answer(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        began = time.monotonic()
        try:
            async with self._database.connection() as conn:
                found = await self._read(conn, [question for question, _ in batch])
        except HubbubError as error:
            batch += self._waiting
            self._waiting.clear()
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(HubbubError(error.code, error.message, retry_after=error.retry_after))
        except Exception as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
        else:
            for (_, answer), one in zip(batch, found, strict=True):
                if not answer.done():
                    answer.set_result(one)
        self.batches += 1
        now = time.monotonic()
        self._next_at = now + self._pause
        is_long = now - began > LONG_SECONDS
        self._batch_max = max(1, len(batch) // 2) if is_long else min(BATCH_MAX, self._batch_max * 2)
