"""From what was counted to what is shown: rates, microseconds, medians, ratios. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from statistics import median
from typing import Any, Final

from bench.targets import TARGETS

Row = dict[str, Any]
Read = Callable[[Row], float]
LABELS: Final = {
    **{target.name: target.label for target in TARGETS},
    "pgbench": "pgbench, an INSERT each",
    "journal": "the journal's statement",
}
ORDER: Final = tuple(LABELS)
_SERVERS: Final = frozenset(target.name for target in TARGETS)
# By scenario, in the order of the tables: what is counted.
KINDS: Final = {
    "delivery": "deliveries",
    "small-rooms": "deliveries",
    "sizes": "deliveries",
    "slow-readers": "deliveries",
    "lone": "lone",
    "sends": "acks",
    "sends-one-room": "acks",
    "sends-slow-commit": "acks",
    "sends-one-room-slow-commit": "acks",
    "alone": "rows",
    "alone-slow-commit": "rows",
    "idle": "connections",
    "storm": "connections",
}
_FAULTS: Final = ("lost", "disorder", "refused", "unanswered", "closed", "strange", "absent", "behind")
_BUSY: Final = 0.8  # of a core
_DISTURBED: Final = 0.25


@dataclass(frozen=True, slots=True)
class Spread:
    """The median over the rounds, and between what it lay."""

    middle: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return {"median": self.middle, "min": self.low, "max": self.high}


def spread(values: Iterable[float]) -> Spread:
    """Of one value for each round."""
    found = list(values)
    return Spread(median(found), min(found), max(found))


def rate(row: Row) -> float:
    """What counts in its scenario, per second: deliveries, acknowledged sends, rows, connections."""
    if "rows_per_second" in row:
        return float(row["rows_per_second"])
    kind = KINDS[row["scenario"]]
    return float(row["deliveries" if kind == "lone" else kind] / row["seconds"])


def cost(row: Row, process: str, *kinds: str) -> float:
    """Microseconds of CPU per delivery, send, row or connection."""
    done = rate(row) * row["seconds"]
    return 1e6 * sum(row["cpu"].get(process, {}).get(kind, 0) for kind in kinds) / done if done else 0.0


def share(row: Row, process: str) -> float:
    """Cores in use: 1 is one whole core."""
    return float(sum(row["cpu"][process].values()) / row["seconds"])


def others(row: Row) -> float:
    """Cores taken by everybody who is not part of the measurement: above a tenth or so the machine was not quiet."""
    ours = sum(share(row, process) for process in ("server", "postgres", "client"))
    return max(0.0, share(row, "machine") - ours)


def faults(row: Row) -> dict[str, int]:
    """What should not be: lost, out of order, refused, unanswered, closed … Empty where all is well."""
    return {name: row["check"][name] for name in _FAULTS if row.get("check", {}).get(name)}


def _latency(row: Row, part: str) -> float:
    kind = KINDS[row["scenario"]]
    name = {"deliveries": "delivery_ms", "lone": "delivery_ms", "acks": "ack_ms", "connections": "live_ms"}[kind]
    return row[name][part] or 0.0


def _server(*kinds: str) -> Read:
    return lambda row: cost(row, "server", *kinds)


_CPU: Final[dict[str, Read]] = {
    "server_user_us": _server("user"),
    "server_system_us": _server("system"),
    "server_us": _server("user", "system"),
    "postgres_us": lambda row: cost(row, "postgres", "user", "system"),
    "server_cores": lambda row: share(row, "server"),
    "client_cores": lambda row: share(row, "client"),
    "other_cores": others,
}
_PERCENTILES: Final[dict[str, Read]] = {
    "p50_ms": lambda row: _latency(row, "p50"),
    "p99_ms": lambda row: _latency(row, "p99"),
}
_LOAD: Final[dict[str, Read]] = {"per_second": rate, **_CPU, **_PERCENTILES}
_ALONE: Final[dict[str, Read]] = {"per_second": rate, "postgres_us": _CPU["postgres_us"]}


def _readers(scenario: str, server: str) -> dict[str, Read]:
    """What is read out of a row."""
    if server in ("pgbench", "journal"):
        return _ALONE | (_PERCENTILES if scenario == "lone" else {})
    if scenario == "slow-readers":
        return _LOAD | {"grown_mb": _peak_mb, "dropped": lambda row: row.get("dropped", 0)}
    if scenario == "idle":
        return {"per_second": _connects, "kb_each": lambda row: _grown(row) / 1e3, **_CPU}
    if scenario == "storm":
        counts: dict[str, Read] = {name: itemgetter(name) for name in ("seconds", "tries", "sessions")}
        return {"per_second": rate, **counts, **_CPU, **_PERCENTILES}
    return _LOAD


def _connects(row: Row) -> float:
    """Connections a second, until the last was in its room."""
    return float(row["connections"] / row["connected_after"])


def _peak_mb(row: Row) -> float:
    """What the server's memory grew by at most during the phase."""
    return float(row["memory"]["peak"] - row["memory"]["base"]) / 1e6


