"""The listening socket, where other nodes reach it, and the line that says where it is. Bound first of all: a port that
is taken is told before anything is started."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from typing import Final

import structlog

from hubbub.config import Settings

KERNEL_BALANCES: Final = sys.platform.startswith("linux")
"""Whether several sockets may be bound to one port, new connections going to each in turn. Elsewhere SO_REUSEPORT does
not spread connections, or is not there."""

log = structlog.get_logger("app")


def listen(settings: Settings, *, is_one_of_many: bool = False) -> socket.socket:
    """A socket bound to the settings' address and port.

    Args:
        is_one_of_many: others of this account may be bound to the same port, if they say so too.

    Raises:
        OSError: the port is taken, or may not be used.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_one_of_many:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def own_address(settings: Settings, database: tuple[str, int]) -> str:
    """Where other nodes reach this one, as `host:port`; they reach the same database.

    Args:
        database: name or socket folder of the database's server, and its port.
    """
    if settings.advertise is not None:
        return settings.advertise
    host = settings.host
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = _own_host(*database)
    return f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"


def _own_host(name: str, port: int) -> str:
    """This machine's address on the way to another; its own loopback where they are one."""
    with contextlib.suppress(OSError, UnicodeError):  # a folder is no name
        for family, kind, protocol, _, address in socket.getaddrinfo(name, port, type=socket.SOCK_DGRAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.connect(address)  # sends nothing
                return str(probe.getsockname()[0])
    return "127.0.0.1"


def announce(listener: socket.socket, began: float, settings: Settings) -> None:
    """Say where to point a browser. Other programs wait for this line.

    Args:
        began: when the start began, by `time.monotonic`.
    """
    host, port = listener.getsockname()[:2]
    shown = "127.0.0.1" if host == "0.0.0.0" else "[::1]" if host == "::" else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not bound
    seconds = time.monotonic() - began
    scheme = "http" if settings.tls_certificate is None else "https"
    print(f"Hubbub is ready at {scheme}://{shown}:{port} (after {seconds:.1f} s)", flush=True)  # noqa: T201
    log.info("ready", port=port, seconds=round(seconds, 2))
