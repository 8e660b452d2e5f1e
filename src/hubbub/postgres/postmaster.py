"""What can be known of a running PostgreSQL from outside: its `postmaster.pid`, its processes, its end.

`postmaster.pid` belongs to PostgreSQL and is never deleted or changed here. Its lines: process id, data directory,
start time, port, socket folder, listen address, shared memory, status (PostgreSQL source, miscadmin.h, LOCK_FILE_LINE_*).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_POLL: Final = 0.1


@dataclass(frozen=True, slots=True)
class PidFile:
    """The lines that matter."""

    pid: int
    port: int
    socket_dir: str
    status: str

    @property
    def is_ready(self) -> bool:
        return self.status == "ready"


def read_pidfile(data: Path) -> PidFile | None:
    """The pid file, or None where there is none that is whole (it is written in two steps)."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        return PidFile(abs(int(lines[0])), int(lines[3]), lines[4], lines[7].strip() if len(lines) > 7 else "starting")
    except (FileNotFoundError, IndexError, ValueError):
        return None


def was_cut_off(data: Path) -> bool:
    """Whether the PostgreSQL that was here last did not end by itself: it removes its pid file last of all.

    Only while none runs on this data. The next start then replays the log.
    """
    return (data / "postmaster.pid").exists()


def _exists(pid: int) -> bool:
    """True while the number is taken, be it by a zombie that nobody has fetched."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def is_alive(pid: int) -> bool:
    """True while the process exists and has not ended (a zombie has)."""
    if not _exists(pid):
        return False
    with contextlib.suppress(OSError, IndexError):
        # Linux: field 3 of /proc/PID/stat, after the name in parentheses.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    return True


def _works_in(pid: int, data: Path) -> bool | None:
    """True where the process is a PostgreSQL of this data directory; None where the system does not tell."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        return name.startswith("postgres") and os.path.samefile(f"/proc/{pid}/cwd", data)
    except FileNotFoundError:
        return None if not Path("/proc/self/cwd").exists() else False
    except PermissionError:
        # Root of a container may not see where another account's process works (it lacks CAP_SYS_PTRACE), but with what
        # arguments it was started. A postmaster keeps them; its children, which do not, are then left alone.
        with contextlib.suppress(OSError):
            return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return False
    except OSError:
        return False


def running(data: Path) -> PidFile | None:
    """The pid file of a server that really runs on this data, else None."""
    found = read_pidfile(data)
    if found is None or not is_alive(found.pid):
        return None
    ours = _works_in(found.pid, data)
    if ours is None:
        answer = subprocess.run(  # noqa: S603
            ["/bin/ps", "-p", str(found.pid), "-o", "comm="], capture_output=True, text=True, check=False
        )
        ours = "postgres" in answer.stdout
    return found if ours else None


def innocent_holder(data: Path) -> int | None:
    """A process that merely has the number written in a stale pid file.

    After a restart of a container that may be anybody; and where the first process of a container fetches no zombies, it
    is the dead postmaster itself. PostgreSQL would take either for its own postmaster, and refuse to start.
    """
    found = read_pidfile(data)
    if found is None or not _exists(found.pid) or running(data) is not None:
        return None
    return found.pid


def leftovers(data: Path) -> list[int]:
    """Processes of a PostgreSQL on this data whose postmaster is gone; empty where the system cannot tell (not Linux)."""
    found = []
    current = running(data)
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if (current is None or pid != current.pid) and _works_in(pid, data):
            found.append(pid)
    return found if current is None else []


def end_leftovers(data: Path) -> list[int]:
    """Tell backends that outlived their postmaster to end at once; they hold the shared memory the next one needs.

    SIGQUIT is PostgreSQL's immediate shutdown (postgres, "Notes"): nothing committed is lost, the next start replays the log.
    """
    pids = leftovers(data)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
    return pids


async def wait_gone(pid: int, timeout: float | None = None) -> bool:
    """Wait until a process has ended; it need not be a child. False when `timeout` seconds went by first."""
    try:
        async with asyncio.timeout(timeout):
            await _gone(pid)
    except TimeoutError:
        return False
    return True


async def _gone(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):
        while is_alive(pid):  # noqa: ASYNC110 - no event tells of another's process here
            await asyncio.sleep(_POLL)
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
