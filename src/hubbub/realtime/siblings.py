"""Several processes behind one port: a connection that asks for a sibling's session is handed to that sibling.

The kernel gives a new TCP connection to any of the processes; an Engine.IO session lives in one of them, whose number
its id begins with (`Options.sid_prefix`). A request that names another's session moves with its whole connection: the
file descriptor goes over a Unix socket, with the bytes that were read, and nothing is proxied afterwards. Where we have
taken the TLS off, that cannot be moved: the sibling gets one end of a pair of sockets for the connection, and told whose it is,
and a `Tunnel` carries what is decrypted between the pair and the client.

Promises: a request is looked at only where one begins, so that no body is taken for one; bytes are neither lost nor
doubled; who cannot hand over answers itself, `Session ID unknown`, as for any session that is gone. Nobody else reaches
the Unix sockets: their folder is private. Over them a sibling may also be asked something (`ask`).
Before it: uvicorn, as its `http=`. After it: `http.py`, here or there.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hubbub.realtime.tunnel import NodeHttp, Tunnel

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from hubbub.realtime.nodes import Nodes

_LINE_MAX: Final = 16_384  # bytes of a request line; a longer one is no sibling's
_ANSWER_MAX: Final = 4_000_000  # bytes of a sibling's answer
_PATIENCE: Final = 5.0  # seconds for a client's connection to get across
_ASK_PATIENCE: Final = 1.0  # seconds for an answer
_HEAD: Final = struct.Struct("!cI")  # a kind, and how many bytes follow
_CONNECTION: Final = b"C"
_DECRYPTED: Final = b"D"  # a connection as well; what was read comes after a line with the client's address
_QUESTION: Final = b"Q"
_LOOK: Final = 0.5  # seconds in which one of those who are led goes, while they do

Client = tuple[str, int]
"""A client's address and port."""

