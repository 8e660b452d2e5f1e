"""The data directory of the embedded PostgreSQL: its folders, its settings file, its first initialisation.

    HUBBUB_DATA_DIR/
      README.txt              what is what, for people
      hubbub.lock             held by the Hubbub that uses this folder
      postgres/18/            closed to everyone but the account that runs PostgreSQL (0700)
        data/                 the database itself; hubbub.conf in it is written by Hubbub at each start
        socket/               the only way in
        server.log            PostgreSQL's log; at 10 MB it becomes server.log.1

Promises: `data/` appears whole or not at all (made beside it and renamed); nothing in it is ever deleted.
There is no password: whoever may enter the 0700 folder, that is the account itself and root, may use the database. A
password in a file beside it would protect against nobody else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hubbub.postgres.account import Account
from hubbub.postgres.troubles import PostgresUnavailable, Trouble

# sun_path of sockaddr_un holds 108 bytes with the closing NUL (unix(7)); macOS has 104.
_SOCKET_PATH_MAX: Final = 103
_SOCKET_NAME: Final = ".s.PGSQL.5432"
LOG_MAX_BYTES: Final = 10_000_000
# What PostgreSQL is given beyond the pool: psql, pg_dump, migrations, and three kept for the superuser.
_SPARE_CONNECTIONS: Final = 20

_README: Final = """\
This folder belongs to Hubbub, a chat server. It holds its database and its secrets.

  hubbub.lock    held by the Hubbub that runs; remove nothing to "unlock", stop the program instead
  jwt_secret     (if there) the key that signs access tokens
  postgres/NN/   PostgreSQL of major version NN: data/, its socket/, server.log

To look inside:   hubbub db psql
To see its state: hubbub doctor
To start anew:    stop Hubbub, then move this folder away. All messages are in it.

