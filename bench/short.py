"""The most telling figures, for the README: a dozen rows and the plots, from one file of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from bench.report import figure, notes

Row = dict[str, Any]
PLOTS: Final = (
    ("delivery", "Deliveries a second and CPU per delivery, by size of the room"),
    ("sends", "Acknowledged sends a second"),
)
# Scenario, place of its case, what it is, and beside whom.
_SHOWN: Final = (
    ("delivery", 0, "{members} in one room, one sends: deliveries a second", ("node-relay",)),
    (
        "delivery",
        1,
        "{members} in one room, {senders} send: deliveries a second",
        ("node-relay", "python-relay", "uws"),
    ),
    ("small-rooms", 0, "{small_rooms} rooms of 5, one sends in each: deliveries a second", ("node-chat",)),
    ("sends", 0, "{rooms} senders in {rooms} rooms: acked sends a second", ("node-chat",)),
    ("sends", 1, "the same, {deep_window} in flight each", ("node-chat",)),
    (
        "sends-slow-commit",
        0,
        "{rooms} senders, a commit waits {slow_commit_ms} ms: acked sends a second",
        ("node-chat",),
    ),
    ("sends-slow-commit", 1, "the same, {deep_window} in flight each", ("node-chat",)),
    ("sends-one-room", 1, "{rooms} senders in one room, {deep_window} in flight each", ("node-chat",)),
    ("idle", 0, "memory of an idle connection", ("node-relay",)),
    ("storm", 0, "{crowd} connections cut and back: CPU each", ("node-relay",)),
)


def table(path: Path, root: Path) -> str:
    """Markdown for a page in `root`, from the results at `path`; what was not measured is not in it."""
    results = json.loads(path.read_text(encoding="utf-8"))
    lines = [
        "| rate · CPU of the server for each, user + system | Hubbub | beside | | Hubbub is |",
        "|---|---:|---|---:|---:|",
    ]
    rows = {(row["scenario"], row["case"], row["server"]): row for row in results["summary"]}
    for scenario, place, what, peers in _SHOWN:
        cases = list(dict.fromkeys(case for found, case, _ in rows if found == scenario))
        for peer in peers:
            case = cases[place] if place < len(cases) else ""
            ours, theirs = rows.get((scenario, case, "hubbub")), rows.get((scenario, case, peer))
            if ours and theirs:
                lines.append(
                    f"| {what.format(**results['size'])} | {_cell(ours)} | {theirs['label']} | {_cell(theirs)} | {_ratio(theirs)} |"
                )
    folder = path.with_suffix("")
    drawn = [(name, title) for name, title in PLOTS if (folder / f"{name}.svg").exists()]
    plots = "".join(f"\n![{title}]({(folder / f'{name}.svg').relative_to(root)})\n" for name, title in drawn)
    page = path.with_suffix(".md").relative_to(root)
    return (
        "\n".join(lines)
        + f"\n{plots}\nHubbub stores every message before it acknowledges it; of the others only `socket.io + pg` does. "
        + f"{notes(results)[0]} [All figures]({page}), [how they are taken and where they mislead](bench/README.md); "
        + "`make bench` takes them on your machine.\n"
    )


def _cell(row: Row) -> str:
    user, system = (row[name]["median"] for name in ("server_user_us", "server_system_us"))
    if row["scenario"] == "idle":
        return f"{figure(row['kb_each']['median'])} kB"
    if row["scenario"] == "storm":
        return f"{figure(user / 1000)} + {figure(system / 1000)} ms"
    rate = float(f"{row['per_second']['median']:.3g}")
    return f"{rate:,.0f} · {figure(user)} + {figure(system)} µs"


def _ratio(theirs: Row) -> str:
    ratios = theirs["hubbub_is"]
    name = {"idle": "memory_one_in", "storm": "cpu_one_in"}.get(theirs["scenario"], "times_as_fast")
    return f"{ratios[name]['median']:.1f}×"
