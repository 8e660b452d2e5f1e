"""What the load client is told to do: read as JSON from its standard input."""

from __future__ import annotations

import msgspec


class MemberPlan(msgspec.Struct, frozen=True):
    """One client: what it says of itself when it connects, and the room it joins.

    `narrow`: it has a small receive buffer, so that its server soon feels that it does not read.
    """

    auth: dict[str, str]
    room: str
    narrow: bool = False


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """Load over the open connections, measured.

    Attributes:
        senders: indices of members.
        window: messages in flight per sender.
        warm, seconds: seconds before the measurement, and of it.
        own_copy: True where a message is in flight until its sender has its own copy back as well as the ack, so that
            a server that acknowledges at once and delivers later is not flooded; False where the ack alone counts.
        pace: messages a second of each sender, no more than one in flight, latency taken at the sender itself;
            0: as many as the window lets, latency taken at some members of all rooms.
        share: as `pace`, so large a share of the highest rate of acks in a phase before, all senders together, and up
            to `window` in flight; latency is that of the acks.
        stopped: indices of members that read nothing during the phase, nor after it.
        memory: the server's memory is looked at meanwhile.
    """

    name: str
    senders: list[int]
    window: int
    warm: float
    seconds: float
    own_copy: bool
    pace: float = 0
    share: float = 0
    stopped: list[int] = []
    memory: bool = False


class Storm(msgspec.Struct, frozen=True):
    """Everybody is cut off at once, and comes back as the official client does.

    Attributes:
        syncs: the server offers `ready` and `sync`: instead of joining, who is back asks for what it missed.
        missed: so many changes of its room, which the server must then give.
        limit: seconds after which nobody is waited for.
    """

    name: str
    syncs: bool
    missed: int
    limit: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of the client does.

    Attributes:
        watch: process ids by name, whose CPU is counted with their children's; `server` is one of them.
        first: so many members are connected before the cost of connecting the others is taken, in CPU and memory; 0: it
            is not taken.
        storm: what comes after the phases.
    """

    port: int
    members: list[MemberPlan]
    phases: list[Phase]
    body_bytes: int
    watch: dict[str, int]
    first: int = 0
    storm: Storm | None = None
