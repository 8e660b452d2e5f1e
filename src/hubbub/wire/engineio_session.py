"""The life of one Engine.IO session: which packet is allowed when, heartbeats, the upgrade to WebSocket.

Everything that changes the state stands in `TRANSITIONS`; what is not in it is a violation. Time is an argument,
in seconds of any monotonic clock. Before it: `realtime/connection.py` feeds packets and the time, and does the
action that comes back. After it: `engineio_packet.py`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from hubbub.wire.engineio_packet import Packet, PacketType
from hubbub.wire.errors import ProtocolViolation


class State(IntEnum):
    """Where a session stands; OFFERED and PROBED are the two steps of EIO "Upgrade"."""

    POLLING = 0
    OFFERED = 1  # still on polling; a WebSocket with this sid is open
    PROBED = 2  # it has sent 2probe and been answered: polls are released at once
    WEBSOCKET = 3
    CLOSED = 4


class Input(IntEnum):
    """What can happen to a session. PROBE, UPGRADE and LOST concern the WebSocket on offer, not the transport in use."""

    MESSAGE = 0
    PONG = 1
    CLOSE = 2
    OFFER = 3
    PROBE = 4
    UPGRADE = 5
    LOST = 6


class Action(IntEnum):
    """What the caller must do now."""

    NOTHING = 0
    DELIVER = 1  # hand the packet's data to the layer above
    END = 2  # the client closed the session: end it without a close packet
    ANSWER_PROBE = 3  # send 3probe on the new WebSocket, release a waiting poll
    SWITCH = 4  # the new WebSocket is the transport from now on
    DROP_OFFER = 5  # close the new WebSocket; polling goes on
    PING = 6  # send a ping
    TIME_OUT = 7  # no pong came: close the session


_S, _I, _A = State, Input, Action
_LIVE: Final = (_S.POLLING, _S.OFFERED, _S.PROBED, _S.WEBSOCKET)
TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, Action]]] = {
    **{(state, _I.MESSAGE): (state, _A.DELIVER) for state in _LIVE},
    **{(state, _I.PONG): (state, _A.NOTHING) for state in _LIVE},
    **{(state, _I.CLOSE): (_S.CLOSED, _A.END) for state in _LIVE},
    (_S.POLLING, _I.OFFER): (_S.OFFERED, _A.NOTHING),
    (_S.OFFERED, _I.PROBE): (_S.PROBED, _A.ANSWER_PROBE),
    (_S.OFFERED, _I.LOST): (_S.POLLING, _A.DROP_OFFER),
    (_S.PROBED, _I.UPGRADE): (_S.WEBSOCKET, _A.SWITCH),
    (_S.PROBED, _I.LOST): (_S.POLLING, _A.DROP_OFFER),
}

_INPUTS: Final = {
    PacketType.MESSAGE: Input.MESSAGE,
    PacketType.PONG: Input.PONG,
    PacketType.CLOSE: Input.CLOSE,
}  # OPEN, PING, UPGRADE and NOOP are the server's to send, or belong to a probe: from a client they are violations


class EngineSession:
    """One session's state.

    Args:
        state: POLLING or WEBSOCKET, the transport of the handshake.
        now: seconds, when the handshake was answered.
        ping_interval, ping_timeout, upgrade_timeout: seconds.
    """

    __slots__ = ("_offer_deadline", "_ping_deadline", "_pong_due", "_times", "state")

    def __init__(
        self, state: State, now: float, *, ping_interval: float, ping_timeout: float, upgrade_timeout: float
    ) -> None:
        self.state = state
        self._times = (ping_interval, ping_timeout, upgrade_timeout)
        self._ping_deadline = now + ping_interval
        self._pong_due = False
        self._offer_deadline: float | None = None

    def receive(self, packet: Packet, now: float) -> Action:
        """A packet came over the transport in use.

        Returns:
            DELIVER, END or NOTHING.

        Raises:
            ProtocolViolation: the client may not send that, or the session is over.
        """
        happened = _INPUTS.get(packet.type)
        if happened is None or self.state is State.CLOSED:
            raise ProtocolViolation("this Engine.IO packet is not allowed now")
        if happened is Input.PONG and self._pong_due:
            # EIO "Heartbeat": the next ping goes out one interval after the pong. A pong never asked for is ignored.
            self._pong_due = False
            self._ping_deadline = now + self._times[0]
        return self._step(happened)

    def offer(self, now: float) -> bool:
        """A WebSocket with this session's id was opened; False where EIO "WebSocket" wants it refused."""
        if (self.state, Input.OFFER) not in TRANSITIONS:
            return False
        self._offer_deadline = now + self._times[2]
        self._step(Input.OFFER)
        return True

    def receive_offered(self, data: str | bytes) -> Action:
        """A frame came over the WebSocket on offer: ANSWER_PROBE, SWITCH, or DROP_OFFER for anything out of turn."""
        # EIO "Upgrade": `2probe`, then `5`; each once.
        happened = Input.PROBE if data == "2probe" else Input.UPGRADE if data == "5" else Input.LOST
        if (self.state, happened) not in TRANSITIONS:
            happened = Input.LOST
        action = self._step(happened)
        if action is not Action.ANSWER_PROBE:
            self._offer_deadline = None
        return action

    def lose_offer(self) -> None:
        """The WebSocket on offer is gone; polling goes on."""
        if (self.state, Input.LOST) in TRANSITIONS:
            self._step(Input.LOST)
            self._offer_deadline = None

    def close(self) -> None:
        """The session is over, whatever the reason."""
        self.state = State.CLOSED

    @property
    def deadline(self) -> float:
        """When `tick` must be called next, in seconds."""
        if self._offer_deadline is not None and self._offer_deadline < self._ping_deadline:
            return self._offer_deadline
        return self._ping_deadline

    def tick(self, now: float) -> Action:
        """The time has come to `now`: PING, TIME_OUT, DROP_OFFER, or NOTHING where no deadline has passed."""
        if self.state is State.CLOSED:
            return Action.NOTHING
        if now >= self._ping_deadline:
            if self._pong_due:
                self.state = State.CLOSED
                return Action.TIME_OUT
            timeout = self._times[1]
            # A ping that leaves a little late does not move the client's deadline; one that leaves late enough to
            # shorten the client's time to answer by a tenth does.
            late = now - self._ping_deadline
            self._ping_deadline = (self._ping_deadline if late <= timeout / 10 else now) + timeout
            self._pong_due = True
            return Action.PING
        if self._offer_deadline is not None and now >= self._offer_deadline:
            self.lose_offer()
            return Action.DROP_OFFER
        return Action.NOTHING

    def postpone(self, now: float) -> None:
        """Reading has been paused by us, so no pong could arrive: the client gets its whole time again."""
        if self._pong_due:
            self._ping_deadline = now + self._times[1]

    def _step(self, happened: Input) -> Action:
        self.state, action = TRANSITIONS[self.state, happened]
        return action
