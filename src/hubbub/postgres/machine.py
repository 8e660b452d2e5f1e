"""What `hubbub doctor` sees of the machine it runs on: versions, open files, PostgreSQL's programs, disks.

Promises: reads, and changes nothing. Before and after: `doctor.py`.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from hubbub import __version__, open_files
from hubbub.config import Settings
from hubbub.postgres.check import FAIL, OK, WARN, Check, bad
from hubbub.postgres.server import PostgresServer
from hubbub.postgres.troubles import PostgresUnavailable, Trouble

_DISK_FAIL: Final = 200_000_000
_DISK_WARN: Final = 2_000_000_000
_INODES_FAIL: Final = 500  # an empty database has two thousand files, and one more for each gigabyte of a table
_INODES_WARN: Final = 20_000
_CONNECTIONS_WARN: Final = 4_000
_NEWEST_PYTHON: Final = (3, 14)
_LIBRARIES: Final = ("uvloop", "uvicorn", "litestar", "msgspec", "asyncpg")


def versions() -> Check:
    """What it is made of: the first question of whoever is asked for help."""
    found: list[str] = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # uvloop is not for every machine
            found.append(f"no {name}")
    python, system = f"Python {platform.python_version()}", f"{platform.system()} {platform.release()}"
    words = f"Hubbub {__version__}, {python}, {', '.join(found)}, {system}."
    if sys.version_info[:2] <= _NEWEST_PYTHON:
        return Check("versions", OK, words)
    newest = ".".join(map(str, _NEWEST_PYTHON))
    remedy = (f"python{newest} -m venv .venv && .venv/bin/pip install hubbub",)
    title = f"{python} is newer than any that Hubbub was tried with"
    return bad("versions", Trouble("version", title, f"Tried: up to {newest}. {words}", remedy), WARN)


def open_files_check(settings: Settings) -> Check:
    """How many connections the limit on open files allows."""
    wanted = settings.max_connections or open_files.MOST
    possible = open_files.within_reach(wanted)
    enough = wanted if settings.max_connections is not None else _CONNECTIONS_WARN
    if possible >= enough:
        return Check("open_files", OK, f"{possible:,} connections are possible: so many open files `serve` may have.")
    trouble = Trouble(
        "open_files",
        f"Only {possible:,} connections are possible",
        f"Each takes an open file, and `serve` may have no more than {resource.getrlimit(resource.RLIMIT_NOFILE)[1]:,}.",
        (
            f"ulimit -Hn {open_files.files_for(enough)}    # as root, in the shell that starts Hubbub",
            f"LimitNOFILE={open_files.files_for(enough)}    # in a systemd unit",
        ),
    )
    return bad("open_files", trouble, WARN)


def programs(server: PostgresServer) -> Check:
    """Where initdb, psql, pg_dump are."""
    try:
        folder = server.bin_dir()
    except PostgresUnavailable as unavailable:
        # Without psql a database elsewhere works all the same.
        return bad("programs", unavailable.trouble, FAIL if server.is_managed else WARN)
    return Check("programs", OK, f"PostgreSQL's programs are in {folder}.")


def disks(settings: Settings, *, holds_database: bool) -> list[Check]:
    """The disk of the data directory, and that of the backups where it is another.

    Args:
        holds_database: the database is in the data directory, and cannot do without room there.
    """
    data = _existing(settings.data_dir)
    backups = _existing(settings.backup_folder or settings.data_dir / "backups")
    found = [disk("disk", data, FAIL if holds_database else WARN)]
    if os.stat(backups).st_dev != os.stat(data).st_dev:
        found.append(disk("backup_disk", backups, WARN))
    return found


def disk(name: str, folder: Path, worst: str) -> Check:
    """Room on one disk: bytes, and inodes where it counts them.

    Args:
        name: of the finding.
        folder: one that is there.
        worst: what it is when the disk is full.
    """
    facts = os.statvfs(folder)
    free, inodes = facts.f_bavail * facts.f_frsize, facts.f_favail
    counted = facts.f_files > 0  # Btrfs, for one, has as many as it needs
    words = f"{free / 1e9:.1f} GB{f' and {inodes:,} inodes' if counted else ''} are free for {folder}."
    remedies: Sequence[str]
    if counted and inodes < _INODES_WARN and (inodes < _INODES_FAIL or free >= _DISK_WARN):
        what, is_full = "out of inodes", inodes < _INODES_FAIL
        remedies = (f"df -i {folder}", "Remove what has many small files, or make a file system with more inodes.")
    elif free < _DISK_WARN:
        what, is_full = "full", free < _DISK_FAIL
        remedies = (f"df -h {folder}", "Free some space.")
    else:
        return Check(name, OK, words)
    title = f"The disk of {folder} is {'' if is_full else 'nearly '}{what}"
    return bad(name, Trouble("disk_full", title, words, tuple(remedies)), worst if is_full else WARN)


def has_folder(path: str | None) -> bool:
    """Whether a folder that somebody else named is on this machine."""
    return path is not None and Path(path).is_dir()


def _existing(folder: Path) -> Path:
    """A folder, or the nearest above it that is there already."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder
