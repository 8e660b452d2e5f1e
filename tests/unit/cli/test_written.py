"""Files that `messages export` and `room archive` write."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hubbub.cli.messages import written


@pytest.mark.parametrize("is_link", [False, True])
def test_what_is_there_is_never_written_into(tmp_path: Path, is_link: bool) -> None:
    target, part, other = (tmp_path / name for name in ("out.jsonl", "out.jsonl.part", "other"))
    other.write_text("keep")
    if is_link:
        part.symlink_to(other)
    else:
        part.write_text("somebody's")
        part.chmod(0o666)
    with written(target) as sink:
        sink.write("a message")
    assert (target.is_symlink(), target.read_text()) == (False, "a message")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert (other.read_text(), part.exists()) == ("keep", False)
