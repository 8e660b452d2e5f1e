"""What all members of a room receive, kept once, taken apart once and compared by every other member.

A server sends each member of a room the same frames in the same order. The first member to receive one appends it to
the room's stream; for all others a read is one comparison of bytes and one addition, however many frames it holds, and
how many deliveries that were is counted when somebody asks. So every delivery is counted and checked, and the client
stays cheaper than the servers. A member to whom the server says something else gets a stream of its own.
"""

from __future__ import annotations

from bisect import bisect_right

from bench.load.frames import whose


class Stream:
    """The frames with messages that a room's members receive.

    Attributes:
        data: the frames, one after another.
        ends: where each ends.
        messages: of each, whose it is and its number.
        wrong: where those end that do not follow their sender's one before.
        own: by sender, where its messages end.
    """

    __slots__ = ("_heard", "data", "ends", "messages", "own", "wrong")

    def __init__(self) -> None:
        self.data = bytearray()
        self.ends: list[int] = []
        self.messages: list[tuple[int, int]] = []
        self.wrong: list[int] = []
        self.own: dict[int, list[int]] = {}
        self._heard: dict[int, int] = {}

    def append(self, frame: bytes) -> None:
        """The next frame.

        Raises:
            ValueError: it holds no message of the bench.
        """
        found = whose(frame)
        if found is None:
            raise ValueError(frame)
        sender, number = found
        self.data += frame
        end = len(self.data)
        self.ends.append(end)
        self.messages.append(found)
        self.own.setdefault(sender, []).append(end)
        if number != self._heard.get(sender, 0) + 1:
            self.wrong.append(end)
        self._heard[sender] = number

    def count(self, at: int) -> int:
        """Deliveries to a member that has received everything up to `at`."""
        return bisect_right(self.ends, at)

    def disorder(self, at: int) -> int:
        """Those of them that came out of their sender's order."""
        return bisect_right(self.wrong, at)

    def frame_start(self, at: int) -> int:
        """Where the frame begins in which `at` lies."""
        before = bisect_right(self.ends, at)
        return self.ends[before - 1] if before else 0

    def fork(self, at: int) -> Stream:
        """A stream of its own for a member that has received everything up to `at`, and now something else."""
        other = Stream()
        start = 0
        for end in self.ends[: self.count(at)]:
            other.append(bytes(self.data[start:end]))
            start = end
        return other
