"""`python -m bench.compare OLD NEW`: one Hubbub beside another, in turns, for the number that justifies a change.

OLD and NEW are checkouts, or worktrees of other commits; the benchmark itself, the load client and all libraries are
this checkout's. Each round runs the chosen cases against both, the one that begins alternating. Before: `__main__.py`,
which is run for each. After: a table, and with `--json` every figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.figures import Spread, spread
from bench.suite import ROOT

Row = dict[str, Any]
_FIGURES: Final = {
    "per_second": "a second",
    "server_us": "server µs",
    "postgres_us": "PostgreSQL µs",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
}


def main() -> int:
    """The program. Exit code 1: a run failed, and said why."""
    parser = argparse.ArgumentParser(prog="bench.compare", description="One Hubbub beside another, in turns.")
    parser.add_argument("old", type=Path, help="a checkout")
    parser.add_argument("new", type=Path, help="another")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=["delivery", "sends"], metavar="CASE", help="as of the benchmark")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    options = parser.parse_args()
    sides = {"old": options.old, "new": options.new}
    found: list[Row] = []
    turns = [(number, side) for number in range(options.rounds) for side in _order(number)]
    for number, side in track(turns, description="rounds", transient=True):
        try:
            found += [{"round": number, "side": side, **row} for row in _run(sides[side], options.only)]
        except subprocess.CalledProcessError as error:
            print(f"{side}: the benchmark failed.\n{error.stdout}", file=sys.stderr)
            return 1
    show(found, Console(width=160))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _order(number: int) -> tuple[str, str]:
    return ("old", "new") if number % 2 == 0 else ("new", "old")


def _run(checkout: Path, cases: list[str]) -> list[Row]:
    """One round of these cases with the Hubbub of one checkout: the benchmark's summary, where it is of a server."""
    with tempfile.TemporaryDirectory() as name:
        results = Path(name) / "results.json"
        subprocess.run(
            [sys.executable, "-m", "bench", "--rounds", "1", "--peers", "--only", *cases, "--json", str(results)],
            cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "PYTHONPATH": str(checkout.resolve() / "src")},
        )  # fmt: skip
        summary: list[Row] = json.loads(results.read_text())["summary"]
    return [{name: value["median"] if isinstance(value, dict) and "median" in value else value
             for name, value in row.items()} for row in summary]  # fmt: skip


def pairs(found: list[Row], case: tuple[str, str, str], figure: str) -> tuple[Spread, Spread, Spread] | None:
    """Old, new, and new over old within each round; None where the case has no such figure."""
    sides = {
        side: {row["round"]: float(row[figure]) for row in found if row["side"] == side and _case(row) == case}
        for side in ("old", "new")
        if all(figure in row for row in found if _case(row) == case)
    }
    rounds = sorted(set(sides.get("old", ())) & set(sides.get("new", ())))
    if not rounds or not all(sides["old"][number] for number in rounds):
        return None
    ratios = [sides["new"][number] / sides["old"][number] for number in rounds]
    return spread(sides["old"].values()), spread(sides["new"].values()), spread(ratios)


def _case(row: Row) -> tuple[str, str, str]:
    return row["scenario"], row["case"], row["server"]


def show(found: list[Row], console: Console) -> None:
    """A line for each case and figure: medians over the rounds, and the ratio's spread."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in ("case", "", "old", "new", "new is", "from", "to"):
        table.add_column(head, justify="left" if head in ("case", "") else "right")
    for case in dict.fromkeys(map(_case, found)):
        for figure, name in _FIGURES.items():
            three = pairs(found, case, figure)
            if three is not None:
                old, new, ratio = three
                table.add_row(
                    ", ".join(case), name, f"{old.middle:,.4g}", f"{new.middle:,.4g}",
                    f"{ratio.middle:.2f}×", f"{ratio.low:.2f}", f"{ratio.high:.2f}",
                )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
