"""A real NATS server as a process, on a port that it keeps when it is started again; and keys and tokens to sign in.

Keys are written and tokens signed as https://docs.nats.io describes for decentralised JWT authentication.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nacl.signing
from tests.support.process import Process

SERVER = Path(sys.executable).with_name("nats-server")


class NatsServer(Process):
    """Args:
    config: lines of its configuration file, written to `folder`.
    port: where to listen; a free one by default.
    """

    def __init__(self, folder: Path, config: str = "", port: int = -1) -> None:
        self.port = port
        self._file = folder / "nats.conf"
        self._config = config
        self._file.write_text(f"listen: 127.0.0.1:{port}\nmax_payload: 8MB\n{config}\n")
        super().__init__([SERVER, "-c", self._file], ready="Server is ready")

    async def start(self) -> re.Match[str]:
        self.lines.clear()  # else an earlier start would answer for this one
        match = await super().start()
        port = re.search(r"client connections on 127\.0\.0\.1:(\d+)", self.output)
        assert port is not None, self.output
        self.port = int(port[1])
        self._file.write_text(f"listen: 127.0.0.1:{self.port}\nmax_payload: 8MB\n{self._config}\n")
        return match

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"


@asynccontextmanager
async def nats_server(folder: Path, config: str = "", port: int = -1) -> AsyncIterator[NatsServer]:
    """One that runs, and is killed at the end, stopped or not."""
    server = NatsServer(folder, config, port)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


_PREFIXES = {"O": 14 << 3, "A": 0, "U": 20 << 3}  # operator, account, user


def _spelled(raw: bytes) -> str:
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def seed_of(kind: str, key: nacl.signing.SigningKey) -> str:
    """A private key as NATS spells it: `SO…`, `SA…` or `SU…`."""
    prefix = _PREFIXES[kind]
    return _spelled(bytes((18 << 3 | prefix >> 5, (prefix & 31) << 3)) + bytes(key))


def public_of(kind: str, key: nacl.signing.SigningKey) -> str:
    return _spelled(bytes((_PREFIXES[kind],)) + bytes(key.verify_key))


def credentials(token: str, seed: str) -> str:
    """The file that a client signs in with."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\nNKEY Seed printed below can be used to sign.\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


class Operator:
    """One operator, account and user; `config` for the server, `credentials` for the client."""

    def __init__(self) -> None:
        self.operator, self.account, self.user = (nacl.signing.SigningKey.generate() for _ in range(3))
        account = public_of("A", self.account)
        by_operator = self._token("O", self.operator, account, {"type": "account", "version": 2, "limits": _UNLIMITED})
        self_signed = self._token("O", self.operator, public_of("O", self.operator), {"type": "operator", "version": 2})
        self.config = f"operator: {self_signed}\nresolver: MEMORY\nresolver_preload: {{ {account}: {by_operator} }}"
        user = {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}
        token = self._token("A", self.account, public_of("U", self.user), user)
        self.credentials = credentials(token, seed_of("U", self.user))

    @staticmethod
    def _token(kind: str, key: nacl.signing.SigningKey, subject: str, nats: dict[str, Any]) -> str:
        claims = {"jti": subject, "iat": 1, "iss": public_of(kind, key), "sub": subject, "name": "hubbub", "nats": nats}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, claims]
        signed = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        return f"{signed}.{base64.urlsafe_b64encode(key.sign(signed.encode()).signature).decode().rstrip('=')}"


_UNLIMITED = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1) | {"wildcards": True}
