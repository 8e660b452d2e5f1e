"""What the engine is meant to reach beside its peers, and whether it does: computed from the summary alone.

Each goal is a ratio within one run on one machine, so that it means the same anywhere. One whose measurements were
left out is not listed. Before: `figures.py`. After: `report.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from hubbub.config import Settings

Row = dict[str, Any]
_DELIVERY: Final = "delivery"
_SENDS: Final = "durable sends"
_CONNECTIONS: Final = "connections"
_SLOW: Final = "slow readers"
_WORKERS: Final = "several processes"


@dataclass(frozen=True, slots=True)
class Goal:
    """One of them. `wanted` and `found` are for people; `value` is the number."""

    part: str
    what: str
    wanted: str
    found: str
    value: float
    met: bool


def goals(summary: list[Row]) -> list[Row]:
    """All that can be told from these rows, in their order."""
    return [asdict(goal) for goal in _Reader(summary).all()]


class _Missing(Exception):
    """A measurement was left out."""


class _Reader:
    """Finds rows by scenario, case and server."""

    def __init__(self, summary: list[Row]) -> None:
        self._rows = {(row["scenario"], row["case"], row["server"]): row for row in summary}
        self._cases: dict[str, list[str]] = {}
        for row in summary:
            cases = self._cases.setdefault(row["scenario"], [])
            if row["case"] not in cases:
                cases.append(row["case"])

    def all(self) -> Iterator[Goal]:
        for make in (self._delivery, self._lone, self._sends, self._connections, self._slow_readers, self._workers):
            yield from make()

    def _row(self, scenario: str, case: int | str, server: str) -> Row:
        """`case`: its name, or its place among the cases of the scenario."""
        cases = self._cases.get(scenario, [])
        if isinstance(case, int):
            if case >= len(cases):
                raise _Missing
            case = cases[case]
        try:
            return self._rows[scenario, case, server]
        except KeyError:
            raise _Missing from None

    def _at_least(self, part: str, what: str, wanted: float, value: Callable[[], float]) -> Iterator[Goal]:
        try:
            found = value()
        except _Missing:
            return
        yield Goal(part, what, f"≥ {wanted:g}×", _times(found), found, found >= wanted)

    def _at_most(
        self, part: str, what: str, wanted: float, value: Callable[[], float], unit: str = "×"
    ) -> Iterator[Goal]:
        try:
            found = value()
        except _Missing:
            return
        yield Goal(part, what, f"≤ {wanted:g}{unit}", f"{found:.3g}{unit}", found, found <= wanted)

    def _stated(self, part: str, what: str, value: Callable[[], float], unit: str) -> Iterator[Goal]:
        """What has no bar, but is to be known."""
        try:
            found = value()
        except _Missing:
            return
        yield Goal(part, what, "stated", f"{found:.3g}{unit}", found, True)

    def _beside(self, scenario: str, case: int | str, server: str, ratio: str) -> float:
        return float(self._row(scenario, case, server)["hubbub_is"][ratio]["median"])

    def _median(self, scenario: str, case: int | str, server: str, figure: str) -> float:
        return float(self._row(scenario, case, server)[figure]["median"])

    def _delivery(self) -> Iterator[Goal]:
        for case, who, wanted in ((1, "eight senders", 10.0), (0, "one sender", 4.0)):
            yield from self._at_least(
                _DELIVERY, f"deliveries a second over Node socket.io's, {who}", wanted,
                lambda case=case: self._beside("delivery", case, "node-relay", "times_as_fast"),
            )  # fmt: skip
        for case, who in ((1, "eight senders"), (0, "one sender")):
            yield from self._at_least(
                _DELIVERY, f"Node socket.io's user CPU per delivery over Hubbub's, {who}", 10,
                lambda case=case: self._beside("delivery", case, "node-relay", "user_cpu_one_in"),
            )  # fmt: skip
        yield from self._at_most(
            _DELIVERY, "CPU per delivery over uWebSockets', eight senders", 1.25,
            lambda: 1 / max(1e-9, self._beside("delivery", 1, "uws", "cpu_one_in")),
        )  # fmt: skip
        yield from self._at_least(
            _DELIVERY, "deliveries a second over the Node chat's, rooms of five", 8,
            lambda: self._beside("small-rooms", 0, "node-chat", "times_as_fast"),
        )  # fmt: skip

    def _lone(self) -> Iterator[Goal]:
        def without_storing() -> float:
            ours, stored, bare = (self._median("lone", 0, name, "p50_ms") for name in ("hubbub", "journal", "core"))
            return max(0.0, ours - stored) / max(bare, 1e-9)

        yield from self._at_most(
            _DELIVERY, "a lone message's median, less that of storing it, over that of Hubbub's core alone", 1.5,
            without_storing,
        )  # fmt: skip

    def _sends(self) -> Iterator[Goal]:
        places = {"sends": "in rooms of two", "sends-one-room": "in one room"}
        for scenario, alone, extra in (
            ("sends", "alone", ""),
            ("sends-one-room", "alone", ""),
            ("sends-slow-commit", "alone-slow-commit", ", slow commits"),
            ("sends-one-room-slow-commit", "alone-slow-commit", ", slow commits"),
        ):
            where = places[scenario.removesuffix("-slow-commit")] + extra
            for case, depth in ((0, "one in flight"), (1, "eight in flight")):
                yield from self._at_least(
                    _SENDS, f"acked sends a second over the Node chat's, {where}, {depth}", 8,
                    lambda scenario=scenario, case=case: self._beside(scenario, case, "node-chat", "times_as_fast"),
                )  # fmt: skip
            yield from self._at_least(
                _SENDS, f"eight in flight over one in flight, {where}", 1,
                lambda scenario=scenario: self._median(scenario, 1, "hubbub", "per_second")
                / self._median(scenario, 0, "hubbub", "per_second"),
            )  # fmt: skip
            for case, depth in ((0, "one in flight"), (1, "eight in flight")):
                yield from self._at_least(
                    _SENDS, f"acked sends over what PostgreSQL alone stores with that statement, {where}, {depth}", 0.6,
                    lambda scenario=scenario, alone=alone, case=case: self._median(
                        scenario, case, "hubbub", "per_second"
                    ) / self._median(alone, 1 + case, "journal", "per_second"),
                )  # fmt: skip
            yield from self._stated(
                _SENDS, f"the acks' p99 at half of the highest rate, {where}",
                lambda scenario=scenario: self._median(scenario, 2, "hubbub", "p99_ms"), " ms",
            )  # fmt: skip

    def _connections(self) -> Iterator[Goal]:
        yield from self._at_most(
            _CONNECTIONS, "memory of an idle, signed-in connection", 12,
            lambda: self._median("idle", 0, "hubbub", "kb_each"), " kB",
        )  # fmt: skip
        yield from self._at_least(
            _CONNECTIONS, "Node socket.io's CPU in a storm over Hubbub's", 3,
            lambda: self._beside("storm", 0, "node-relay", "cpu_one_in"),
        )  # fmt: skip
        pool = next(field.default for field in fields(Settings) if field.name == "db_pool_size")
        yield from self._at_most(
            _CONNECTIONS, "connections to PostgreSQL in a storm, of its pool", pool,
            lambda: float(self._row("storm", 0, "hubbub")["sessions"]["max"]), "",
        )  # fmt: skip
        yield from self._at_most(
            _CONNECTIONS, "connections lost, or behind, after a storm", 0,
            lambda: float(sum(self._row("storm", 0, "hubbub")["faults"].values())), "",
        )  # fmt: skip

    def _slow_readers(self) -> Iterator[Goal]:
        cases = self._cases.get("slow-readers", [])
        stopped = next((case for case in cases if case != "all read"), "")
        yield from self._at_most(
            _SLOW, "the others' p99 over that without slow readers", 1.5,
            lambda: self._median("slow-readers", stopped, "hubbub", "p99_ms")
            / max(1e-9, self._median("slow-readers", "all read", "hubbub", "p99_ms")),
        )  # fmt: skip
        cap = next(field.default for field in fields(Settings) if field.name == "outbox_bytes")
        count = int(stopped.split()[0]) if stopped else 0
        yield from self._at_most(
            _SLOW, "the server's memory grew, of the sum of their outboxes", round(count * cap / 1e6, 1),
            lambda: float(self._row("slow-readers", stopped, "hubbub")["grown_mb"]["max"]), " MB",
        )  # fmt: skip

    def _workers(self) -> Iterator[Goal]:
        for scenario, case, what in (("delivery", 1, "delivery, eight senders"), ("sends", 1, "send, eight in flight")):
            yield from self._at_most(
                _WORKERS, f"CPU per {what}, with two workers over one", 1.3,
                lambda scenario=scenario, case=case: self._beside(scenario, case, "hubbub-2", "cpu_one_in"),
            )  # fmt: skip


def _times(value: float) -> str:
    return f"{value:.2g}×" if value < 10 else f"{value:.0f}×"
