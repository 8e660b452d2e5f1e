"""Run seeds: `python -m tests.fault.simulation --first 1 --count 1000`. Ends with 1 where a seed led to a violation."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter

from tests.fault.simulation.world import simulate

from hubbub.telemetry import configure_logs


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.simulation")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    chosen = parser.parse_args()
    configure_logs("critical", "plain")
    began, bitten, bad, messages = time.monotonic(), Counter[str](), 0, 0
    for seed in range(chosen.first, chosen.first + chosen.count):
        outcome = simulate(seed)
        bitten += outcome.bitten
        messages += outcome.messages
        if outcome.violations:
            bad += 1
            sys.stdout.write("\n  ".join([f"seed {seed}:", *outcome.violations]) + "\n")
    if chosen.json:
        sys.stdout.write(
            json.dumps({"seeds": chosen.count, "violated": bad, "messages": messages, "bitten": bitten}) + "\n"
        )
        return 1 if bad else 0
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{chosen.count} seeds from {chosen.first}, {messages} messages, {seconds:.0f} s; violated by {bad}\n"
    )
    sys.stdout.write(f"what bit: {', '.join(f'{name} {count:,}' for name, count in bitten.most_common())}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
