"""Results of campaigns: kept in a file of JSON lines, shown as a table, written into the guarantees."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from bench import machine
from rich.table import Table
from tests.fault.harness.runner import Result
from tests.support.process import ROOT

GUARANTEES: Final = ROOT / "docs" / "explanation" / "guarantees.md"
BEGIN, END = "<!-- campaigns: written by `python -m tests.fault --table` -->", "<!-- end of campaigns -->"
_decode: Final = msgspec.json.Decoder(Result).decode


def append(path: Path, result: Result) -> None:
    """Keep a result, with the commit and the machine it was had on."""
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    result.commit = asked.stdout.strip()
    facts = machine.machine(ROOT)
    result.machine = f"{facts['cores']} cores, {facts['cpu']}, Python {facts['python']}"
    result.when = datetime.now(UTC).isoformat(timespec="seconds")
    with path.open("ab") as file:
        file.write(msgspec.json.encode(result) + b"\n")


def read(path: Path) -> list[Result]:
    """All results that were kept, oldest first."""
    return [_decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def table(results: Sequence[Result]) -> Table:
    """For people at a terminal."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("", "fault", "bit", "of", "", "checked", "violations", "seconds"):
        shown.add_column(heading, justify="right" if heading in ("bit", "of", "violations", "seconds") else "left")
    for result in results:
        shown.add_row(
            result.campaign, result.title, str(result.bites), str(result.wanted), result.unit, _checked(result),
            "VOID" if result.is_void else "ERROR" if result.error else str(len(result.violations)), f"{result.seconds:.1f}",
        )  # fmt: skip
    return shown


def complaints(result: Result) -> Iterator[str]:
    """What is wrong with a result, line by line; nothing where it passed."""
    if result.passed:
        return
    where = f" (seed {result.seed}; see {result.folder})" if result.folder else ""
    yield f"{result.campaign}{where}: {result.bites} of {result.wanted} {result.unit}"
    yield from (f"  {violation}" for violation in result.violations)
    yield from (f"  {line}" for line in result.error.splitlines())


def write_table(results: Path, page: Path) -> None:
    """Replace what stands between the markers of a page by the latest nightly result of each campaign.

    Raises:
        ValueError: the page has no markers.
    """
    latest = {result.campaign: result for result in read(results) if result.kind == "nightly"}
    lines = ["| | fault | it bit | held against the invariants | violations | took |", "|---|---|---|---|---|---|"]
    for result in latest.values():
        bad = f"**{len(result.violations)}**" if result.violations else "0"
        bad = "**void**" if result.is_void else "**error**" if result.error else bad
        lines.append(
            f"| {result.campaign} | {result.title} | {result.bites:,} {result.unit} | {_checked(result)} | {bad} "
            f"| {result.seconds:,.0f} s |"
        )
    machines = "; ".join(sorted({result.machine for result in latest.values()}))
    ended = sorted(result.when[:16].replace("T", " ") for result in latest.values())
    lines += ["", f"The latest run of each, from {ended[0]} to {ended[-1]} UTC, on {machines}."]
    text = page.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the table: {BEGIN} … {END}")
    page.write_text(f"{head}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{tail}", encoding="utf-8")


def _checked(result: Result) -> str:
    sends, heard = result.checked.get("I1", 0), result.checked.get("I4", 0)
    return f"{sends:,} sends, {heard:,} deliveries" if sends or heard else ""
