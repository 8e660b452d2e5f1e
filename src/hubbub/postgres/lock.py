"""One Hubbub per data directory: a lock on a file, held for life and let go by the kernel when the process dies.

The file names its holder for people; the lock itself, not the file's presence, is what counts. It is not inherited by
PostgreSQL, so an orphaned server does not keep it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from hubbub.postgres.troubles import PostgresUnavailable, Trouble


class DirectoryLock:
    """An exclusive lock on `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock, or say who has it.

        Raises:
            PostgresUnavailable: another process holds it (`kind` is "in_use").
            OSError: the file cannot be opened.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 64).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise PostgresUnavailable(
                Trouble(
                    "in_use",
                    "Another Hubbub already uses this data directory",
                    f"Process {holder} holds {self._path}.",
                    (
                        "Use the one that runs; `hubbub db psql` and `hubbub db status` work beside it.",
                        f"Or stop it first: kill {holder}",
                        "Or give this one a folder of its own: HUBBUB_DATA_DIR=/another/folder hubbub serve",
                    ),
                )
            ) from None
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        # On a full disk the name cannot be written; the lock holds all the same.
        with contextlib.suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go; harmless when not held."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None
