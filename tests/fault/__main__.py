"""The campaigns, from the command line.

    python -m tests.fault --short                    # every campaign at its short count, as in `make test`
    python -m tests.fault --nightly --only C1,C5     # some at their nightly counts, as in `make soak`
    python -m tests.fault --nightly --json FILE      # results are appended to FILE, so that a night may be split
    python -m tests.fault --table FILE               # the table of docs/explanation/guarantees.md, from such a file

Each campaign runs in a process of its own, `--jobs` of them side by side. What it broke and how often, what was held
against the invariants, and every violation is printed; histories and logs of a run that failed are kept, and named.
The exit code is 0 where every campaign bit as often as it was to, and nothing was violated.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
from pathlib import Path

from rich.console import Console
from tests.fault.harness import report
from tests.fault.harness.campaign import Campaign, all_campaigns, one_campaign
from tests.fault.harness.runner import Result, Runner, run_here


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault", description=__doc__.splitlines()[0])
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--short", action="store_true", help="the short counts (the default)")
    kind.add_argument("--nightly", action="store_true", help="the nightly counts, under the whole load")
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--jobs", type=int, default=1, help="how many run side by side")
    parser.add_argument("--seed", type=int, help="all chance comes from it; a new one by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="append the results to FILE, one JSON object a line")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="write the table of the guarantees from FILE, and end"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()

    if given.table is not None:
        report.write_table(given.table, report.GUARANTEES)
        return 0
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(2**32)
    if given.one is not None:
        return run_here(one_campaign(given.one), nightly=given.nightly, seed=seed)
    known = all_campaigns()
    wanted = [name for name in given.only.split(",") if name]
    strange = [name for name in wanted if name not in known]
    if strange:
        parser.error(f"no such campaign: {', '.join(strange)}; there are {', '.join(known)}")
    return _run([known[name] for name in wanted or known], given, seed)


def _run(chosen: list[Campaign], given: argparse.Namespace, seed: int) -> int:
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(
        f"{len(chosen)} campaigns, {'nightly' if given.nightly else 'short'} counts, seed {seed}", highlight=False
    )
    results: list[Result] = []

    def took(result: Result) -> None:
        results.append(result)
        if given.json is not None:
            report.append(given.json, result)

    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(Runner(console, nightly=given.nightly, seed=seed, jobs=given.jobs, took=took).run(chosen))
    console.print(report.table(results))
    for result in results:
        for line in report.complaints(result):
            console.print(line, style="red", highlight=False, markup=False)
    whole = len(results) == len(chosen)
    return 0 if whole and all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
