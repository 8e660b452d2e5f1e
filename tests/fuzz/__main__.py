"""Fuzz the targets, each for a while: `python -m tests.fuzz --seconds 60 [--only websocket]`. Needs Atheris (`make fuzz`).

What is found is kept in tmp/fuzz, and its corpus as well, so that the next run goes on from there. The exit code is 0
where nothing was found.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.seeds import SEEDS

FOLDER = Path("tmp/fuzz")


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--only", default="", help="targets, separated by commas")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        return fuzz(given.one, given.seconds)
    found = 0
    for name in given.only.split(",") if given.only else SEEDS:
        corpus = FOLDER / name
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(SEEDS[name]):
            (corpus / f"seed{number}").write_bytes(seed)
        command = [sys.executable, "-m", "tests.fuzz", "--one", name, "--seconds", str(given.seconds)]
        run = subprocess.run(command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True, check=False)
        units = re.search(r"number_of_executed_units: (\d+)", run.stdout)
        edges = re.findall(r"cov: (\d+)", run.stdout)
        print(  # noqa: T201
            f"{name}: {int(units[1]) if units else 0:,} inputs, {edges[-1] if edges else 0} edges, exit {run.returncode}"
        )
        if run.returncode:
            found += 1
            print(run.stdout[-3_000:])  # noqa: T201
    return 1 if found else 0


def fuzz(name: str, seconds: int) -> int:
    """One target, in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["hubbub.wire"]):  # what is imported before has no coverage
        from tests.fuzz.targets import TARGETS
    atheris.Setup(
        [
            "fuzz", str(FOLDER / name), f"-artifact_prefix={FOLDER / name}.found.", f"-max_total_time={seconds}", "-max_len=4096",
            "-print_final_stats=1", "-timeout=10",
        ],
        TARGETS[name],
    )  # fmt: skip
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
