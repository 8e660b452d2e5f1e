"""Which operating-system account runs the embedded PostgreSQL, and how a program is started under it.

PostgreSQL refuses to run as root. Started as an ordinary user, Hubbub runs it as that user. Started as root, it runs it
as the owner of the data, else as the account `hubbub`, `postgres` or `nobody`, whichever is there first; `launch.py` drops
to it. Where that account may not even pass through the folders above (a checkout under /root, say), the process is
given the one capability that lets it (CAP_DAC_READ_SEARCH; in a container, whose root lacks it, CAP_DAC_OVERRIDE): nothing
in the file system is opened up for good. A data directory that the account can reach needs neither.
"""

from __future__ import annotations

import os
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hubbub.postgres.troubles import PostgresUnavailable, Trouble

_PREFERRED: Final = ("hubbub", "postgres", "nobody")
_LAUNCHER: Final = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Account:
    """An account by number. `drops` is True where Hubbub itself is root and has to become it."""

    uid: int
    gid: int
    name: str
    drops: bool

    def command(self, *arguments: str | Path, needs: tuple[Path, ...] = ()) -> list[str]:
        """The command line that runs a program under this account, with the same process id.

        Args:
            needs: folders that the program has to reach.
        """
        plain = [str(argument) for argument in arguments]
        if not self.drops:
            return plain
        search = "" if all(self.may_enter(path) for path in needs) else "search"
        return [sys.executable, "-I", "-S", str(_LAUNCHER), str(self.uid), str(self.gid), search, *plain]

    def may_enter(self, folder: Path) -> bool:
        """True where every folder on the way lets this account through."""
        return all(self._may_pass(step) for step in (folder.resolve(), *folder.resolve().parents))

    def _may_pass(self, folder: Path) -> bool:
        try:
            facts = folder.stat()
        except FileNotFoundError:
            return True
        if facts.st_uid == self.uid:
            return bool(facts.st_mode & 0o100)
        if facts.st_gid == self.gid:
            return bool(facts.st_mode & 0o010)
        return bool(facts.st_mode & 0o001)

    def give(self, path: Path) -> None:
        """Make this account the owner of a path."""
        if self.drops:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose(owned: Path) -> Account:
    """The account for a folder of data that may or may not exist yet.

    Raises:
        PostgresUnavailable: the folder belongs to somebody whom this process cannot become.
    """
    me = os.geteuid()
    owner = owned.stat().st_uid if owned.exists() else None
    if me != 0:
        if owner is not None and owner != me:
            raise PostgresUnavailable(
                Trouble(
                    "data_directory",
                    "The data belongs to somebody else",
                    f"{owned} belongs to {_name(owner)}; this is {_name(me)}.",
                    (
                        f"sudo chown -R {_name(me)} {owned}",
                        "Or start Hubbub as root, or as the account that owns the folder.",
                    ),
                )
            )
        return Account(me, os.getegid(), _name(me), drops=False)
    if owner:
        try:
            entry = pwd.getpwuid(owner)
        except KeyError:
            return Account(owner, owned.stat().st_gid, str(owner), drops=True)
        return Account(owner, entry.pw_gid, entry.pw_name, drops=True)
    for name in _PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, name, drops=True)
    raise PostgresUnavailable(
        Trouble(
            "account",
            "PostgreSQL may not run as root, and there is no other account",
            f"None of {', '.join(_PREFERRED)} exists on this machine.",
            ("useradd --system --no-create-home --shell /usr/sbin/nologin hubbub",),
        )
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
