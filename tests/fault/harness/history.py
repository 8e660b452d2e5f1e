"""The history of a run: one JSON line for everything a client did and was told. The checker reads it; nothing else does.

A record says which client, what (`op`), how it went (`phase`), and what it concerns. The words of `op`:

    send, edit, delete   invoke; then ok (acknowledged), fail (refused: not stored) or nothing more (unknown)
    begin    ok    the client's stream of a room begins behind number `seq`; again after a resync
    hear     ok    one change, `change_seq`, became known to the client, `source` live or sync; of a message also its
                   `seq`, `body_hash` and `secret`: the room whose secret its text holds
    page     ok    a page of `sync` was taken: from `seq` up to `change_seq`
    done     ok    after the end: the client has caught up with the room up to `change_seq`
    member   ok    `client` became (`about` in) or is no longer (`about` out) a member of the room
    read     ok    a new reader saw the places `numbers` of a room by REST, all those from the least of them up to `seq`,
                   asked for at `t_mono`
    marks    ok    the database's watermarks of `client` in the room: `numbers` = delivered, read, the room's counter
    restored info  the database was put back to an earlier state under a new epoch: what was acknowledged may be gone
    fault    info  what was done to the system, in `about`

Times are of this process's monotonic clock, in seconds. Texts stay out of it: `body_hash` stands for them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

_FLUSH_BYTES: Final = 1 << 16


class Record(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One line. Rooms and clients go by their names."""

    t_mono: float
    client: str
    op: str
    phase: str
    room: str = ""
    client_id: str = ""
    body_hash: str = ""
    seq: int = 0
    epoch: str = ""
    change_seq: int = 0
    source: str = ""
    secret: str = ""
    about: str = ""
    numbers: list[int] = []


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Record).decode


def body_hash(body: str) -> str:
    """What stands for a text."""
    return hashlib.blake2b(body.encode(), digest_size=8).hexdigest()


class History:
    """Writes records to a file, and reads them back in the order in which they were noted.

    Args:
        path: the file; what is in it already stays, and comes first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.noted = 0
        self._waiting = bytearray()
        self._file = path.open("ab")

    def note(self, client: str, op: str, phase: str = "ok", *, t_mono: float | None = None, **what: Any) -> None:
        """One record, of now unless `t_mono` says otherwise; `what` are further fields of `Record`."""
        at = time.monotonic() if t_mono is None else t_mono
        self._waiting += _encode(Record(t_mono=round(at, 6), client=client, op=op, phase=phase, **what)) + b"\n"
        self.noted += 1
        if len(self._waiting) >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Bring what was noted into the file."""
        self._file.write(self._waiting)
        self._file.flush()
        self._waiting.clear()

    def __iter__(self) -> Iterator[Record]:
        self.flush()
        with self.path.open("rb") as lines:
            for line in lines:
                yield _decode(line)

    def close(self) -> None:
        self.flush()
        self._file.close()
