"""One checker for all campaigns: a history and the final state go in, violations of the invariants I1 to I12 come out.

    I1   every acknowledged send is in its room once, under the place and with the text that were acknowledged
    I2   no refused send is there, nothing that nobody sent, and an unanswered one at most once
    I3   the numbers of a room are 1 … n without a gap
    I4   what each client was given of a room: every change once, in order, none left out, over all its connections
    I5   all clients, the database and REST agree on what stands under a number
    I6   the messages of one sender stand in a room in the order in which they were sent
    I7   whoever reads after an ack finds what was acknowledged
    I8   nobody was given a room's secret before they came in, or more than a second after they left
    I9   watermarks never go back, and read <= delivered <= the room's counter
    I10  within 20 s of the end, presence says who is connected
    I11  no process ended by itself, no traceback, no 500
    I12  memory, open files and connections came back

`check` is a function of its arguments alone. A history in which nothing was acknowledged or heard is itself a violation
(I0): a checker that looked at nothing must not say that all is well. (reliability.md section 3; Jepsen's total-queue,
set-full and kafka workloads are where I1 to I5 come from.)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.fault.harness.history import Record

LEAVE_SECONDS: Final = 1.0
SHOWN: Final = 10  # violations of one invariant that are told in full


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold, and where."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


@dataclass(frozen=True)
class Row:
    """A message as the database has it at the end. `counter` is the number its sender gave it, None where plain SQL did."""

    seq: int
    change_seq: int
    sender: str
    client_id: str
    body_hash: str
    counter: int | None = None
    deleted: bool = False


@dataclass
class FinalState:
    """What was read after everything had healed and drained.

    Attributes:
        rows: the messages of each room, in the order of their places.
        others: numbers of each room that comings, goings and the room itself took.
        last_seq: the counter of each room.
        pages: the places and texts' hashes that REST gives of each room.
        marks: (user, room, delivered, read) of each member.
        presence: people that are shown on-line and are not connected, or the other way, after 20 seconds.
        troubles: processes that ended, tracebacks, answers 500.
        growth: memory, files, connections that did not come back.
        late: what was committed and not told to somebody who was connected, long after.
        epoch: the database's at the end; what stands under a number may differ between epochs.
    """

    rows: dict[str, list[Row]] = field(default_factory=dict)
    others: dict[str, set[int]] = field(default_factory=dict)
    last_seq: dict[str, int] = field(default_factory=dict)
    pages: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    marks: list[tuple[str, str, int, int]] = field(default_factory=list)
    presence: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    growth: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    epoch: str = ""


def check(
    history: Iterable[Record], final: FinalState, *, ordered: bool = True, checked: Counter[str] | None = None
) -> list[Violation]:
    """All violations, the first `SHOWN` of each invariant in full.

    Args:
        history: the records, in the order in which they were noted.
        final: the state after healing and draining.
        ordered: False where senders do not wait for their acks and send again out of order, so that I6 means nothing.
        checked: is given how many things each invariant was held against.
    """
    checked = Counter() if checked is None else checked
    book = _Book()
    found: list[Violation] = []
    found += book.read(history, checked)
    for one in (_sends, _numbers, _streams, _agreement, _marks):
        found += one(book, final, checked)
    if ordered:
        found += _order(final, checked)
    found += _secrets(book, checked)
    for name, told in (("I4", final.late), ("I10", final.presence), ("I11", final.troubles), ("I12", final.growth)):
        found += [Violation(name, what) for what in told]
    if not checked["I1"] or not checked["I4"]:
        found.append(Violation("I0", f"nothing was checked: {dict(checked)}"))
    return list(_shortened(found))


def _shortened(found: list[Violation]) -> Iterator[Violation]:
    seen: Counter[str] = Counter()
    for violation in found:
        seen[violation.invariant] += 1
        if seen[violation.invariant] <= SHOWN:
            yield violation
    for name, count in seen.items():
        if count > SHOWN:
            yield Violation(name, f"… and {count - SHOWN} more")


@dataclass
class _Send:
    """One message of one sender, over all attempts."""

    room: str
    body_hash: str
    place: int | None = None
    acked_at: float = 0.0
    refused: bool = False


@dataclass
class _Stream:
    """What one client was given of one room since its `begin`."""

    began: int
    position: int
    known: dict[int, tuple[int, str]] = field(default_factory=dict)  # place -> latest change, hash
    skipped: list[tuple[int, int, str]] = field(default_factory=list)  # (from, to], how
    heard: set[int] = field(default_factory=set)  # of the present page
    done: int | None = None
    is_void: bool = False  # of before a restore


class _Book:
    """The history, sorted by what it concerns."""

    def __init__(self) -> None:
        self.sends: dict[tuple[str, str], _Send] = {}
        self.streams: dict[tuple[str, str], _Stream] = {}
        self.texts: dict[tuple[str, str, int], tuple[int, str, str]] = {}  # (epoch, room, change) -> place, hash, who
        self.acks: dict[tuple[str, int], float] = {}
        self.changes: Counter[str] = Counter()  # edits, deletions, comings and goings asked for in each room
        self.secrets: list[tuple[str, str, float]] = []
        self.stays: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
        self.marks: dict[tuple[str, str], tuple[int, int]] = {}

    def read(self, history: Iterable[Record], checked: Counter[str]) -> Iterator[Violation]:
        """Take every record; what can be judged at once is."""
        for record in history:
            match record.op:
                case "send":
                    yield from self._send(record)
                case "hear":
                    checked["I4"] += 1
                    yield from self._hear(record)
                case "page":
                    yield from self._page(record)
                case "begin":
                    began = _Stream(record.seq, record.seq)
                    self.streams[record.client, record.room] = began
                case "done":
                    stream = self.streams.get((record.client, record.room))
                    if stream is not None:
                        stream.done = record.change_seq
                case "read":
                    checked["I7"] += 1
                    yield from self._read(record)
                case "member":
                    stays = self.stays[record.client, record.room]
                    self.changes[record.room] += bool(stays)  # it takes the place of the number of the one before
                    if record.about == "in":
                        stays.append([record.t_mono, float("inf")])
                    elif stays:
                        stays[-1][1] = min(stays[-1][1], record.t_mono + LEAVE_SECONDS)
                case "marks":
                    checked["I9"] += 1
                    yield from self._marks(record)
                case "restored":
                    self._restored()
                case "edit" | "delete" if record.phase == "invoke":
                    self.changes[record.room] += 1

    def _restored(self) -> None:
        """The database went back: what was acknowledged may be gone, what clients remember means nothing any more."""
        for send in self.sends.values():
            send.place = None
        for stream in self.streams.values():
            stream.is_void = True
        self.acks.clear()
        self.marks.clear()

    def _send(self, record: Record) -> Iterator[Violation]:
        key = (record.client, record.client_id)
        if record.phase == "invoke":
            self.sends.setdefault(key, _Send(record.room, record.body_hash))
            return
        send = self.sends.get(key)
        if send is None:
            yield Violation("I1", f"{key} was answered, but never sent")
        elif record.phase == "ok":
            if send.place not in (None, record.seq):
                yield Violation("I1", f"{key} was acknowledged under {send.place} and under {record.seq}")
            send.place, send.acked_at = record.seq, record.t_mono
            self.acks.setdefault((send.room, record.seq), record.t_mono)
        elif record.phase == "fail":
            send.refused = True

    def _hear(self, record: Record) -> Iterator[Violation]:
        stream = self.streams.get((record.client, record.room))
        if record.secret:
            self.secrets.append((record.client, record.secret, record.t_mono))
            if record.secret != record.room:
                yield Violation("I5", f"{record.client} was given a text of {record.secret} in {record.room}")
        if stream is None:
            return
        if stream.is_void:
            yield Violation("I4", f"{record.client} goes on in {record.room} with a cursor of before the restore")
        number, who = record.change_seq, f"{record.client} in {record.room}"
        if number <= stream.position or number in stream.heard:
            yield Violation("I4", f"{who} was given {number} again or late, behind {stream.position} ({record.source})")
        elif record.source == "sync":
            if stream.heard and number < max(stream.heard):
                yield Violation("I4", f"{who}: sync gave {number} behind {max(stream.heard)}")
            stream.heard.add(number)
        else:
            if number > stream.position + 1:
                stream.skipped.append((stream.position, number - 1, "live"))
            stream.position = number
        if record.seq:
            latest = stream.known.get(record.seq)
            if latest is None or latest[0] < number:
                stream.known[record.seq] = (number, record.body_hash)
            yield from self._text(record)

    def _text(self, record: Record) -> Iterator[Violation]:
        """I5: the first that names a number says what stands there; all others must say the same."""
        first = self.texts.setdefault(
            (record.epoch, record.room, record.change_seq), (record.seq, record.body_hash, record.client)
        )
        if first[:2] != (record.seq, record.body_hash):
            yield Violation(
                "I5",
                f"{record.client} and {first[2]} were given different messages as {record.change_seq} of {record.room}",
            )

    def _page(self, record: Record) -> Iterator[Violation]:
        stream = self.streams.get((record.client, record.room))
        if stream is None:
            return
        if stream.is_void:
            yield Violation("I4", f"{record.client} synced {record.room} with a cursor of before the restore")
        if record.seq != stream.position:
            yield Violation("I4", f"{record.client} synced {record.room} from {record.seq}, not from {stream.position}")
        beyond = [number for number in stream.heard if number > record.change_seq]
        if beyond:
            yield Violation("I4", f"{record.client}: a page up to {record.change_seq} holds {beyond}")
        at = stream.position
        for number in (*sorted(stream.heard), record.change_seq + 1):
            if number > at + 1:
                stream.skipped.append((at, number - 1, "sync"))
            at = number
        stream.position = max(stream.position, record.change_seq)
        stream.heard = set()

    def _read(self, record: Record) -> Iterator[Violation]:
        low = min(record.numbers, default=record.seq)
        for place in range(low, record.seq + 1):
            acked_at = self.acks.get((record.room, place))
            if acked_at is not None and acked_at < record.t_mono and place not in record.numbers:
                yield Violation("I7", f"{place} of {record.room} was acknowledged, then not found by a reader")

    def _marks(self, record: Record) -> Iterator[Violation]:
        delivered, read, last = record.numbers
        key = (record.client, record.room)
        before = self.marks.get(key, (0, 0))
        if delivered < before[0] or read < before[1]:
            yield Violation("I9", f"the watermarks of {key} went from {before} to {(delivered, read)}")
        if not read <= delivered <= last:
            yield Violation("I9", f"the watermarks of {key} are {(delivered, read)}, the room's counter {last}")
        self.marks[key] = (delivered, read)


def _sends(book: _Book, final: FinalState, checked: Counter[str]) -> Iterator[Violation]:
    """I1 and I2."""
    stored: dict[tuple[str, str], list[tuple[str, Row]]] = defaultdict(list)
    for room, rows in final.rows.items():
        for row in rows:
            if row.client_id:
                stored[row.sender, row.client_id].append((room, row))
    for key, send in book.sends.items():
        found = stored.pop(key, [])
        if send.place is not None:
            checked["I1"] += 1
            if len(found) != 1:
                yield Violation(
                    "I1", f"{key}, acknowledged as {send.place} of {send.room}, is there {len(found)} times"
                )
                continue
            ((room, row),) = found
            if (room, row.seq) != (send.room, send.place):
                yield Violation(
                    "I1", f"{key} was acknowledged as {send.place} of {send.room}, and is {row.seq} of {room}"
                )
            elif row.change_seq == row.seq and row.body_hash != send.body_hash:
                yield Violation("I1", f"{key} has another text than was sent")
        else:
            checked["I2"] += 1
            if send.refused and found:
                yield Violation("I2", f"{key} was refused, and is there")
            elif len(found) > 1:
                yield Violation("I2", f"{key}, never answered, is there {len(found)} times")
    for key in stored:
        yield Violation("I2", f"{key} is there, and nobody sent it")


def _numbers(book: _Book, final: FinalState, checked: Counter[str]) -> Iterator[Violation]:
    """I3. A number may be gone where a later change of the same thing took its place: no more than were asked for."""
    for room, rows in final.rows.items():
        places = [row.seq for row in rows]
        checked["I3"] += len(places)
        twice = [place for place, count in Counter(places).items() if count > 1]
        if twice:
            yield Violation("I3", f"places of {room} that are taken twice: {twice}")
        taken = set(places) | {row.change_seq for row in rows} | final.others.get(room, set())
        missing = set(range(1, final.last_seq[room] + 1)) - taken
        if len(missing) > book.changes[room]:
            yield Violation("I3", f"{len(missing)} numbers of {room} belong to nothing: {sorted(missing)[:20]}")
        beyond = [number for number in taken if number > final.last_seq[room]]
        if beyond:
            yield Violation("I3", f"{room} has come to {final.last_seq[room]}, and has {sorted(beyond)[:20]}")


def _streams(book: _Book, final: FinalState, checked: Counter[str]) -> Iterator[Violation]:
    """I4, at the end: nothing was left out that still stands, and whoever caught up knows every message as it is."""
    latest = {room: {row.change_seq for row in rows} for room, rows in final.rows.items()}
    for (client, room), stream in book.streams.items():
        if room not in latest or stream.is_void:
            continue
        for start, end, how in stream.skipped:
            lost = [number for number in range(start + 1, end + 1) if number in latest[room]]
            if lost:
                yield Violation("I4", f"{client} in {room} was never given {lost[:20]} ({how})")
        if stream.done is None:
            continue
        checked["I4"] += 1
        if stream.done < final.last_seq[room]:
            yield Violation("I4", f"{client} caught up with {room} to {stream.done} of {final.last_seq[room]}")
        want = {row.seq: row for row in final.rows[room] if row.seq > stream.began}
        missing = sorted(want.keys() - stream.known.keys())
        if missing:
            yield Violation("I4", f"{client} does not know {missing[:20]} of {room}, {len(missing)} in all")
        surplus = sorted(place for place in stream.known.keys() - want.keys() if place > stream.began)
        if surplus:
            yield Violation("I4", f"{client} was given {surplus[:20]} of {room}, which are not there")
        stale = [
            place for place, row in want.items()
            if place in stream.known and stream.known[place] != (row.change_seq, row.body_hash)
        ]  # fmt: skip
        if stale:
            yield Violation("I4", f"{client} knows {sorted(stale)[:20]} of {room} otherwise than they are")


def _agreement(book: _Book, final: FinalState, checked: Counter[str]) -> Iterator[Violation]:
    """I5: the database and REST say what clients were told."""
    for room, rows in final.rows.items():
        for row in rows:
            told = book.texts.get((final.epoch, room, row.change_seq))
            if told is not None:
                checked["I5"] += 1
                if told[:2] != (row.seq, row.body_hash):
                    yield Violation("I5", f"{told[2]} was told otherwise of {row.change_seq} of {room} than is stored")
        page = final.pages.get(room)
        if page is not None and page != [(row.seq, row.body_hash) for row in rows]:
            yield Violation("I5", f"REST gives {len(page)} messages of {room}, which are not the {len(rows)} stored")


def _order(final: FinalState, checked: Counter[str]) -> Iterator[Violation]:
    """I6."""
    for room, rows in final.rows.items():
        latest: dict[str, int] = {}
        for row in rows:
            if row.counter is None:
                continue
            checked["I6"] += 1
            if row.counter <= latest.get(row.sender, -1):
                yield Violation("I6", f"{row.sender}'s {row.counter} stands behind its {latest[row.sender]} in {room}")
            latest[row.sender] = row.counter


def _secrets(book: _Book, checked: Counter[str]) -> Iterator[Violation]:
    """I8."""
    for client, room, at in book.secrets:
        checked["I8"] += 1
        if not any(start <= at <= end for start, end in book.stays.get((client, room), ())):
            yield Violation("I8", f"{client} was given a secret of {room} without being a member")


def _marks(book: _Book, final: FinalState, checked: Counter[str]) -> Iterator[Violation]:
    """I9, at the end."""
    for user, room, delivered, read in final.marks:
        checked["I9"] += 1
        last = final.last_seq.get(room, 0)
        if not read <= delivered <= last:
            yield Violation("I9", f"{user} in {room}: read {read}, delivered {delivered}, counter {last}")
        if (delivered, read) < book.marks.get((user, room), (0, 0)):
            yield Violation("I9", f"the watermarks of {user} in {room} went back to {(delivered, read)}")


def by_invariant(violations: Iterable[Violation]) -> Mapping[str, int]:
    """How many of each."""
    return Counter(violation.invariant for violation in violations)
