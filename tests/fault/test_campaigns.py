"""Every campaign, at its short count: its fault bites as often as it is to, and nothing is violated."""

from __future__ import annotations

import sys

import pytest
from tests.support.process import run_to_end

AT_ONCE = 4


@pytest.mark.timeout(900)
async def test_every_campaign_at_its_short_count() -> None:
    code, said = await run_to_end(sys.executable, "-m", "tests.fault", "--short", "--jobs", str(AT_ONCE))
    print(said)  # noqa: T201
    assert code == 0, said
