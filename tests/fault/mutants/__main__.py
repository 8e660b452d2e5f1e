"""`python -m tests.fault.mutants NAME serve …`: `hubbub serve …` with one bug planted in it, for the checker to find."""

from __future__ import annotations

import sys

from tests.fault.mutants.planted import MUTANTS

from hubbub.cli.main import app


def main() -> None:
    """The program."""
    name = sys.argv.pop(1)
    MUTANTS[name].plant()
    app()


if __name__ == "__main__":
    main()