def _compared(scenario: str) -> dict[str, Callable[[Row, Row], float]]:
    """Of two rows of one round, Hubbub's and another's: how many times as good Hubbub is."""
    by_cpu = {
        "user_cpu_one_in": lambda ours, theirs: _over(cost(theirs, "server", "user"), cost(ours, "server", "user")),
        "cpu_one_in": lambda ours, theirs: _over(
            cost(theirs, "server", "user", "system"), cost(ours, "server", "user", "system")
        ),
    }
    if scenario == "idle":
        return by_cpu | {"memory_one_in": lambda ours, theirs: _over(_grown(theirs), _grown(ours))}
    if KINDS[scenario] in ("deliveries", "acks"):
        return {"times_as_fast": lambda ours, theirs: _over(rate(ours), rate(theirs)), **by_cpu}
    return by_cpu if scenario == "storm" else {}


def _grown(row: Row) -> float:
    """Bytes of a connection."""
    return float((row["memory"]["after"] - row["memory"]["base"]) / row["connections"])


def _over(one: float, other: float) -> float:
    return one / max(other, 1e-9)


def summarise(rows: list[Row]) -> list[Row]:
    """One row for each scenario, case and server, in the order of the tables.

    `hubbub_is` holds, of rounds taken side by side, how many times as fast Hubbub is as this one, and this one's CPU
    (user; user and system) and memory over Hubbub's.
    """
    cells: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["scenario"], row["case"], row["server"]), []).append(row)
    found: list[Row] = []
    for scenario, case in sorted(dict.fromkeys(key[:2] for key in cells), key=_place):
        for server in ORDER:
            here = cells.get((scenario, case, server))
            if here is None:
                continue
            summary: Row = {"scenario": scenario, "case": case, "server": server, "label": LABELS[server]}
            summary |= {name: spread(map(read, here)).as_json() for name, read in _readers(scenario, server).items()}
            summary["faults"] = _total(faults(row) for row in here)
            if "commit_ms" in here[0]:
                summary["commit_ms"] = spread(row["commit_ms"] for row in here).as_json()
            hubbub = {row["round"]: row for row in cells.get((scenario, case, "hubbub"), [])}
            pairs = [(hubbub[row["round"]], row) for row in here if row["round"] in hubbub]
            if pairs and server != "hubbub" and server in _SERVERS:
                summary["hubbub_is"] = {
                    name: spread(compare(ours, theirs) for ours, theirs in pairs).as_json()
                    for name, compare in _compared(scenario).items()
                }
            found.append(summary)
    return found


def _place(key: tuple[str, str]) -> tuple[int, int, str]:
    """The order of scenarios, and within one by the first number of the case; words go before, and after `at`."""
    scenario, case = key
    number = re.match(r"[\d,]+", case)
    late = case.startswith("at ")
    return [*KINDS].index(scenario), 1_000_000 if late else int(number[0].replace(",", "")) if number else 0, case


def _total(each: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in each:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total


def warnings(rows: list[Row]) -> list[str]:
    """What makes a figure say less than it seems to."""
    found: list[str] = []
    served = [row for row in rows if "server" in row["cpu"]]
    disturbed = [others(row) for row in served if others(row) > _DISTURBED]
    if disturbed:
        found.append(
            f"the machine was not quiet: in {len(disturbed)} of {len(served)} measurements others took up to "
            f"{max(disturbed):.1f} cores; take the figures again"
        )
    for row in served:
        where = f"{LABELS[row['server']]}, {row['scenario']}, {row['case']}, round {row['round']}"
        client, server = share(row, "client"), share(row, "server")
        if client > max(_BUSY, server):
            found.append(
                f"{where}: the load client is the bottleneck (client {client:.0%} of a core, server {server:.0%}); "
                "the rate is a lower bound"
            )
        if rate(row) == 0:
            found.append(f"{where}: nothing came in the time")
    return found
