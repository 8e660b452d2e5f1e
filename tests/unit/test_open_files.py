"""Open files: raised as far as wanted and as far as may be, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hubbub.open_files import connections_within, files_for

PROGRAM = """
import json, resource, sys
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from hubbub import open_files
before = open_files.within_reach(wanted)
possible = open_files.make_room(wanted)
assert before == possible
print(json.dumps([possible, *resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "possible", "after"),
    [
        (256, 3_000, 100_000, connections_within(3_000), 3_000),  # as far as may be
        (256, 3_000, 1_000, 1_000, files_for(1_000)),  # as far as is wanted
        (2_000, 3_000, 1_000, 1_000, 2_000),  # never lower
        (150, 150, 1_000, 1, 150),
    ],
)
def test_the_limit_is_raised(soft: int, hard: int, wanted: int, possible: int, after: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard), str(wanted)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == [possible, after, hard]


def test_files_for_so_many_connections_allow_them() -> None:
    for connections in range(1, 20_000, 37):
        assert connections_within(files_for(connections)) >= connections
