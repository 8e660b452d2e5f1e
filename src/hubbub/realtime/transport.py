"""What a connection stands between: the transport below it and the layer above, and the words for its end.

`websocket.py` and `polling.py` are the two channels; `dispatch.py` is the layer above, or any other `Handler`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from hubbub.realtime.broadcast import Encoded, type_of_memo

# Reasons, as Socket.IO names them where it has a name. Metrics count them.
CLIENT_CLOSED: Final = "transport close"
PING_TIMEOUT: Final = "ping timeout"
PARSE_ERROR: Final = "parse error"
CONNECT_TIMEOUT: Final = "connect timeout"
SLOW: Final = "slow"
SHUTTING_DOWN: Final = "server shutting down"

HIGH_WATER: Final = 65_536  # bytes in a transport's buffer above which it takes no more for now

# WebSocket close codes, RFC 6455 section 7.4.1.
NORMAL, GOING_AWAY, PROTOCOL_ERROR, INVALID_DATA, POLICY, TOO_BIG = 1000, 1001, 1002, 1007, 1008, 1009
TRY_AGAIN_LATER: Final = 1013  # IANA's registry of close codes


class Handler(Protocol):
    """The layer above one connection."""

    @property
    def deadline(self) -> float | None:
        """When, on the loop's clock, the connection is to be closed as `connect timeout`; None for never."""

    @property
    def is_idle(self) -> bool:
        """Whether all that came has been answered."""

    def message(self, data: str | bytes) -> None:
        """One Engine.IO message arrived. A `WireError` closes the connection."""

    def closed(self, reason: str) -> None:
        """The connection is over. Called once; nothing is called after it."""


class Channel(Protocol):
    """A transport in use by one connection."""

    @property
    def ready(self) -> bool:
        """Whether `write` may be called now; when it turns True the channel calls `Connection.channel_ready`."""

    def write(self, waiting: list[Encoded], memo: type_of_memo) -> tuple[list[Encoded], int, int]:
        """Send these messages at once, one at least.

        Returns:
            Those it did not take this time, how many messages it took (a bundle counts as what it holds), and bytes.
        """

    def buffered(self) -> int:
        """Bytes taken by `write` that have not left yet."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self, code: int, reason: str, *, by_client: bool = False) -> None:
        """End the transport in order; what was written before still leaves."""

    def abort(self) -> None:
        """End it at once; what is buffered is lost."""
