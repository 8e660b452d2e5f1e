"""What decoding may raise: the `WireError` family, and nothing else.

    WireError
    ├── MalformedPacket   the bytes are not of the grammar
    ├── PacketTooLarge    they are, but beyond a stated limit
    ├── ProtocolViolation a good packet at the wrong moment, or to the wrong place
    └── FrameError        a WebSocket frame that RFC 6455 forbids, with the close code to answer

Each ends the connection; a message says what was wrong and never repeats the client's text.
"""

from __future__ import annotations


class WireError(Exception):
    """A client broke the protocol; its connection is to be closed."""


class MalformedPacket(WireError):
    """The bytes are not of the grammar."""


class PacketTooLarge(WireError):
    """The packet is beyond a stated limit: bytes, packets, attachments, depth or keys."""


class ProtocolViolation(WireError):
    """A well-formed packet that its sender may not send now."""


class FrameError(WireError):
    """A WebSocket frame that may not be; `code` is the close code to answer (RFC 6455, section 7.4.1)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
