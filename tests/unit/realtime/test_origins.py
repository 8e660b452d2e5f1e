"""Which pages may open a connection: those of the listed origins, or, without a list, those of the host itself."""

from __future__ import annotations

import pytest

from hubbub.realtime.connection import Connection, Handler
from hubbub.realtime.registry import Options, Registry


def _never(connection: Connection) -> Handler:
    raise AssertionError("nobody connects")


@pytest.mark.parametrize(
    ("listed", "origin", "host", "allowed"),
    [
        ((), None, "chat.example", True),
        ((), "https://chat.example", "chat.example", True),
        ((), "http://CHAT.example:3001", "chat.example:3001", True),
        ((), "https://chat.example", "chat.example:3001", False),
        ((), "https://evil.example", "chat.example", False),
        ((), "null", "chat.example", False),
        ((), "https://chat.example", None, False),
        (("https://chat.example",), "https://chat.example", "inner:3001", True),
        (("https://chat.example",), "http://inner:3001", "inner:3001", False),
        ("*", "null", None, True),
    ],
)
def test_origins(listed: tuple[str, ...] | str, origin: str | None, host: str | None, allowed: bool) -> None:
    registry = Registry(Options(cors_origins=listed), _never)
    assert registry.allows(origin, host) is allowed
