"""One client connection: its Engine.IO session, its bounded outbox, and the transport of the moment.

Promises: messages leave in the order they were sent, over the upgrade too; at most `outbox_bytes` wait for one
client, the transport's own buffer counted, beyond which it is closed as `slow`; while a client is backed up, of
passing events only the latest waits; the layer above is told of the end exactly once and hears nothing after it. Before it: `websocket.py` and `polling.py` bring what was received.
After it: a `Handler`, such as Socket.IO's in `dispatch.py`, or an echo.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from hubbub.realtime import transport as end
from hubbub.realtime.broadcast import Encoded
from hubbub.realtime.transport import Channel, Handler
from hubbub.wire.engineio_packet import Packet, PacketType, encode_packet
from hubbub.wire.engineio_session import Action, EngineSession, State
from hubbub.wire.errors import WireError

if TYPE_CHECKING:
    from hubbub.realtime.broadcast import type_of_memo
    from hubbub.realtime.registry import Registry

PING: Final = Encoded(b"2")
PROBE_ANSWER: Final = Encoded(b"3probe")


class Connection:
    """One client, over whichever transport.

    Args:
        registry: the process's connections, clock and counters.
        sid: the Engine.IO session id.
        channel: the transport of the handshake; `state` says which kind.
    """

    __slots__ = (
        "_add", "_allowance", "_dirty", "_latest", "_limit", "_offered", "_paused", "_registry", "_waiting",
        "_waiting_bytes", "alarm", "alarm_at", "channel", "engine", "handler", "sid",
    )  # fmt: skip

    handler: Handler

    def __init__(self, registry: Registry, sid: str, channel: Channel, state: State) -> None:
        options = registry.options
        self.sid = sid
        self.engine = EngineSession(
            state,
            registry.now(),
            ping_interval=options.ping_interval_ms / 1000,
            ping_timeout=options.ping_timeout_ms / 1000,
            upgrade_timeout=options.upgrade_timeout_ms / 1000,
        )
        self.alarm: list[object] | None = None  # registry.Alarms keeps its entry here
        self.alarm_at = float("inf")
        self._registry = registry
        self._add = registry.flusher_add
        self.channel: Channel | None = channel  # the transport in use; None once closed
        self._offered: Channel | None = None
        self._waiting: list[Encoded] = []
        self._waiting_bytes = 0
        self._latest: dict[Hashable, Encoded] | None = None  # of passing events, while the transport is full
        self._limit = options.outbox_bytes
        self._allowance = self._limit - min(end.HIGH_WATER, self._limit // 2)
        self._dirty = False
        self._paused = False

    @property
    def is_quiet(self) -> bool:
        """Nothing that came is unanswered, and nothing waits to leave."""
        return not self._waiting and self.handler.is_idle

    # Sending

    def send(self, message: Encoded) -> None:
        """Queue a message; it leaves with the next flush. Never blocks; does nothing once closed."""
        size = self._waiting_bytes + message.size
        if size > self._allowance and not self._has_room(message):
            return
        self._waiting_bytes += message.size
        self._waiting.append(message)
        if not self._dirty:
            self._dirty = True
            self._add(self)

    def send_soon(self, message: Encoded) -> None:
        """Queue a message that waits for no tick: all that waits leaves with the next turn of the event loop."""
        self.send(message)
        self._registry.flusher.urge(self)

    def _has_room(self, message: Encoded) -> bool:
        """The slow path of `send`: what the transport holds is counted exactly. Closes a slow connection."""
        if self.channel is None:
            return False
        self.flush({})
        held = self._waiting_bytes + self.channel.buffered()
        # One message larger than half the outbox (a page of history) is taken while less than half is in use.
        if held + message.size > self._limit and held > self._limit // 2:
            self.close(end.SLOW, code=end.TRY_AGAIN_LATER, text=end.SLOW)
            return False
        if self.channel.ready:
            self._allowance = max(self._limit - self.channel.buffered(), self._waiting_bytes + message.size)
        elif message.key is not None:  # backed up: of passing events only the latest waits, behind the others
            latest = self._latest = self._latest or {}
            earlier = latest.pop(message.key, None)
            if earlier is not None:
                self._waiting_bytes -= earlier.size
                self._registry.stats.conflated += 1
            latest[message.key] = message
            self._waiting_bytes += message.size
            return False
        return True

    def flush(self, memo: type_of_memo) -> None:
        """Write all that waits, as far as the transport takes it now."""
        self._dirty = False
        channel = self.channel
        if channel is not None and channel.ready and (self._waiting or self._latest):
            waiting = self._waiting
            if self._latest:
                waiting += self._latest.values()
                self._latest = None
            self._waiting = []
            self._waiting_bytes = 0
            left, count, size = channel.write(waiting, memo)
            if left:
                self._waiting = left
                self._waiting_bytes = sum([message.size for message in left])
            stats = self._registry.stats
            stats.messages_out += count
            stats.writes += 1
            stats.bytes_out += size

    def channel_ready(self, channel: Channel) -> None:
        """The transport takes data again."""
        if channel is self.channel:
            self._allowance = self._limit - min(end.HIGH_WATER, self._limit // 2)
            self.flush({})

    def channel_full(self, channel: Channel) -> None:
        """The transport takes no more for now: from here on its buffer counts against the outbox."""
        self._allowance = 0

    # Receiving

    def receive(self, channel: Channel, packet: Packet) -> None:
        """A packet came over `channel`; whatever is wrong with it ends the connection."""
        if channel is not self.channel:
            if channel is self._offered and channel is not None:
                self._receive_offered(packet)
            return
        try:
            action = self.engine.receive(packet, self._registry.now())
            if action is Action.DELIVER:
                self._registry.stats.messages_in += 1
                self.handler.message(packet.data)
            elif action is Action.END:
                self.close(end.CLIENT_CLOSED, by_client=True)
        except WireError as error:
            self.fail(error)
        else:
            if packet.type is PacketType.PONG:
                self.rearm()

    def fail(self, error: WireError, code: int = end.PROTOCOL_ERROR, channel: Channel | None = None) -> None:
        """The client broke the protocol: closed at once, not by a ping timeout.

        Args:
            channel: where it did. A WebSocket that is only on offer falls alone, and polling goes on.
        """
        self._registry.stats.protocol_errors += 1
        if channel is not None and channel is self._offered:
            self._drop_offer(code, str(error))
            return
        self.close(end.PARSE_ERROR, code=code, text=str(error))

    def pause_reading(self) -> None:
        """The layer above has enough to do; nothing more is read until `resume_reading`."""
        if not self._paused and self.channel is not None:
            self._paused = True
            self.channel.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            if self.channel is not None:
                self.engine.postpone(self._registry.now())
                self.channel.resume_reading()

    # Upgrade, EIO "Upgrade"

    def offer(self, channel: Channel) -> bool:
        """A WebSocket with this session's id was opened; False: refuse it."""
        if not self.engine.offer(self._registry.now()):
            return False
        self._offered = channel
        self.rearm()
        return True

    def _receive_offered(self, packet: Packet) -> None:
        offered = self._offered
        assert offered is not None
        action = self.engine.receive_offered(encode_packet(packet))
        if action is Action.ANSWER_PROBE:
            offered.write([PROBE_ANSWER], {})
            self.release_poll()
        elif action is Action.SWITCH:
            self.release_poll()
            self.channel, self._offered = offered, None
            self._registry.stats.upgrades += 1
            if self._paused:
                offered.pause_reading()
            if not offered.ready:
                self.channel_full(offered)
            self.flush({})
        else:
            self._drop_offer(end.PROTOCOL_ERROR, "a broken upgrade")

    def _drop_offer(self, code: int, text: str) -> None:
        self.engine.lose_offer()
        offered, self._offered = self._offered, None
        if offered is not None:
            offered.close(code, text)

    def release_poll(self) -> None:
        """Answer a waiting poll, with what waits or with a `noop`, so that the client can move on."""
        self.flush({})
        if self.channel is not None and self.channel.ready:
            self.channel.write([Encoded(b"6")], {})

    # The end

    def channel_lost(self, channel: Channel, reason: str = end.CLIENT_CLOSED) -> None:
        """A transport is gone."""
        if channel is self._offered:
            self._offered = None
            self.engine.lose_offer()
        elif channel is self.channel:
            self.close(reason)

    def close(self, reason: str, *, code: int = end.NORMAL, text: str = "", by_client: bool = False) -> None:
        """End the connection; does nothing the second time.

        Args:
            reason: what the layer above and the metrics are told.
            code: the WebSocket close code, with `text` (at most 123 bytes).
            by_client: it was the client's wish.
        """
        channel = self.channel
        if channel is None:
            return
        self.flush({})
        self.engine.close()
        self.channel = None
        self._waiting, self._latest = [], None
        self._waiting_bytes = 0
        self._allowance = -1  # every send takes the slow path, which sees the end
        self._registry.remove(self, reason)
        self.handler.closed(reason)
        channel.close(code, text, by_client=by_client)
        self._drop_offer(code, text)

    # Time

    def rearm(self) -> None:
        """A deadline has come nearer, or a new one exists."""
        due = self.engine.deadline
        if self.handler.deadline is not None and self.handler.deadline < due:
            due = self.handler.deadline
        self._registry.alarms.set(self, due)

    def on_alarm(self, now: float) -> None:
        """Time has come to `now`: what is due is done."""
        if self.channel is None:
            return
        if self.handler.deadline is not None and now >= self.handler.deadline:
            self.close(end.CONNECT_TIMEOUT, code=end.POLICY, text="no namespace was joined in time")
            return
        if self._paused:
            self.engine.postpone(now)
        action = self.engine.tick(now)
        if action is Action.PING:
            self.send(PING)
        elif action is Action.TIME_OUT:
            self.close(end.PING_TIMEOUT, code=end.GOING_AWAY, text="no pong came")
            return
        elif action is Action.DROP_OFFER:
            self._drop_offer(end.POLICY, "the upgrade was not finished in time")
        if self.channel is not None:
            self.rearm()
