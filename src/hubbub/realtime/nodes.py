"""Several nodes behind one address: a request for a session that another node has is forwarded to that node.

A session id begins with its node's key (`Options.sid_prefix`), made of the address at which the other nodes reach it. A
proxy may so give each request to any node.

Promises: only an address that a living node has written down is ever connected to, whatever a session id says; a
forwarded request is not forwarded again, and never tried twice, since the answer to a poll is given once; where a node
does not answer, within a bound, the caller answers itself: `Session ID unknown`, on which clients begin afresh. A client
that goes away is gone at its node. What strangers say in `X-Forwarded-*` goes no further. Where the nodes speak TLS they
speak it with each other, and a node that does not prove to be one is told nothing.
Before it: uvicorn, and the application's router. After it: another node's uvicorn, or `polling.py` here.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import re
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

import h11

from hubbub.realtime.polling import Headers, Receive, Scope, Send
from hubbub.realtime.registry import Options
from hubbub.realtime.tunnel import Near, Tunnel

FRESH: Final = 2.0  # seconds for which the list of nodes is believed
_RETRY: Final = 0.25  # seconds before it is read again for a key that is not in it
_READ_PATIENCE: Final = 1.0  # seconds for reading it; an older one is used then
_CONNECT_PATIENCE: Final = 2.0  # seconds for a node to accept a connection
_UPGRADE_PATIENCE: Final = 5.0  # seconds for a node to answer a WebSocket's handshake
_LOOK: Final = 5.0  # seconds between two looks whether the node that is waited for still lives
_HEAD_MAX: Final = 32_768  # bytes of the headers that are forwarded
_PART: Final = 65_536
_SLACK: Final = 65_536  # bytes of an answer beside what an outbox holds

_P = TypeVar("_P", bound=asyncio.Protocol)

_LOGGER: Final = logging.getLogger("hubbub.realtime")

MARK: Final = b"hubbub-forwarded"
"""The header that says so. It allows nothing: a request that has it is answered where it arrives."""

# RFC 9110, section 7.6.1, and what only the next hop may be told.
_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"expect", b"upgrade", b"date")
)
_SAID_BY_PROXIES: Final = re.compile(rb"forwarded$|x-forwarded-|x-real-ip$")


@dataclass(slots=True)
class NodeStats:
    """Counters since the start."""

    forwarded: int = 0
    """Requests that another node answered, upgrades included."""
    failed: int = 0
    """Requests whose node was not there, or did not answer."""
    refused: int = 0
    """Requests that were not forwarded because too many were."""
    open: int = 0
    """Requests that are being forwarded now, WebSockets included."""


class Address(NamedTuple):
    """Where a node answers."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def read(cls, text: str) -> Address:
        """From `host:port`, an IPv6 address in brackets.

        Raises:
            ValueError: it is no such thing.
        """
        host, _, port = text.rpartition(":")
        return cls(host.strip("[]"), int(port))

    @property
    def prefix(self) -> str:
        """What the ids of this node's sessions begin with: its key and a dot."""
        return f"{self.key}."

    @property
    def key(self) -> str:
        """This node's name in session ids: the same after a restart, and for all its workers."""
        return base64.b32encode(hashlib.sha256(str(self).encode()).digest()[:5]).decode().lower()


class _Failed(Exception):
    """The other node did not answer."""