Never delete single files below postgres/, postmaster.pid least of all: PostgreSQL clears up by itself.
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one major version."""

    root: Path
    major: int

    @property
    def home(self) -> Path:
        return self.root / "postgres" / str(self.major)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def config(self) -> Path:
        return self.data / "hubbub.conf"

    @property
    def socket_dir(self) -> Path:
        """`socket/`, or a private folder for temporary files where that path is too long for a socket."""
        near = self.home / "socket"
        if len(os.fsencode(near / _SOCKET_NAME)) <= _SOCKET_PATH_MAX:
            return near
        mark = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"hubbub-{mark}"


def existing_major(root: Path) -> int | None:
    """The newest major version with data here."""
    found = [int(path.parent.parent.name) for path in root.glob("postgres/[0-9]*/data/PG_VERSION")]
    if not found:
        # Folders that this account may not look into still tell that data is there.
        found = [int(path.name) for path in root.glob("postgres/[0-9]*") if not os.access(path, os.X_OK)]
    return max(found, default=None)


def prepare_root(root: Path) -> None:
    """Make HUBBUB_DATA_DIR.

    Raises:
        PostgresUnavailable: it cannot be made or written.
    """
    try:
        if not root.exists():
            root.mkdir(parents=True)
            # Root's PostgreSQL runs as another account, which must pass through.
            root.chmod(0o711 if os.geteuid() == 0 else 0o700)
        with contextlib.suppress(FileExistsError), open(root / "README.txt", "x", encoding="utf-8") as readme:
            readme.write(_README)
    except OSError as error:
        if isinstance(error, PermissionError | NotADirectoryError | FileNotFoundError):
            raise unwritable(root, error) from error
        # A full disk lacks only the README; what needs the space says so itself.


def unwritable(path: Path, error: OSError) -> PostgresUnavailable:
    """HUBBUB_DATA_DIR cannot be used by this account."""
    return PostgresUnavailable(
        Trouble(
            "data_directory",
            "The data directory cannot be written",
            f"{path}: {error.strerror or error}",
            (f"sudo chown -R $(id -un) {path}", "Or choose another: HUBBUB_DATA_DIR=$HOME/hubbub-data hubbub serve"),
        )
    )


def prepare_home(layout: Layout, account: Account) -> None:
    """Make the 0700 folder of this version and the socket's, owned by the account.

    Raises:
        PostgresUnavailable: somebody else's folder stands in the way.
        OSError: a folder cannot be made.
    """
    parent = layout.home.parent
    if not parent.exists():
        parent.mkdir()
        parent.chmod(0o711 if account.drops else 0o700)
    for folder in (layout.home, layout.socket_dir):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            account.give(folder)
        facts = folder.lstat()
        if folder.parent == Path(tempfile.gettempdir()) and (
            not stat.S_ISDIR(facts.st_mode) or facts.st_uid != account.uid
        ):
            raise PostgresUnavailable(
                Trouble(
                    "data_directory",
                    "The folder for the socket belongs to somebody else",
                    f"{folder} is not a folder of {account.name}.",
                    (
                        f"sudo rm -r {folder}",
                        "Or use a HUBBUB_DATA_DIR with a shorter path, whose socket lies inside it.",
                    ),
                )
            )
        if facts.st_uid != account.uid:
            account.give(folder)
        if stat.S_IMODE(facts.st_mode) != 0o700:
            folder.chmod(0o700)
    # What an initialisation that was cut off left behind. One that still runs in there fails, and nothing is lost.
    for stale in layout.home.glob("data.new-*"):
        shutil.rmtree(stale, ignore_errors=True)


def new_folder(layout: Layout, account: Account) -> Path:
    """An empty folder to initialise in."""
    folder = layout.home / f"data.new-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    account.give(folder)
    return folder


def adopt_folder(made: Path, layout: Layout) -> None:
    """Make a finished folder read Hubbub's settings, and give it its name, durably."""
    with open(made / "postgresql.conf", "a", encoding="utf-8") as config:
        config.write(
            "\n# Hubbub's settings. What you write below this line goes before them.\ninclude_if_exists = 'hubbub.conf'\n"
        )
        config.flush()
        os.fsync(config.fileno())
    os.rename(made, layout.data)
    fd = os.open(layout.home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def config_text(layout: Layout, pool_size: int) -> str:
    """The settings that Hubbub decides; those of postgresql.conf below its include line go before them."""
    quoted = str(layout.socket_dir).replace("'", "''")
    return f"""\
# Written by Hubbub at each start. Your own settings: postgresql.conf, below the line that includes this file.
listen_addresses = ''
port = 5432
unix_socket_directories = '{quoted}'
unix_socket_permissions = 0700
max_connections = {pool_size + _SPARE_CONNECTIONS}
cluster_name = 'hubbub'

# Nothing acknowledged is ever lost.
fsync = on
synchronous_commit = on
full_page_writes = on

# Short statements by the thousand: compiling them costs more than it brings.
jit = off

# To server.log, which Hubbub keeps below {2 * LOG_MAX_BYTES // 1_000_000} MB. Terse and without statements: people's messages are not for logs.
logging_collector = off
log_destination = 'stderr'
log_line_prefix = '%m [%p] '
log_min_messages = warning
log_min_error_statement = panic
log_error_verbosity = terse
log_checkpoints = off
log_timezone = 'UTC'
"""


def write_config(layout: Layout, account: Account, text: str) -> bool:
    """Bring hubbub.conf up to date; True where it changed. It is not touched otherwise, so a full disk does no harm."""
    if layout.config.exists() and layout.config.read_text(encoding="utf-8") == text:
        return False
    draft = layout.config.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o600)
    account.give(draft)
    os.replace(draft, layout.config)
    return True


def open_log(layout: Layout, account: Account) -> int:
    """A descriptor to append to server.log."""
    trim_log(layout)
    fd = os.open(layout.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    account.give(layout.log)
    return fd


def trim_log(layout: Layout) -> None:
    """Keep the log bounded, while PostgreSQL goes on appending to the same file."""
    with contextlib.suppress(OSError):
        if layout.log.stat().st_size > LOG_MAX_BYTES:
            with contextlib.suppress(OSError):
                shutil.copyfile(layout.log, layout.log.with_name("server.log.1"))
            os.truncate(layout.log, 0)


def log_tail(layout: Layout, since: int, limit: int = 4_000) -> str:
    """What PostgreSQL wrote after byte `since`, at most the last `limit` bytes."""
    try:
        with open(layout.log, "rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(since if since <= end else 0, end - limit))
            return log.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""


def log_size(layout: Layout) -> int:
    try:
        return layout.log.stat().st_size
    except OSError:
        return 0
