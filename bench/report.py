"""The tables, for people (Rich, Markdown), and the results, for machines (JSON)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.figures import KINDS

Row = dict[str, Any]
Lines = tuple[str, list[str], list[list[str]]]  # title, column heads, rows
_TITLES: Final = {
    "delivery": "Delivery: {members} members in one room, {case}, {window} in flight each (µs of CPU per delivery)",
    "small-rooms": "Delivery: {small_rooms} rooms of five, one sender in each, {window} in flight each (µs of CPU per delivery)",
    "sizes": "Delivery: one room of {case}, {senders} senders, {window} in flight each (µs of CPU per delivery)",
    "slow-readers": "Slow readers: {members} members in one room, {senders} senders, bodies of {large_bytes} bytes; {case} (µs of CPU per delivery)",
    "lone": "A lone message: rooms of ten, one message at a time, {case}; from send to the sender's own copy",
    "sends": "Durable sends: {rooms} senders in {rooms} rooms of two, {case} each (µs of CPU per send)",
    "sends-one-room": "Durable sends: {rooms} senders in one room, {case} each (µs of CPU per send)",
    "sends-slow-commit": "Durable sends where a commit waits {slow_commit_ms} ms: {rooms} senders in {rooms} rooms of two, {case} each",
    "sends-one-room-slow-commit": "Durable sends where a commit waits {slow_commit_ms} ms: {rooms} senders in one room, {case} each",
    "alone": "PostgreSQL alone, same server and settings",
    "alone-slow-commit": "PostgreSQL alone, where a commit waits {slow_commit_ms} ms",
    "idle": "Connecting, and idle connections: {case} signed in, in rooms of {crowd_room} (ms of CPU per connection)",
    "storm": "A storm: {case} cut at once and coming back, first try after 0.5 to 1.5 s (ms of CPU per connection)",
}


def tables(results: Row) -> list[Lines]:
    """All tables, the goals last."""
    found: list[Lines] = []
    summaries: list[Row] = results["summary"]
    together = ("alone", "alone-slow-commit")  # all cases in one table
    seen = dict.fromkeys((row["scenario"], "" if row["scenario"] in together else row["case"]) for row in summaries)
    for scenario, case in seen:
        rows = [row for row in summaries if row["scenario"] == scenario and case in ("", row["case"])]
        title = _TITLES[scenario].format(case=case, **results["size"])
        if "commit_ms" in rows[0]:
            title += f"; a lone commit took {_small(rows[0]['commit_ms'])} ms"
        heads, line = _columns(scenario)
        found.append((title, heads, [line(row) for row in rows]))
    goals = results.get("goals", [])
    if goals:
        lines = [
            [goal["part"], goal["what"], goal["wanted"], goal["found"], "yes" if goal["met"] else "no"]
            for goal in goals
        ]
        found.append(("Goals", ["", "", "wanted", "found", "met"], lines))
    return found


def _columns(scenario: str) -> tuple[list[str], Callable[[Row], list[str]]]:
    """The heads, and what makes a row's cells of a summary."""
    kind = KINDS[scenario]
    if kind == "rows":
        return ["", "rows/s", "PostgreSQL µs/row"], lambda row: [
            f"{row['label']}: {row['case']}", _range(row["per_second"]), _small(row["postgres_us"]),
        ]  # fmt: skip
    if kind == "lone":
        return ["", "p50 ms", "p99 ms"], lambda row: [row["label"], _spread(row["p50_ms"]), _spread(row["p99_ms"])]
    if scenario == "idle":
        return ["server", "kB each", "connects/s", "user ms", "system ms", "PostgreSQL ms", "faults"], lambda row: [
            row["label"], _spread(row["kb_each"]), _range(row["per_second"]), *_milliseconds(row), _faults(row),
        ]  # fmt: skip
    if scenario == "storm":
        heads = ["server", "all live after s", "p50 ms", "p99 ms", "user ms", "system ms", "PostgreSQL ms", "tries",
                 "connections to PostgreSQL", "faults"]  # fmt: skip
        return heads, lambda row: [
            row["label"], _spread(row["seconds"]), _small(row["p50_ms"]), _small(row["p99_ms"]), *_milliseconds(row),
            f"{row['tries']['median']:,.0f}", f"{row['sessions']['max']:.0f}", _faults(row),
        ]  # fmt: skip
    unit, latency = ("deliveries/s", "p50 ms") if kind == "deliveries" else ("acked/s", "ack p50 ms")
    heads = ["server", unit, "Hubbub is", "user µs", "system µs", "PostgreSQL µs", latency, "p99 ms", "cores: server",
             "client", "faults"]  # fmt: skip
    if scenario == "slow-readers":
        return [*heads, "memory grew MB", "closed"], lambda row: [
            *_line(row), _small(row["grown_mb"]), f"{row['dropped']['median']:.0f}",
        ]  # fmt: skip
    return heads, _line


def _line(row: Row) -> list[str]:
    ratios = row.get("hubbub_is")
    line = [row["label"], _range(row["per_second"]), _times(ratios and ratios["times_as_fast"])]
    line += [_small(row[name]) for name in ("server_user_us", "server_system_us", "postgres_us", "p50_ms", "p99_ms")]
    return [*line, f"{row['server_cores']['median']:.2f}", f"{row['client_cores']['median']:.2f}", _faults(row)]


def _faults(row: Row) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in row["faults"].items()) or "none"


def _milliseconds(row: Row) -> list[str]:
    return [f"{row[name]['median'] / 1000:.2f}" for name in ("server_user_us", "server_system_us", "postgres_us")]


def _range(value: Row) -> str:
    middle, low, high = (_round(value[name]) for name in ("median", "min", "max"))
    return f"{middle:,}" if low == high else f"{middle:,} ({low:,}–{high:,})"


def _spread(value: Row) -> str:
    middle, low, high = (figure(value[name]) for name in ("median", "min", "max"))
    return middle if low == high else f"{middle} ({low}–{high})"


def _round(value: float) -> int:
    """Three figures: more would claim too much."""
    return int(float(f"{value:.3g}"))


def _small(value: Row) -> str:
    return figure(value["median"])


def figure(value: float) -> str:
    """Two or three digits of it."""
    return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


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
            table.add_column(
                head, justify="left" if index == 0 or not head else "right", no_wrap=index in (0, 1, 2) and bool(head)
            )
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
    if "lone_commit_ms" in results:
        said.append(f"A lone commit took {figure(results['lone_commit_ms'])} ms before the first round.")
    once = results["size"].get("once") if results["size"]["rounds"] > 1 else None
    if once:
        said.append(f"Taken in one round: {', '.join(once)}.")
    said += [f"Left out: {name}: {why}" for name, why in results["omitted"].items()]
    said += [f"Warning: {warning}." for warning in results["warnings"]]
    return said


def markdown(results: Row, plots: Sequence[tuple[str, str]] = ()) -> str:
    """The same as a page; `plots`: title and address of each."""
    parts = [f"# Benchmark of {results['date']}", "How it is taken and what it means: [the manual](../README.md)."]
    parts += [f"![{title}]({address})" for title, address in plots]
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
