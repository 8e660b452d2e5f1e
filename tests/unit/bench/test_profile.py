"""The table of a profile: what it makes of py-spy's folded stacks."""

from __future__ import annotations

import pytest
from bench.profile import ProfileError, stages, table

RAW = """\
main (/srv/app/src/hubbub/cli/main.py:7);send (/srv/app/src/hubbub/realtime/connection.py:70) 30
main (/srv/app/src/hubbub/cli/main.py:7);send (/srv/app/src/hubbub/realtime/connection.py:99) 10
main (/srv/app/src/hubbub/cli/main.py:7);send (/srv/app/src/hubbub/realtime/connection.py:70);read (/venv/lib/python3.11/site-packages/asyncpg/pool.py:1) 40
main (/srv/app/src/hubbub/cli/main.py:7) 20
_bootstrap (/usr/lib/python3.11/threading.py:9);_worker (/usr/lib/python3.11/concurrent/futures/thread.py:81) 300
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


def test_stages_are_told_by_what_came_since() -> None:
    before = {("commit", "0.001"): 5.0, ("commit", "0.01"): 5.0, ("commit", "+Inf"): 5.0, ("commit", "count"): 5.0, ("commit", "sum"): 0.005}  # fmt: skip
    now = {("commit", "0.001"): 65.0, ("commit", "0.01"): 105.0, ("commit", "+Inf"): 105.0, ("commit", "count"): 105.0, ("commit", "sum"): 0.205}  # fmt: skip
    _, _, row = stages(now, before).splitlines()
    assert row.split() == ["commit", "100", "2.00", "ms", "1", "ms", "10", "ms"]
    assert stages(now, now).splitlines()[2:] == []
