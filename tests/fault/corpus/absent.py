"""What has no entry, because there is no door here through which it could come."""

from __future__ import annotations

from typing import Final

from tests.fault.corpus.entry import Absent

ABSENT: Final = (
    Absent(range(68, 72), "passwords reset by mail", "nothing here sends mail: an administrator sets a password"),
    Absent(range(76, 77), "tokens of invitations", "nobody is invited: whoever made a room lets people in by their account"),
    Absent(range(78, 80), "the last owner leaves twice, 50 join a room with one seat",
           "a room has neither owners to run out of nor seats"),
    Absent(range(88, 89), "addresses fetched for previews", "the server fetches nothing that a client names"),
    Absent(range(89, 95), "files uploaded", "no files are taken"),
    Absent(range(110, 115), "hostile frames on the bus", "held by the contract suite of the buses, tests/contract"),
)  # fmt: skip
