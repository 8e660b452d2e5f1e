"""Backups as folders, and the programs that write and read what is in them: pg_dump and pg_restore.

A backup is a folder `hubbub-<UTC stamp>` with `database.dump` (pg_dump's custom format) and `manifest.json`, which says
what the database held at that moment and what each file is, by SHA-256. Promises: a folder has that name only once all in
it is on disk, so that one cut off half-way is never taken for a backup; what was cut off is removed by the next one that
succeeds; older backups go only after that; neither program is given a password on its command line. What a database
holds is `store/`'s to say, and told here by the caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hubbub.postgres.spec import ConnectionSpec
from hubbub.postgres.troubles import PostgresUnavailable, Trouble

FORMAT: Final = 1
DUMP: Final = "database.dump"
MANIFEST: Final = "manifest.json"
_NAME: Final = re.compile(r"hubbub-\d{8}T\d{6}Z")
_UNFINISHED: Final = ".unfinished"
_JOBS: Final = 4  # connections at most over which pg_restore makes tables and indexes side by side
_POLL: Final = 0.5  # seconds between two looks at how large the dump is
# pg_restore 17 sets this on every server, and those before 17 do not know it.
_HARMLESS: Final = re.compile(r'unrecognized configuration parameter "transaction_timeout"')

Grown = Callable[[int], None]
"""Called with the bytes done so far."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        hubbub, schema, postgres: the versions of the program and of the server, and the revision of the schema.
        postgres_major: that of the newer of server and pg_dump: no older pg_restore can read the dump.
        epoch: the one that clients were told.
        started, ended: RFC 3339, UTC. What is in it is as of `started`.
        tables: by name, how many rows and the checksum of what is in them.
        files: by name, bytes and SHA-256.
    """

    hubbub: str
    schema: str
    postgres: str
    postgres_major: int
    epoch: str
    started: str
    ended: str
    tables: dict[str, dict[str, Any]]
    files: dict[str, dict[str, Any]]

    @property
    def bytes(self) -> int:
        return sum(int(file["bytes"]) for file in self.files.values())

    @property
    def taken(self) -> datetime:
        return datetime.fromisoformat(self.started)


def now() -> datetime:
    return datetime.now(UTC)


def name_of(started: datetime) -> str:
    """The name of the folder of a backup that began then, UTC."""
    return f"hubbub-{started:%Y%m%dT%H%M%SZ}"


@asynccontextmanager
async def new_backup(folder: Path, started: datetime) -> AsyncIterator[Path]:
    """A folder to make a backup in. It gets `name_of(started)` when the block ends, and is removed when it raises.

    Raises:
        PostgresUnavailable: the folder cannot be written, or the disk is full.
    """
    made = _unfinished(folder)
    held = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)  # while we live: whoever tidies up knows it for unfinished, not for dead
        yield made
        with told(folder):
            os.fsync(held)
            os.rename(made, folder / name_of(started))
            _flush(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    finally:
        os.close(held)


def _unfinished(folder: Path) -> Path:
    made = folder / f".hubbub-{os.getpid()}-{os.urandom(4).hex()}{_UNFINISHED}"
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        made.mkdir(mode=0o700)
    return made


def write_manifest(made: Path, manifest: Manifest) -> None:
    """The last file of a backup."""
    with told(made.parent), open(made / MANIFEST, "x", encoding="utf-8") as file:
        json.dump({"format": FORMAT, **asdict(manifest)}, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def read_manifest(backup: Path) -> Manifest:
    """
    Raises:
        PostgresUnavailable: the folder is no backup, or one of a later format.
    """
    try:
        told = json.loads((backup / MANIFEST).read_text(encoding="utf-8"))
        if told.pop("format") != FORMAT:
            raise PostgresUnavailable(
                Trouble("backup", "This backup is of a later format", f"{backup}", ("Use the Hubbub that made it.",))
            )
        return Manifest(**told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is cut off, or no manifest of Hubbub's"
        raise PostgresUnavailable(
            Trouble("backup", "This is no whole backup", f"{backup / MANIFEST}: {what}", (_others(backup),))
        ) from None


def _others(named: Path) -> str:
    """Where a backup may be, when what was named is none."""
    inside = backups(named) if named.is_dir() else []
    return f"Name one of its backups: {inside[-1]}" if inside else f"hubbub backups {named.parent}    # what is there"


def describe_file(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file, read whole."""
    with open(path, "rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def damage(backup: Path, manifest: Manifest, *, deeply: bool = True) -> str | None:
    """What is wrong with the files of a backup; None where nothing is.

    Args:
        deeply: read them whole, not just ask for their sizes.
    """
    for name, expected in manifest.files.items():
        path = backup / name
        try:
            size = path.stat().st_size
            if size != expected["bytes"]:
                return f"{path} has {size:,} bytes, and had {expected['bytes']:,}"
            if deeply and describe_file(path)["sha256"] != expected["sha256"]:
                return f"{path} is not what was written: its SHA-256 is another"
        except OSError as error:
            return f"{path}: {error.strerror}"
    return None


def whole(backup: Path) -> Manifest:
    """The manifest of a backup whose files are what they were.

    Raises:
        PostgresUnavailable: they are not, or it is no backup.
    """
    manifest = read_manifest(backup)
    what = damage(backup, manifest)
    if what is not None:
        raise PostgresUnavailable(
            Trouble("backup", "This backup is damaged", what, ("hubbub backups    # is there another?",))
        )
    return manifest


def backups(folder: Path) -> list[Path]:
    """The backups in a folder by name, which is by age, the oldest first; whole or not."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())
    return []


def tidy(folder: Path, keep: int | None) -> list[Path]:
    """Remove what was cut off, and, where `keep` is given, all but the newest so many; says which backups went."""
    for path in folder.glob(f".hubbub-*{_UNFINISHED}"):
        with contextlib.suppress(OSError):  # somebody makes it just now
            held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
            finally:
                os.close(held)
    gone = []
    if keep is not None:
        ours = [path for path in backups(folder) if (path / MANIFEST).exists()]
        for path in ours[: max(0, len(ours) - keep)]:
            # By another name first, so that what is half removed is never taken for a backup.
            doomed = path.with_name(f".{path.name}-{os.urandom(4).hex()}{_UNFINISHED}")
            with told(folder):
                path.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)
            gone.append(path)
    return gone


async def dump(
    program: Path, spec: ConnectionSpec, snapshot: str, made: Path, grown: Grown, *, without_rows: Collection[str]
) -> None:
    """Write what a snapshot sees into `made`.

    Args:
        without_rows: tables of which only the form is written.

    Raises:
        PostgresUnavailable: pg_dump failed; what it said is in the trouble.
    """
    target = made / DUMP
    arguments = [
        "--format=custom", "--no-password", "--no-sync", f"--snapshot={snapshot}", f"--file={target}",
        *(f"--exclude-table-data={table}" for table in sorted(without_rows)),
    ]  # fmt: skip
    failed = await _run(program, arguments, spec, lambda: grown(_size(target)))
    if failed is not None:
        raise PostgresUnavailable(_trouble("The database could not be dumped", failed, made.parent))
    with told(made.parent):
        _flush(target)


async def load(
    program: Path, spec: ConnectionSpec, backup: Path, waiting: Callable[[], None], *, at_once: bool = False
) -> None:
    """Read the dump of a backup into an empty database.

    Args:
        at_once: in one transaction, so that a failure leaves nothing behind.

    Raises:
        PostgresUnavailable: pg_restore failed; without `at_once` the database is half full.
    """
    how = "--single-transaction" if at_once else f"--jobs={min(_JOBS, os.cpu_count() or 1)}"
    arguments = [how, "--no-owner", "--no-password", f"--dbname={spec.database}", str(backup / DUMP)]
    failed = await _run(program, arguments, spec, waiting)
    if failed is None:
        return
    status, said = failed
    errors = [line for line in said.splitlines() if "error:" in line and not _HARMLESS.search(line)]
    if status == 1 and not errors and _HARMLESS.search(said):
        return
    missing = sorted(set(re.findall(r'role "([^"]+)" does not exist', said)))
    if missing:
        remedy = tuple(f'CREATE ROLE "{name}" NOLOGIN;    -- as an administrator of that server' for name in missing)
        detail = "The backup gives rights to roles that this server does not have."
        raise PostgresUnavailable(Trouble("role_missing", "Roles are missing", detail, remedy))
    raise PostgresUnavailable(
        _trouble("The backup could not be read back", (status, "\n".join(errors) or said), backup)
    )


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """What the file system refuses, as a trouble."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PostgresUnavailable(_full(folder, error.strerror or "")) from None
        where = error.filename or folder
        raise PostgresUnavailable(
            Trouble(
                "folder",
                "The folder for backups cannot be used",
                f"{where}: {error.strerror}",
                (f"ls -ld {folder}", "hubbub backup /another/folder"),
            )
        ) from None


async def _run(
    program: Path, arguments: list[str], spec: ConnectionSpec, waiting: Callable[[], None]
) -> tuple[int, str] | None:
    """Run a program to its end, which comes with ours: its status and what it said, or None where all went well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    try:
        process = await asyncio.create_subprocess_exec(
            program, *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env={**kept, **spec.libpq_env(), "LC_ALL": "C"},
        )  # fmt: skip
    except OSError as error:
        return 127, f"{program}: {error.strerror}"
    assert process.stderr is not None
    reading = asyncio.create_task(process.stderr.read())
    try:
        while not reading.done():
            await asyncio.wait((reading,), timeout=_POLL)
            waiting()
        status = await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    return (status, reading.result().decode("utf-8", "replace")) if status != 0 else None


def _trouble(title: str, failed: tuple[int, str], folder: Path) -> Trouble:
    status, said = failed
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return _full(folder, "No space left on device")
    # The first lines say what it was, and are the program's; what it quotes of the data comes after `CONTEXT` or `DETAIL`.
    lines = [line for line in said.splitlines() if re.search(r"(error|fatal|FATAL|ERROR):", line)]
    ended = f"It was ended by signal {-status}. " if status < 0 else ""
    detail = ended + " / ".join(lines[:3])
    return Trouble("backup", title, detail.strip() or f"It ended with status {status}.", ("hubbub doctor",))


def _full(folder: Path, what: str) -> Trouble:
    remedy = (f"df -h {folder}", "Free some space, or name a folder on another disk: hubbub backup /another/folder")
    return Trouble("disk_full", "The disk is full", f"{folder}: {what}. Older backups are as they were.", remedy)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
