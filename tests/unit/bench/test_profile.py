"""The table of a profile: what it makes of py-spy's folded stacks."""

from __future__ import annotations

import pytest
from bench.profile import ProfileError, table

RAW = """\
main (/srv/app/src/hubbub/cli/main.py:7);send (/srv/app/src/hubbub/realtime/connection.py:70) 30
main (/srv/app/src/hubbub/cli/main.py:7);send (/srv/app/src/hubbub/realtime/connection.py:99) 10
main (/srv/app/src/hubbub/cli/main.py:7);send (/srv/app/src/hubbub/realtime/connection.py:70);read (/venv/lib/python3.11/site-packages/asyncpg/pool.py:1) 40
main (/srv/app/src/hubbub/cli/main.py:7) 20
"""


def test_a_function_is_counted_by_itself_and_with_what_it_calls() -> None:
    head, names, *rows = table(RAW).splitlines()
    assert head == "100 looks"
    assert names.split() == ["self", "with", "calls", "function"]
    assert [row.split(maxsplit=2) for row in rows] == [
        ["40.0%", "80.0%", "send (hubbub/realtime/connection.py)"],
        ["40.0%", "40.0%", "read (asyncpg/pool.py)"],
        ["20.0%", "100.0%", "main (hubbub/cli/main.py)"],
    ]


def test_a_function_that_calls_itself_is_counted_once() -> None:
    *_, row = table("a (x.py:1);a (x.py:1);a (x.py:1) 5\n").splitlines()
    assert row.split()[:2] == ["100.0%", "100.0%"]


def test_nothing_seen_is_an_error() -> None:
    with pytest.raises(ProfileError):
        table("")
