"""`make profile` works: a short case goes through, and names functions of the server. No time is asserted."""

from __future__ import annotations

import asyncio
import os

import pytest
from tests.support.process import ROOT, python


@pytest.mark.timeout(300)
async def test_a_short_profile_draws_and_lists() -> None:
    process = await asyncio.create_subprocess_exec(
        *python("-m", "bench.profile", "--case", "sends-8", "--seconds", "1"),
        cwd=ROOT,
        env=os.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    output = said.decode(errors="replace")
    if "could not look at the server" in output:
        pytest.skip("this account may not read another process's memory")
    assert process.returncode == 0, output
    assert "<svg" in (ROOT / "tmp/profile/sends-8.svg").read_text()[:1_000]
    told = (ROOT / "tmp/profile/sends-8.txt").read_text()
    assert "(hubbub/store/journal.py)" in told
    assert {"queue", "commit", "publish", "flush", "loop"} <= set(told.split())