Take = Callable[[socket.socket, bytes, Client | None], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class SiblingStats:
    """Counters since the start."""

    given: int = 0
    """Connections handed to a sibling."""
    taken: int = 0
    """Connections taken from one."""
    led: int = 0
    """Connections that are led to a sibling now, because their TLS ends here."""
    refused: int = 0
    """Connections whose sibling did not take them."""


class Siblings:
    """The processes that share a port with this one.

    Args:
        number: this one's, from 1 on.
        count: how many there are.
        folder: a private folder for the Unix sockets.
        path: where Engine.IO answers.
        prefix: what the session ids of them all begin with, before the number.
        most: connections that may be led to others at a time.
    """

    def __init__(self, number: int, count: int, folder: Path, path: str, prefix: str = "", most: int = 100_000) -> None:
        self.number = number
        self.count = count
        self.stats = SiblingStats()
        self._folder = folder
        self._request = re.compile(
            rb"[A-Z]+ %b/?\?(?:[^ \r\n]*&)?sid=%b(\d{1,4})\."
            % (re.escape(path.rstrip("/")).encode(), re.escape(prefix).encode())
        )
        self._most = most
        self._listener: socket.socket | None = None
        self._take: Take
        self._answer: Callable[[], bytes]
        self._tasks: set[asyncio.Task[None]] = set()
        self._tunnels: set[Tunnel] = set()

    @property
    def others(self) -> list[int]:
        return [number for number in range(1, self.count + 1) if number != self.number]

    def listen(self, take: Take, answer: Callable[[], bytes]) -> None:
        """Begin to take what siblings hand over.

        Args:
            take: goes on with a connection, given the bytes that were read from it and, where it has been decrypted,
                the client's address.
            answer: what a sibling is told that asks.

        Raises:
            OSError: the folder cannot be used.
        """
        self._take, self._answer = take, answer
        self._address(self.number).unlink(missing_ok=True)  # of the process whose place this one takes
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.bind(str(self._address(self.number)))
        listener.listen(1_024)
        asyncio.get_running_loop().add_reader(listener.fileno(), self._accept, listener)
        self._listener = listener

    def close(self) -> None:
        """Take nothing more."""
        listener, self._listener = self._listener, None
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener.fileno())
            listener.close()
            self._address(self.number).unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()
        for tunnel in list(self._tunnels):
            tunnel.abort()

    async def led_home(self) -> None:
        """Wait while one after the other connection that is led to a sibling ends, which sends its clients away just now."""
        before = None
        while self.stats.led and self.stats.led != before:  # one of polling stays for a while, with nothing to carry
            before = self.stats.led
            await asyncio.sleep(_LOOK)

    def owner(self, head: bytes) -> int | None:
        """The sibling whose session a request names, by its first bytes; None where it is for us."""
        found = self._request.match(head)
        number = int(found[1]) if found else 0
        return number if 1 <= number <= self.count and number != self.number else None

    def give(self, number: int, descriptor: int, data: bytes, client: Client | None = None) -> bool:
        """Hand a connection over; whether that was done. The caller closes its own descriptor then, and reads no more.

        Args:
            descriptor: of the connection.
            data: what has been read from it.
            client: whose it is, where it has been decrypted.
        """
        kind = _CONNECTION
        if client is not None:
            kind, data = _DECRYPTED, b"%b %d\n%b" % (client[0].encode(), client[1], data)
        out = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            out.setblocking(False)
            out.connect(str(self._address(number)))
            letter = _HEAD.pack(kind, len(data)) + data
            sent = socket.send_fds(out, [letter], [descriptor])
        except OSError:  # there is none, or it is too busy to listen
            out.close()
            self.stats.refused += 1
            return False
        self.stats.given += 1
        if sent == len(letter):
            out.close()
        else:
            self._spawn(self._send(out, letter[sent:]))
        return True

    def lead(self, number: int, transport: asyncio.Transport, data: bytes, client: Client) -> bool:
        """Let a sibling go on with a connection whose TLS ends here; whether that is under way. The caller reads no more.

        Args:
            data: what has been read from it.
            client: whose it is.
        """
        if self.stats.led >= self._most:
            self.stats.refused += 1
            return False
        ours, theirs = socket.socketpair()
        with theirs:
            if not self.give(number, theirs.fileno(), data, client):
                ours.close()
                return False
        ours.setblocking(False)
        self.stats.led += 1
        transport.pause_reading()
        self._spawn(self._join(ours, transport))
        return True

    async def _join(self, ours: socket.socket, transport: asyncio.Transport) -> None:
        tunnel = Tunnel(self._tunnel_over)
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: tunnel.far, sock=ours)
        except BaseException:
            self.stats.led -= 1
            ours.close()
            transport.abort()
            raise
        self._tunnels.add(tunnel)
        tunnel.join(transport)

    def _tunnel_over(self, tunnel: Tunnel) -> None:
        self.stats.led -= 1
        self._tunnels.discard(tunnel)

    async def ask(self, number: int) -> bytes:
        """What a sibling answers.

        Raises:
            OSError, TimeoutError: it does not, or not within a second.
        """
        async with asyncio.timeout(_ASK_PATIENCE):
            reader, writer = await asyncio.open_unix_connection(str(self._address(number)), limit=_ANSWER_MAX)
            try:
                writer.write(_HEAD.pack(_QUESTION, 0))
                answer = await reader.read(_ANSWER_MAX)
                while more := await reader.read(_ANSWER_MAX):
                    answer += more
            finally:
                writer.close()
        if not answer:
            raise ConnectionResetError
        return answer

    def _address(self, number: int) -> Path:
        return self._folder / f"{number}.sock"

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        _Arrival(self, connection)

    def arrived(self, kind: bytes, connection: socket.socket, descriptors: list[int], data: bytes) -> None:
        """Something came whole from a sibling over `connection`."""
        if kind == _QUESTION:
            self._spawn(self._send(connection, self._answer()))
            return
        connection.close()
        if descriptors:
            self.stats.taken += 1
            taken = socket.socket(fileno=descriptors.pop())
            taken.setblocking(False)
            client = None
            if kind == _DECRYPTED:
                line, _, data = data.partition(b"\n")
                host, _, port = line.decode().rpartition(" ")
                client = host, int(port)
            self._spawn(self._take(taken, data, client))

    async def _send(self, out: socket.socket, data: bytes) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.get_running_loop().sock_sendall(out, data)
        except (OSError, TimeoutError):
            pass  # the sibling is gone, or stuck: the client's connection ends with it, and the client comes back
        finally:
            out.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Arrival:
    """What comes over one connection from a sibling, until it is whole."""

    def __init__(self, siblings: Siblings, connection: socket.socket) -> None:
        self._siblings = siblings
        self._connection = connection
        self._data = bytearray()
        self._descriptors: list[int] = []
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_PATIENCE, self._give_up)
        self._loop.add_reader(connection.fileno(), self._read)

    def _read(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._connection, 262_144, 1)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        self._data += data
        self._descriptors += descriptors
        if len(self._data) >= _HEAD.size:
            kind, size = _HEAD.unpack_from(self._data)
            if len(self._data) >= _HEAD.size + size:
                self._stop()
                body = bytes(self._data[_HEAD.size :])
                self._siblings.arrived(kind, self._connection, self._descriptors, body)
                return
        if not data:
            self._give_up()

    def _stop(self) -> None:
        self._timer.cancel()
        self._loop.remove_reader(self._connection.fileno())

    def _give_up(self) -> None:
        self._stop()
        self._connection.close()
        for descriptor in self._descriptors:
            socket.close(descriptor)


