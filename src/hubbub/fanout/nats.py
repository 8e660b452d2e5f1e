"""The line of many nodes: core NATS, a subject for each room.

A node hears what is told of the rooms that somebody there listens to, and what is of no room. Promises what
`line_bus.Line` does, and:
- `tls://` speaks TLS or not at all; passwords and tokens are sent only after that;
- nothing waits here: what comes is handed over as it is read, and `send` returns when the server has taken it.

NATS delivers at most once and cuts off who reads too slowly; that is all the bus asks for (decision 0020).
Before: `line_bus.py`. After: `nats_connection.py`.
"""

from __future__ import annotations

import base64
import binascii
import random
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import nacl.signing

from hubbub.fanout.line_bus import PAYLOAD_BYTES, Heard, LineBroken
from hubbub.fanout.nats_connection import NatsConnection, SignIn

PORT: Final = 4222


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the NATS servers are, and how to sign in. Its `repr` holds no secret.

    Attributes:
        servers: host and port of each, tried in any order.
        needs_tls: speak TLS or not at all; otherwise it is spoken where a server asks for it.
        user: with `password`; else a token is in `password` alone, or there is none.
        credentials: file with a JWT and the key that goes with it, as `nsc` writes it.
        ca: file with the authority that signed the servers' certificates; else the system's.
        certificate, key: files with this node's own certificate, where the servers ask for one.
    """

    servers: tuple[tuple[str, int], ...]
    needs_tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    credentials: str | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    @classmethod
    def read(cls, urls: str, **files: str | None) -> Address:
        """From `nats://[user:password@|token@]host[:port][,…]`.

        Args:
            urls: separated by commas; the user and password, or token, of one are those of all.
            files: `credentials`, `ca`, `certificate`, `key`.

        Raises:
            ValueError: what it has to look like.
        """
        servers, signs, schemes = [], set(), set()
        for url in urls.split(","):
            parts = urlsplit(url.strip())
            if parts.scheme not in ("nats", "tls") or not parts.hostname or parts.path.strip("/") or parts.query:
                raise ValueError("nats://host:port or tls://host:port, several separated by commas")
            schemes.add(parts.scheme)
            servers.append((parts.hostname, parts.port or PORT))
            if parts.username is not None:
                signs.add((unquote(parts.username), None if parts.password is None else unquote(parts.password)))
        if len(schemes) > 1 or len(signs) > 1:
            raise ValueError("addresses that are all nats:// or all tls://, with one user and password for all")
        name, password = signs.pop() if signs else (None, None)
        user, secret = (name, password) if password is not None else (None, name)
        return cls(servers=tuple(servers), needs_tls="tls" in schemes, user=user, password=secret, **files)

    def tls(self) -> ssl.SSLContext:
        """Verifies the server's certificate and name.

        Raises:
            OSError: a file cannot be read, or is no certificate.
        """
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def sign_in(self) -> SignIn:
        """Answers a server's challenge.

        Raises:
            OSError, ValueError: the credentials file cannot be read, or is none.
        """
        if self.credentials is not None:
            token, key = read_credentials(Path(self.credentials).read_text())
            return lambda nonce: {"jwt": token, "sig": _spelled(key.sign(nonce.encode()).signature)}
        if self.user is not None:
            return lambda _: {"user": self.user or "", "pass": self.password or ""}
        return lambda _: {"auth_token": self.password} if self.password is not None else {}


def _spelled(data: bytes) -> str:
    """base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_credentials(text: str) -> tuple[str, nacl.signing.SigningKey]:
    """The JWT and the key of a credentials file.

    The key is base32: two bytes that say what it is for, 32 of Ed25519, two of CRC-16
    (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth).

    Raises:
        ValueError: it is none.
    """
    found = re.findall(r"-----BEGIN ([A-Z ]+)-----\s*(\S+)\s*-+END", text)
    parts = dict(found)
    try:
        token, seed = parts["NATS USER JWT"], parts["USER NKEY SEED"]
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
        if len(raw) != 36 or binascii.crc_hqx(raw[:-2], 0) != int.from_bytes(raw[-2:], "little"):
            raise ValueError
    except (KeyError, ValueError):
        raise ValueError("not a credentials file of NATS") from None
    return token, nacl.signing.SigningKey(raw[2:34])


class NatsLine:
    """See `line_bus.Line`.

    Attributes:
        version: of the server, as it says.
    """

    def __init__(self, connection: NatsConnection, deployment: str) -> None:
        self.version = str(connection.info.get("version", "?"))
        self.payload_bytes = min(PAYLOAD_BYTES, int(connection.info.get("max_payload", PAYLOAD_BYTES)))
        self._connection = connection
        self._subject = f"hubbub.{deployment}"
        connection.subscribe(self.subject(None))

    def subject(self, room_id: UUID | None) -> str:
        return f"{self._subject}.all" if room_id is None else f"{self._subject}.room.{room_id.hex}"

    async def send(self, payloads: Sequence[tuple[str, bytes]]) -> None:
        await self._connection.publish(payloads)

    def follow(self, rooms: Mapping[UUID, bool]) -> None:
        for room_id, wanted in rooms.items():
            (self._connection.subscribe if wanted else self._connection.unsubscribe)(self.subject(room_id))

    def close(self) -> None:
        self._connection.close()


async def open_line(address: Address, deployment: str, heard: Heard, broken: Callable[[], None]) -> NatsLine:
    """Connect to one of the servers, whichever takes us, and hear what is of no room.

    Raises:
        LineBroken, OSError, TimeoutError: none did; what the last one tried said.
    """
    reason: Exception = LineBroken("no server is named")
    for host, port in random.sample(address.servers, len(address.servers)):
        try:
            connection = await NatsConnection.connect(
                host,
                port,
                needs_tls=address.needs_tls,
                tls=address.tls,
                sign_in=address.sign_in(),
                heard=heard,
                broken=broken,
                most_bytes=PAYLOAD_BYTES,
            )
            return NatsLine(connection, deployment)
        except (LineBroken, OSError, ValueError) as error:
            reason = error
    raise reason
