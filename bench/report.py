"""The tables, for people (Rich, Markdown), and the results, for machines (JSON)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

Row = dict[str, Any]
_TITLES: Final = {
    "delivery": "Delivery: {members} members in one room, {case}, {window} in flight each (µs of CPU per delivery)",
    "small-rooms": "Delivery: rooms of five, {case}, one in each, {window} in flight each (µs of CPU per delivery)",
    "sends": "Durable sends: {senders} senders in {senders} rooms of two, {case} each (µs of CPU per send)",
    "alone": "PostgreSQL alone, same server and settings",
}


def tables(results: Row) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, column heads and rows of each table."""
    found: list[tuple[str, list[str], list[list[str]]]] = []
    summaries: list[Row] = results["summary"]
    size = results["size"]
    for scenario, case in dict.fromkeys((row["scenario"], row["case"]) for row in summaries):
        rows = [row for row in summaries if (row["scenario"], row["case"]) == (scenario, case)]
        if scenario == "alone":
            continue
        title = _TITLES[scenario].format(
            members=size["members"], senders=size["rooms"], case=case, window=size["window"]
        )
        found.append((title, _heads(scenario), [_line(row) for row in rows]))
    rows = [row for row in summaries if row["scenario"] == "alone"]
    if rows:
        lines = [
            [f"{row['label']}: {row['case']}", _range(row["per_second"]),
             f"{row['postgres_us']['median']:.0f}"] for row in rows
        ]  # fmt: skip
        found.append((_TITLES["alone"], ["", "rows/s", "PostgreSQL µs/row"], lines))
    return found


def _heads(scenario: str) -> list[str]:
    unit, latency = ("deliveries/s", "p50 ms") if scenario in ("delivery", "small-rooms") else ("acked/s", "ack p50 ms")
    return ["server", unit, "Hubbub is", "user µs", "system µs", "PostgreSQL µs", latency, "p99 ms",
            "cores: server", "client", "faults"]  # fmt: skip


def _line(row: Row) -> list[str]:
    ratios = row.get("hubbub_is")
    faults = ", ".join(f"{count:,} {name}" for name, count in row["faults"].items()) or "none"
    line = [row["label"], _range(row["per_second"]), _times(ratios and ratios["times_as_fast"])]
    line += [_small(row[name]) for name in ("server_user_us", "server_system_us", "postgres_us", "p50_ms", "p99_ms")]
    return [*line, f"{row['server_cores']['median']:.2f}", f"{row['client_cores']['median']:.2f}", faults]


def _range(value: Row) -> str:
    middle, low, high = (_round(value[name]) for name in ("median", "min", "max"))
    return f"{middle:,}" if low == high else f"{middle:,} ({low:,}–{high:,})"


def _round(value: float) -> int:
    """Three figures: more would claim too much."""
    return int(float(f"{value:.3g}"))


def _small(value: Row) -> str:
    middle = value["median"]
    return f"{middle:.2f}" if middle < 1 else f"{middle:.1f}" if middle < 100 else f"{middle:,.0f}"


def _times(value: Row | None) -> str:
    if value is None:
        return "–"
    middle, low, high = (f"{value[name]:.1f}" for name in ("median", "min", "max"))
    return f"{middle}×" if low == high else f"{middle}× ({low}–{high})"


def show(results: Row, console: Console) -> None:
    """Print the tables, the omissions and the warnings."""
    for title, heads, rows in tables(results):
        table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for index, head in enumerate(heads):
            table.add_column(head, justify="left" if index == 0 else "right", no_wrap=index in (0, 1, 2))
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for note in notes(results):
        console.print(note, highlight=False, markup=False)


def notes(results: Row) -> list[str]:
    """What is to be said beside the tables."""
    machine, said = results["machine"], []
    said.append(
        f"{machine['cpu']}, {machine['cores']} cores{', virtual' if machine['virtual'] else ''}, "
        f"{machine['memory_gb']} GB, {machine['kernel']}, {machine['filesystem']}; Python {machine['python']}, "
        f"PostgreSQL {results['postgres']['server_version']}; {results['size']['rounds']} rounds, "
        f"{results['seconds']:.0f} s; load before: {machine['load_before'][0]}. Medians over rounds (lowest–highest)."
    )
    said += [f"Left out: {name}: {why}" for name, why in results["omitted"].items()]
    said += [f"Warning: {warning}." for warning in results["warnings"]]
    return said


def markdown(results: Row) -> str:
    """The same as a page."""
    parts = [f"# Benchmark of {results['date']}", "How it is taken and what it means: [the manual](../README.md)."]
    for title, heads, rows in tables(results):
        parts.append(f"## {title}")
        parts.append("\n".join([_cells(heads), _cells(["---", *["---:"] * (len(heads) - 1)]), *map(_cells, rows)]))
    parts.append("\n".join(f"- {note}" for note in notes(results)))
    versions = results["versions"].items()
    listed = [f"- {name}: {', '.join(f'{k} {v}' for k, v in found.items())}" for name, found in versions]
    parts.append("## Versions\n\n" + "\n".join(listed))
    settings = ", ".join(f"{name} = {value}" for name, value in results["postgres"].items() if name != "server_version")
    parts.append(f"PostgreSQL's settings: {settings}.")
    return "\n\n".join(parts) + "\n"


def _cells(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"