class SharedHttp(NodeHttp):
    """HTTP within bounds, but for the requests that belong to a sibling, or to another node.

    Args:
        siblings: who they are.
        nodes: the other nodes, where there are any.
        first: what a sibling read from this connection before it handed it over.
        decrypted_for: the client's address, where a sibling has taken the TLS off.
    """

    def __init__(
        self,
        siblings: Siblings,
        nodes: Nodes | None,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        first: bytes = b"",
        decrypted_for: Client | None = None,
    ) -> None:
        self._siblings = siblings
        self._decrypted_for = decrypted_for
        self._first = first
        self._line = b""
        self._is_between = True
        super().__init__(nodes, config, server_state, app_state, _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._decrypted_for is not None:
            self.client, self.scheme = self._decrypted_for, "https"
        if self._first:
            # Before the loop reads on: in the order in which the client sent it.
            first, self._first = self._first, b""
            self.data_received(first)

    def on_message_begin(self) -> None:
        self._is_between = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._is_between = True
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self._is_between and (self.cycle is None or self.cycle.response_complete):
            if self._line:
                data = self._line + data
            head = data.lstrip(b"\r\n")
            if b"\n" not in head and len(data) < _LINE_MAX:
                self._line = data  # kept from the parser until the line is whole
                return
            self._line = b""
            owner = self._siblings.owner(head)
            if owner is not None and self._give(owner, data):
                return
        super().data_received(data)

    def _give(self, owner: int, data: bytes) -> bool:
        """Let a sibling go on with this connection; a plain one if nothing of ours is still to leave over it."""
        transport = self.transport
        if transport.get_extra_info("sslcontext") is not None:
            if self.client is None or not self._siblings.lead(owner, transport, data, self.client):
                return False
            self._stop_timer()
            self._unset_keepalive_if_required()
            self.connections.discard(self)  # no longer uvicorn's to wait for
            return True
        if transport.get_write_buffer_size():
            return False
        descriptor = transport.get_extra_info("socket").fileno()
        if not self._siblings.give(owner, descriptor, data, self._decrypted_for):
            return False
        self._unset_keepalive_if_required()
        transport.abort()  # closes our descriptor; the connection stays open by the sibling's
        return True
