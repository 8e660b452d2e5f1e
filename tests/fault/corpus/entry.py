"""What an entry of the corpus is: its number, what it sends over which edge, and the answer wanted.

Texts in what is sent may hold names in angle brackets, filled in when it is sent: `<eve>` her token, `<arena>` the room
she is in, `<vault>` a room she is not in, `<said>` and `<secret>` a message in either, `<witness>` the room of others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fault.corpus.runner import Arena

CLOSE_SECONDS = 2.0
"""A connection that breaks the protocol is closed within 200 ms; on a machine where much else runs, within this. No ping
timeout of the server is as short."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, over REST or of Engine.IO.

    Attributes:
        body: JSON values are encoded; bytes are sent as they are.
        status: of the answer; several where the platform decides.
        code: of the failure, where the answer has one.
        who: whose token is sent: `eve`, `ann` or nobody.
        raw: sent as it is, instead of all that.
        closes: whether the server must end the connection after the answer.
    """

    method: str = "GET"
    path: str = "/api/health"
    body: Any = None
    status: int | tuple[int, ...] = 400
    code: str | None = None
    who: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    closes: bool = False


@dataclass(frozen=True)
class Post:
    """The body of a POST to a polling session that is open: refused with 400, and the session is gone."""

    body: bytes
    status: int = 400


@dataclass(frozen=True)
class Frames:
    """What is sent over a WebSocket, and the end it must lead to.

    Attributes:
        frames: text, bytes, or raw bytes of the wire.
        after: `open`: Engine.IO alone; `connected`: as eve in the namespace `/`.
        codes: close codes, any of which will do; None: the socket must live, and answer a question afterwards.
    """

    frames: tuple[str | bytes | Wire, ...]
    after: str = "connected"
    codes: tuple[int, ...] | None = (1002, 1003, 1007, 1008, 1009)


@dataclass(frozen=True)
class Wire:
    """Bytes as they go over the wire, frame heads included."""

    data: bytes


@dataclass(frozen=True)
class Event:
    """One event of eve's, with an ack asked for.

    Attributes:
        code: what the ack must say; None for success.
        field: which field it must name.
    """

    name: str
    data: Any
    code: str | None = "validation_failed"
    field: str | None = None


@dataclass(frozen=True)
class Connect:
    """A CONNECT with these contents: refused with this code."""

    auth: Any
    code: str = "unauthorized"


@dataclass(frozen=True)
class Script:
    """What takes more than one request: it raises where the answer is wrong."""

    run: Callable[[Arena], Awaitable[None]]


How = Request | Post | Frames | Event | Connect | Script


@dataclass(frozen=True)
class Entry:
    """One bad input.

    Attributes:
        number: its number in the corpus, B1 to B114; several entries may share one.
        what: in words.
        how: how it is sent, and the answer wanted.
        note: why the answer is this one, where another might be expected.
        slow: seconds it takes by its nature; such entries run beside the others.
    """

    number: int
    what: str
    how: How
    note: str = ""
    slow: float = 0.0

    @property
    def name(self) -> str:
        return f"B{self.number} {self.what} ({type(self.how).__name__})"


@dataclass(frozen=True)
class Absent:
    """Numbers for which there is no entry, and why."""

    numbers: range
    what: str
    why: str
