"""Backups by the clock: `HUBBUB_BACKUP_SCHEDULE`, kept by whichever process of all nodes comes first.

Promises: one process at a time makes one (the claim is taken in the database, and a backup under way holds a lock there);
it is made by a process of its own, `hubbub backup`, so that serving goes on; one that was missed because nobody served is
made at the next start; one that fails is told in the log and in the metrics, and tried again after a quarter of an hour.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from hubbub.intervals import latest_due

LOOK_SECONDS: Final = 60.0

log = structlog.get_logger("backup")


@dataclass(slots=True)
class ScheduledBackups:
    """The clock of one process.

    Attributes:
        schedule: None: there is none, and only the time of the latest backup is kept in view.
        keep: how many backups stay.
        claim: takes the backup that was due at a time, if nobody has made or taken it; whether it did.
        latest: when the latest backup was made, by whatever process or `hubbub backup`: seconds since 1970, 0 for never.
        last_success: the same, at the last look.
        failures: of this process since it started.
    """

    schedule: str | None
    keep: int
    claim: Callable[[datetime], Awaitable[bool]]
    latest: Callable[[], Awaitable[float]]
    last_success: float = 0.0
    failures: int = 0

    async def run(self) -> None:
        """Look once a minute whether one is due. Ends by cancellation only, and its backup with it."""
        while True:
            try:
                if self.schedule is not None and await self.claim(latest_due(self.schedule, datetime.now(UTC))):
                    await self._make()
                self.last_success = await self.latest()
            except Exception as error:  # most often the database is away: what is due now is due later
                log.warning("it is not known whether a backup is due", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def _make(self) -> None:
        log.info("a backup begins")
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "hubbub.cli.main", "backup", "--keep", str(self.keep),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us
            )  # fmt: skip
        except OSError as error:
            self._failed(f"it cannot be started: {error.strerror}")
            return
        try:
            _, said = await process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise
        if process.returncode == 0:
            log.info("a backup was made")
        else:
            self._failed(said.decode(errors="replace")[-1000:])

    def _failed(self, said: str) -> None:
        self.failures += 1
        log.error("a backup failed; the next try is in a quarter of an hour", said=said)
