"""`python -m bench`: measure, print the tables, write the results where asked to."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import figures, goals, plots, report
from bench.cases import SCENARIOS, Suite
from bench.database import BenchDatabase, bench_database
from bench.machine import machine, short_name
from bench.size import FULL, NORMAL, QUICK, Size
from bench.suite import ROOT, Bench, BenchError
from bench.targets import HUBBUB, OURS, TARGETS, Missing, Target

_FILES: Final = 16_384
_PAGE: Final = 160  # columns, where no terminal says
_RESULTS: Final = Path(__file__).parent / "results"


def main() -> int:
    """The program. Exit codes: 0 done; 1 Hubbub lost or disordered something, or a measurement failed; 2 a peer is missing in CI."""
    options = _options()
    console = Console() if sys.stdout.isatty() else Console(width=_PAGE)
    chosen = tuple(target for target in TARGETS if target is HUBBUB or target.name in options.peers)
    targets, omitted = _prepare(chosen)
    for name, why in omitted.items():
        console.print(f"Left out: {name} {why}", style="yellow")
    if omitted.keys() - {target.name for target in OURS} and os.environ.get("CI") == "true":
        console.print("In CI nothing may be left out.", style="red")
        return 2
    size = QUICK if options.quick else FULL if options.full else NORMAL
    if options.rounds is not None:
        size = replace(size, rounds=options.rounds)
    _raise_limit()
    try:
        results = asyncio.run(_measure(size, targets, tuple(options.only), omitted, console))
    except BenchError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    report.show(results, console)
    _write(results, options, console)
    if any(row["faults"] for row in results["summary"] if row["server"] == HUBBUB.name):
        console.print("Hubbub lost, disordered or refused something: see the column of faults.", style="red")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Hubbub beside what one would pick instead.")
    parser.add_argument("--rounds", type=_positive, help=f"interleaved rounds ({NORMAL.rounds})")
    parser.add_argument("--quick", action="store_true", help="a small run that proves the bench, not the servers")
    parser.add_argument("--full", action="store_true", help="longer phases, larger rooms, 5,000 connections")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results there, and the plots into a folder of that name"
    )
    parser.add_argument(
        "--record", action="store_true", help="write bench/results/<date>-<machine>.json, .md and plots"
    )
    names = [target.name for target in TARGETS if target is not HUBBUB]
    parser.add_argument("--peers", nargs="*", choices=names, default=names, help="beside Hubbub; all by default")
    what = "; ".join(f"{name}: {scenario.what}" for name, scenario in SCENARIOS.items())
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=[*SCENARIOS], metavar="CASE", help=what)
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _prepare(chosen: tuple[Target, ...]) -> tuple[tuple[Target, ...], dict[str, str]]:
    """The targets that can run here, and why the others cannot."""
    ready: list[Target] = []
    omitted: dict[str, str] = {}
    for target in chosen:
        try:
            target.prepare()
            ready.append(target)
        except Missing as missing:
            omitted[target.name] = str(missing)
    return tuple(ready), omitted


def _raise_limit() -> None:
    """Open files: the children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _measure(
    size: Size, targets: tuple[Target, ...], scenarios: tuple[str, ...], omitted: dict[str, str], console: Console
) -> Any:
    began = time.monotonic()
    (ROOT / "tmp").mkdir(exist_ok=True)
    # Below the repository, not in /tmp, which may be memory: an fsync has to be one.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        facts = machine(folder)
        async with bench_database(folder) as database:
            commit_ms = await database.lone_commit_ms()
            rows = await _rounds(size, targets, scenarios, database, folder, console)
            postgres = await database.facts()
    summary = figures.summarise(rows)
    return {
        "format": 2,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": time.monotonic() - began,
        "machine": facts,
        "postgres": postgres,
        "lone_commit_ms": commit_ms,
        "versions": {target.name: target.versions() for target in targets},
        "size": asdict(size),
        "omitted": omitted,
        "warnings": figures.warnings(rows),
        "goals": goals.goals(summary),
        "summary": summary,
        "rounds": rows,
    }


async def _rounds(
    size: Size,
    targets: tuple[Target, ...],
    scenarios: tuple[str, ...],
    database: BenchDatabase,
    folder: Path,
    console: Console,
) -> list[dict[str, Any]]:
    suite = Suite(Bench(size, database, folder, targets), scenarios)
    cells = [cell for number in range(1, size.rounds + 1) for cell in suite.cells(number)]
    rows: list[dict[str, Any]] = []
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        seconds = sum(cell.seconds for cell in cells)
        progress.console.print(f"About {max(1, round(seconds / 60))} min. Best on a quiet machine.")
        task = progress.add_task("", total=len(cells))
        round_number = done = 0

        def tell(label: str) -> None:
            nonlocal done
            progress.update(task, description=f"round {round_number}, {label}", completed=done)
            done += 1

        for round_number in range(1, size.rounds + 1):
            rows += await suite.round(round_number, tell)
    return rows


def _write(results: dict[str, Any], options: argparse.Namespace, console: Console) -> None:
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    if options.json is not None:
        options.json.write_text(text)
        plots.draw(results, options.json.with_suffix(""))
        console.print(f"Written: {options.json}, and the plots beside it")
    if options.record:
        stem = f"{results['date'][:10]}-{short_name(results['machine'])}"
        _RESULTS.mkdir(exist_ok=True)
        (_RESULTS / f"{stem}.json").write_text(text)
        drawn = plots.draw(results, _RESULTS / stem)
        page = report.markdown(results, [(title, f"{stem}/{name}") for title, name in drawn])
        (_RESULTS / f"{stem}.md").write_text(page)
        console.print(f"Written: bench/results/{stem}.json, .md, and the plots in {stem}/")


if __name__ == "__main__":
    sys.exit(main())