class Nodes:
    """This node among others.

    Args:
        address: where the others reach this one.
        living: reads the addresses of all living nodes, as they have written them down.
        options: the settings, the same on all nodes. At most a quarter of `max_connections` is forwarded at a time.
        trust: whom to take for another node, where they speak TLS: what verifies its certificate, and the name that is to
            be for. Asked for each connection, for it changes.
    """

    def __init__(
        self,
        address: Address,
        living: Callable[[], Awaitable[Iterable[str]]],
        options: Options,
        trust: Callable[[], tuple[ssl.SSLContext, str]] | None = None,
    ) -> None:
        self.address = address
        self._trust = trust
        self._doubted: set[Address] = set()
        self.stats = NodeStats()
        self._living = living
        self._key = address.key.encode()
        self._named = re.compile(rb"(?:.*&)?sid=([a-z2-7]{8})\.")
        self._path = options.path.rstrip("/").encode()
        # A poll is held until the next ping at the latest.
        self._answer_patience = (options.ping_interval_ms + options.ping_timeout_ms) / 1000
        self._answer_max = 2 * options.outbox_bytes + _SLACK
        self._most = max(1, options.max_connections // 4)
        self._known: dict[str, Address] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._closed: asyncio.Future[None] | None = None
        self._tunnels: set[Tunnel] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Forward nothing more, and end what is being forwarded."""
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
        if not self._closed.done():
            self._closed.set_result(None)
        for task in self._tasks:
            task.cancel()
        for tunnel in list(self._tunnels):
            tunnel.abort()

    # Whose

    def other(self, query: bytes, headers: Headers) -> str | None:
        """The key of the node whose session a request names; None where the request is to be answered here."""
        found = self._named.match(query)
        if found is None or found[1] == self._key or (self._closed is not None and self._closed.done()):
            return None
        if any(name == MARK for name, _ in headers):
            return None
        return found[1].decode()

    async def find(self, key: str) -> Address | None:
        """The living node of that key; the list of them is read again where it is no longer fresh."""
        age = asyncio.get_running_loop().time() - self._read_at
        if age >= FRESH or (key not in self._known and age >= _RETRY):
            if self._reading is None:
                self._reading = asyncio.ensure_future(self._read())
            await asyncio.shield(self._reading)
        return self._known.get(key)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(_READ_PATIENCE):
                texts = await self._living()
            found = {}
            for text in texts:
                with suppress(ValueError):
                    address = Address.read(text)
                    found[address.key] = address
            self._known = found
            self._doubted.intersection_update(found.values())
        except Exception as error:
            # The database is away: the nodes that were there still are, or do not answer.
            _LOGGER.warning("the other nodes could not be read: %s", type(error).__name__)
        finally:
            self._read_at = asyncio.get_running_loop().time()
            self._reading = None

    # Polling

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Let another node answer a request for its session.

        Returns:
            Whether that was done. Where not, nothing has been answered.
        """
        key = self.other(scope["query_string"], scope["headers"]) if scope["method"] in ("GET", "POST") else None
        if key is None or not self._begin():
            return False
        try:
            address = await self.find(key)
            if address is None:
                raise _Failed
            await self._exchange(key, address, scope, receive, send)
        except (_Failed, OSError, TimeoutError, h11.ProtocolError):
            self.stats.failed += 1
            return False
        finally:
            self.stats.open -= 1
        self.stats.forwarded += 1
        return True

    def _begin(self) -> bool:
        if self.stats.open >= self._most:
            self.stats.refused += 1
            return False
        self.stats.open += 1
        return True

    async def _exchange(self, key: str, address: Address, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope["client"]
        headers = self._headers(scope["headers"], client[0] if client else None, scope["scheme"])
        http = h11.Connection(h11.CLIENT)
        target = scope["raw_path"] + b"?" + scope["query_string"]
        first = http.send(h11.Request(method=scope["method"], target=target, headers=[*headers, _CLOSE]))
        assert first is not None
        reader = asyncio.StreamReader()
        transport, protocol = await self._connect(address, lambda: asyncio.StreamReaderProtocol(reader))
        writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
        writer.write(first)
        whole = asyncio.Event()
        going = asyncio.ensure_future(_pass_on(http, receive, writer, whole))
        coming = asyncio.ensure_future(_answer(http, reader, self._answer_max))
        try:
            await self._first_of(key, address, going, coming)
            if coming.done():
                answer, body = coming.result()
                await _give(send, answer, body, keep=whole.is_set())
            elif going.done():
                going.result()
            else:
                raise _Failed
        finally:
            going.cancel()
            coming.cancel()
            await asyncio.gather(going, coming, return_exceptions=True)
            writer.transport.abort()  # where the client has gone, its node sees that now

    async def _connect(self, address: Address, make: Callable[[], _P]) -> tuple[asyncio.Transport, _P]:
        """A connection to another node.

        Raises:
            OSError, TimeoutError: there is none, or it does not prove to be one (ssl.SSLError).
        """
        context, name = self._trust() if self._trust is not None else (None, None)
        try:
            async with asyncio.timeout(_CONNECT_PATIENCE):
                made = await asyncio.get_running_loop().create_connection(
                    make, address.host, address.port, ssl=context, server_hostname=name
                )
        except ssl.SSLError as error:
            if address not in self._doubted:
                self._doubted.add(address)
                words = getattr(error, "verify_message", None) or error.reason
                _LOGGER.error("a node is not believed, and nothing is forwarded to it: %s at %s", words, address)
            raise
        self._doubted.discard(address)
        return made

    async def _first_of(self, key: str, address: Address, *tasks: asyncio.Task[Any]) -> None:
        """Wait for one of these; return without when the node is gone, time is up or we close."""
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._answer_patience
        while loop.time() < end:
            done, _ = await asyncio.wait((*tasks, self._closed), timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
            if done or await self.find(key) != address:
                return

    def _headers(self, headers: Headers, client: str | None, scheme: str) -> Headers:
        """What the other node is told; of who the client is, what we believe."""
        kept = [(name, value) for name, value in headers if name not in _HOP and not _SAID_BY_PROXIES.match(name)]
        if sum(len(name) + len(value) for name, value in kept) > _HEAD_MAX:
            raise _Failed
        if client is not None:
            kept.append((b"x-forwarded-for", client.encode("latin-1", "replace")))
        return [*kept, (b"x-forwarded-proto", scheme.encode()), (MARK, b"1")]

    # WebSocket

    def tunnel(self, near: Near) -> bool:
        """Let another node answer an upgrade of its session; whether that is under way.

        Args:
            near: the client's connection, whose protocol goes on with it where the node does not answer.
        """
        path, _, query = near.target.partition(b"?")
        key = self.other(query, near.headers) if path.rstrip(b"/") == self._path else None
        if key is None or not self._begin():
            return False
        near.transport.pause_reading()
        task = asyncio.ensure_future(self._upgrade(key, near))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _upgrade(self, key: str, near: Near) -> None:
        tunnel: Tunnel | None = None
        try:
            address = await self.find(key)
            if address is not None:
                head = self._headers(near.headers, near.client, near.scheme)
                tunnel = await self._dial(address, near, head)
        except (_Failed, OSError, TimeoutError):
            pass
        finally:
            if tunnel is None:
                self.stats.open -= 1
                self.stats.failed += 1
                if not near.transport.is_closing():
                    near.transport.resume_reading()
                    near.otherwise()
        if tunnel is not None:
            self.stats.forwarded += 1
            tunnel.join(near.transport)

    async def _dial(self, address: Address, near: Near, headers: Headers) -> Tunnel:
        """A tunnel whose far end has answered."""
        tunnel = Tunnel(self._tunnel_over)
        await self._connect(address, lambda: tunnel.far)
        self._tunnels.add(tunnel)
        lines = [b"GET %b HTTP/1.1" % near.target, b"connection: Upgrade", b"upgrade: websocket"]
        lines += [b"%b: %b" % header for header in headers]
        try:
            async with asyncio.timeout(_UPGRADE_PATIENCE):
                await tunnel.ask(b"\r\n".join(lines) + b"\r\n\r\n")
        except BaseException:
            self._tunnels.discard(tunnel)
            tunnel.abort()
            raise
        return tunnel

    def _tunnel_over(self, tunnel: Tunnel) -> None:
        if tunnel in self._tunnels:
            self._tunnels.discard(tunnel)
            self.stats.open -= 1


_CLOSE: Final = (b"connection", b"close")


async def _pass_on(http: h11.Connection, receive: Receive, writer: asyncio.StreamWriter, whole: asyncio.Event) -> None:
    """What comes of the request; returns when its client has gone. `whole` is set once the request has come whole."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if whole.is_set():
            continue
        data = http.send(h11.Data(data=message["body"])) if message.get("body") else b""
        if not message.get("more_body", False):
            whole.set()
            data = (data or b"") + (http.send(h11.EndOfMessage()) or b"")
        writer.write(data or b"")
        with suppress(OSError):  # it may have answered before it was cut; that is what is waited for
            await writer.drain()


async def _answer(http: h11.Connection, reader: asyncio.StreamReader, most: int) -> tuple[h11.Response, bytes]:
    """The node's whole answer."""
    answer: h11.Response | None = None
    body = bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(_PART))
        elif isinstance(event, h11.Response):
            answer = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > most:
                raise _Failed
        elif isinstance(event, h11.EndOfMessage) and answer is not None:
            return answer, bytes(body)
        elif not isinstance(event, h11.InformationalResponse):
            raise _Failed


async def _give(send: Send, answer: h11.Response, body: bytes, *, keep: bool) -> None:
    """Answer the client. Where its request did not come whole (`keep` is false) the rest of it is not waited for."""
    headers = [(name, value) for name, value in answer.headers if name not in _HOP and name != b"transfer-encoding"]
    if not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(body)).encode()))
    if not keep:
        headers.append(_CLOSE)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
