"""The plots, as SVG: the same results give the same bytes. Those whose measurements were left out are not drawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

Row = dict[str, Any]
_COLOURS: Final = {
    "hubbub": "#d9480f",
    "hubbub-2": "#f08c00",
    "core": "#e8590c",
    "uws": "#1864ab",
    "node-relay": "#2b8a3e",
    "node-chat": "#66a80f",
    "python-relay": "#862e9c",
    "pgbench": "#868e96",
    "journal": "#495057",
}
_STYLE: Final = {
    "svg.hashsalt": "hubbub",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e9ecef",
    "legend.frameon": False,
}
_HEIGHT: Final = 3.2  # inches


def draw(results: Row, folder: Path) -> list[tuple[str, str]]:
    """Write them into `folder`; title and file name of each."""
    drawn: list[tuple[str, str]] = []
    with mpl.rc_context(_STYLE):
        for name, title, make in _PLOTS:
            figure = make(results)
            if figure is None:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
            drawn.append((title, f"{name}.svg"))
    return drawn


def _panels(count: int) -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.2 * count, _HEIGHT), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)[0]
    return figure, axes


def _delivery(results: Row) -> Figure | None:
    """Rate and CPU by size of the room."""
    lines = dict(_by_size(results))
    if not lines:
        return None
    figure, (rates, costs) = _panels(2)
    for server, rows in lines.items():
        style: Row = {"color": _COLOURS[server], "marker": "o", "markersize": 4, "label": rows[0][1]["label"]}
        members = [count for count, _ in rows]
        rates.plot(members, [row["per_second"]["median"] for _, row in rows], **style)
        costs.plot(members, [row["server_us"]["median"] for _, row in rows], **style)
    for axis, title in ((rates, "deliveries a second"), (costs, "µs of the server's CPU per delivery")):
        axis.set(xscale="log", yscale="log", xlabel="members of the room, eight of whom send", title=title)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.yaxis.set_major_formatter("{x:,g}")
    rates.legend()
    return figure


def _by_size(results: Row) -> Iterator[tuple[str, list[tuple[int, Row]]]]:
    """By server, its rows by number of members; the hall of the delivery scenario is one of the rooms."""
    size, found = results["size"], {}
    for row in results["summary"]:
        if row["scenario"] == "sizes":
            members = int(re.sub(r"\D", "", row["case"]))
        elif row["scenario"] == "delivery" and row["case"] == f"{size['senders']} senders":
            members = size["members"]
        else:
            continue
        found.setdefault(row["server"], []).append((members, row))
    for server, rows in found.items():
        yield server, sorted(rows, key=lambda pair: pair[0])


def _sends(results: Row) -> Figure | None:
    """Acked sends a second, one and eight in flight, by how long a commit takes."""
    panels = [("sends", "senders in rooms of two"), ("sends-slow-commit", "the same, slow commits"),
              ("sends-one-room", "senders in one room"), ("sends-one-room-slow-commit", "the same, slow commits")]  # fmt: skip
    panels = [panel for panel in panels if any(row["scenario"] == panel[0] for row in results["summary"])]
    if not panels:
        return None
    figure, axes = _panels(len(panels))
    for axis, (scenario, title) in zip(axes, panels, strict=True):
        rows = [row for row in results["summary"] if row["scenario"] == scenario and "in flight" in row["case"]]
        _groups(axis, rows, lambda row: row["per_second"], f"acked sends a second, {title}")
    axes[0].legend()
    return figure


def _groups(axis: Any, rows: list[Row], read: Callable[[Row], Row], title: str) -> None:
    """Bars by case, a colour for each server, the spread over the rounds as a line."""
    cases, servers = (
        list(dict.fromkeys(row["case"] for row in rows)),
        list(dict.fromkeys(row["server"] for row in rows)),
    )
    width = 0.8 / max(1, len(servers))
    for place, server in enumerate(servers):
        mine = [row for row in rows if row["server"] == server]
        values = [read(row) for row in mine]
        axis.bar(
            [cases.index(row["case"]) + width * (place - (len(servers) - 1) / 2) for row in mine],
            [value["median"] for value in values],
            width,
            yerr=[
                [value["median"] - value["min"] for value in values],
                [value["max"] - value["median"] for value in values],
            ],
            color=_COLOURS[server],
            label=mine[0]["label"],
            error_kw={"ecolor": "#343a40", "elinewidth": 1},
        )
    axis.set(title=title, xticks=range(len(cases)), xticklabels=cases)
    axis.yaxis.set_major_formatter("{x:,g}")
    axis.grid(visible=False, axis="x")


def _connections(results: Row) -> Figure | None:
    """Memory of an idle connection, CPU of one that comes back."""
    rows = {name: [row for row in results["summary"] if row["scenario"] == name] for name in ("idle", "storm")}
    if not all(rows.values()):
        return None
    figure, (memory, cpu) = _panels(2)
    _bars(memory, rows["idle"], [row["kb_each"]["median"] for row in rows["idle"]], "kB of memory per idle connection")
    title = "ms of the server's CPU per connection that comes back"
    _bars(cpu, rows["storm"], [row["server_us"]["median"] / 1000 for row in rows["storm"]], title)
    return figure


def _bars(axis: Any, rows: list[Row], values: list[float], title: str) -> None:
    labels = [row["label"] for row in rows]
    bars = axis.barh(labels, values, color=[_COLOURS[row["server"]] for row in rows])
    axis.bar_label(bars, fmt="{:.3g}", padding=3)
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")
    axis.margins(x=0.15)
    axis.set_title(title)


def _latency(results: Row) -> Figure | None:
    """p50 and p99 of each server, by scenario."""
    panels = [("delivery", "8 senders", "from send to receipt, a room of {members}, {case}"),
              ("sends", "8 in flight", "from send to ack, {case}"),
              ("lone", "", "from send to receipt, a quiet room")]  # fmt: skip
    shown: list[tuple[str, list[Row]]] = []
    for scenario, case, title in panels:
        rows = [row for row in results["summary"] if row["scenario"] == scenario and case in ("", row["case"])]
        if rows:
            shown.append((title.format(case=case, **results["size"]), rows))
    if not shown:
        return None
    figure, axes = _panels(len(shown))
    for axis, (title, rows) in zip(axes, shown, strict=True):
        labels = [row["label"] for row in rows]
        colours = [_COLOURS[row["server"]] for row in rows]
        axis.barh(labels, [row["p99_ms"]["median"] for row in rows], color=colours, alpha=0.35)
        bars = axis.barh(labels, [row["p50_ms"]["median"] for row in rows], color=colours)
        axis.bar_label(bars, fmt="{:.3g}", padding=3)
        axis.invert_yaxis()
        axis.grid(visible=False, axis="y")
        axis.set(title=title, xlabel="ms: median (dark), 99 % (light)")
    return figure


_PLOTS: Final[tuple[tuple[str, str, Callable[[Row], Figure | None]], ...]] = (
    ("delivery", "Deliveries a second and CPU per delivery, by size of the room", _delivery),
    ("sends", "Acknowledged sends a second", _sends),
    ("connections", "Memory and CPU of a connection", _connections),
    ("latency", "Latency percentiles", _latency),
)
