"""A program of its own: become another account, then the program named. Run by `account.py`, as root only.

    python -I -S launch.py UID GID SEARCH PROGRAM ARGUMENTS...

SEARCH is `search` where the program must pass through folders closed to its account; it then keeps CAP_DAC_READ_SEARCH
(capabilities(7), "ambient"), or, in a container whose root lacks that, CAP_DAC_OVERRIDE; nothing else of root's. A separate process, because changing accounts between fork and
exec of a process with threads is not safe in Python. Imports nothing of Hubbub: it starts in 20 ms.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys

_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAP_SETPCAP = 8
_NO_SETUID_FIXUP = 1 << 2  # securebits.h
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522


def _check(answer: int, what: str) -> None:
    if answer != 0:
        raise OSError(ctypes.get_errno(), what)


def become(uid: int, gid: int, search: bool) -> None:
    """Give up root for good.

    Raises:
        OSError: this process may not do so.
    """
    libc = ctypes.CDLL(None, use_errno=True) if search else None
    if libc is not None:
        _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "PR_SET_KEEPCAPS")
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if libc is not None:
        try:
            _keep(libc, _CAP_DAC_READ_SEARCH)
        except PermissionError:
            _keep(libc, _CAP_DAC_OVERRIDE)


def _keep(libc: ctypes.CDLL, capability: int) -> None:
    """Keep one capability, across the exec too."""
    bit, own = 1 << capability, 1 << _CAP_SETPCAP
    # Asked by access(2), the kernel forgets the capabilities of whoever is not root, unless this bit is set. PostgreSQL's
    # programs find each other by access(2). A container's root may not set it; then only its data can be in a closed folder.
    with contextlib.suppress(OSError):
        _set(libc, own, own | bit, 0)
        _check(libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0), "PR_SET_SECUREBITS")
    _set(libc, bit, bit, bit)
    _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0), "PR_CAP_AMBIENT_RAISE")


def _set(libc: ctypes.CDLL, effective: int, permitted: int, inheritable: int) -> None:
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    # Two words each; the second word (capabilities from 32 up) stays empty.
    _check(libc.capset(header, struct.pack("=6I", effective, permitted, inheritable, 0, 0, 0)), "capset")


def main() -> None:
    """Become the account, then the program."""
    uid, gid, search, *command = sys.argv[1:]
    try:
        become(int(uid), int(gid), search == "search")
        os.execv(command[0], command)  # noqa: S606 - this is what the program is for
    except OSError as error:
        sys.stderr.write(f"FATAL:  cannot start {command[0]} as uid {uid}: {error}\n")
        sys.exit(71)  # EX_OSERR of sysexits.h


if __name__ == "__main__":
    main()
