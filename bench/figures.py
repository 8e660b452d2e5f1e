"""From what was counted to what is shown: rates, microseconds, medians, ratios. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.targets import TARGETS

Row = dict[str, Any]
LABELS: Final = {
    **{target.name: target.label for target in TARGETS},
    "pgbench": "pgbench, an INSERT each",
    "journal": "the journal's statement",
}
ORDER: Final = tuple(LABELS)
_DELIVERING: Final = ("delivery", "small-rooms")
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
    """What counts in its scenario, per second: deliveries, acknowledged sends, rows."""
    if row["scenario"] == "alone":
        return float(row["rows_per_second"])
    return float(row[_unit(row)] / row["seconds"])


def cost(row: Row, process: str, *kinds: str) -> float:
    """Microseconds of CPU per delivery, send or row."""
    done = rate(row) * row["seconds"]
    return 1e6 * sum(row["cpu"][process][kind] for kind in kinds) / done if done else 0.0


def share(row: Row, process: str) -> float:
    """Cores in use: 1 is one whole core."""
    return float(sum(row["cpu"][process].values()) / row["seconds"])


def others(row: Row) -> float:
    """Cores taken by everybody who is not part of the measurement: above a tenth or so the machine was not quiet."""
    ours = sum(share(row, process) for process in ("server", "postgres", "client"))
    return max(0.0, share(row, "machine") - ours)


def faults(row: Row) -> dict[str, int]:
    """What should not be: lost, out of order, refused, unanswered, closed. Empty where all is well."""
    return {name: row["check"][name] for name in ("lost", "disorder", "refused", "unanswered", "closed", "strange")
            if row["check"][name]} if "check" in row else {}  # fmt: skip


def _unit(row: Row) -> str:
    return "deliveries" if row["scenario"] in _DELIVERING else "acks"


def _latency(row: Row) -> Row:
    found: Row = row["delivery_ms" if row["scenario"] in _DELIVERING else "ack_ms"]
    return found


_FIGURES: Final[dict[str, Callable[[Row], float]]] = {
    "per_second": rate,
    "server_user_us": lambda row: cost(row, "server", "user"),
    "server_system_us": lambda row: cost(row, "server", "system"),
    "postgres_us": lambda row: cost(row, "postgres", "user", "system"),
    "server_cores": lambda row: share(row, "server"),
    "client_cores": lambda row: share(row, "client"),
    "other_cores": others,
    "p50_ms": lambda row: _latency(row)["p50"] or 0.0,
    "p99_ms": lambda row: _latency(row)["p99"] or 0.0,
}
_ALONE: Final[dict[str, Callable[[Row], float]]] = {
    "per_second": rate,
    "postgres_us": lambda row: cost(row, "postgres", "user", "system"),
}


def summarise(rows: list[Row]) -> list[Row]:
    """One row for each scenario, case and server, in the order of the tables.

    `hubbub_is` holds, of rounds taken side by side, Hubbub's rate over this one's, and for deliveries this one's user
    CPU over Hubbub's.
    """
    cells: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["scenario"], row["case"], row["server"]), []).append(row)
    cases = list(dict.fromkeys((scenario, case) for scenario, case, _ in cells))
    ranks = {"delivery": 0, "small-rooms": 1, "sends": 2, "alone": 3}
    cases.sort(key=lambda case: (ranks[case[0]], int(case[1].split()[0])))
    found: list[Row] = []
    for scenario, case in cases:
        for server in ORDER:
            here = cells.get((scenario, case, server))
            if here is None:
                continue
            figures = _ALONE if scenario == "alone" else _FIGURES
            summary: Row = {"scenario": scenario, "case": case, "server": server, "label": LABELS[server]}
            summary |= {name: spread(map(read, here)).as_json() for name, read in figures.items()}
            summary["faults"] = _total(faults(row) for row in here)
            hubbub = {row["round"]: row for row in cells.get((scenario, case, "hubbub"), [])}
            pairs = [(hubbub[row["round"]], row) for row in here if row["round"] in hubbub]
            if pairs and server != "hubbub":
                summary["hubbub_is"] = {
                    "times_as_fast": spread(rate(ours) / max(rate(theirs), 1e-9) for ours, theirs in pairs).as_json()
                }
                if scenario in _DELIVERING:
                    summary["hubbub_is"]["user_cpu_one_in"] = spread(
                        cost(theirs, "server", "user") / max(cost(ours, "server", "user"), 1e-9)
                        for ours, theirs in pairs
                    ).as_json()
            found.append(summary)
    return found


def _total(each: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in each:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total


def warnings(rows: list[Row]) -> list[str]:
    """What makes a figure say less than it seems to."""
    found: list[str] = []
    served = [row for row in rows if row["scenario"] != "alone"]
    disturbed = [others(row) for row in served if others(row) > _DISTURBED]
    if disturbed:
        found.append(
            f"the machine was not quiet: in {len(disturbed)} of {len(served)} measurements others took up to "
            f"{max(disturbed):.1f} cores; take the figures again"
        )
    for row in served:
        where = f"{LABELS[row['server']]}, {row['case']}, round {row['round']}"
        client, server = share(row, "client"), share(row, "server")
        if client > _BUSY and server < _BUSY:
            found.append(
                f"{where}: the load client is the bottleneck (client {client:.0%} of a core, server {server:.0%}); "
                "the rate is a lower bound"
            )
        if rate(row) == 0:
            found.append(f"{where}: nothing came in the time")
    return found
