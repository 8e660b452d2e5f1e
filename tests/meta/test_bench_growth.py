"""`python -m bench.growth` works: a small run asks everything, and its results are whole. No time is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.growth import markdown
from bench.questions import MODES, QUESTIONS
from tests.support.process import python, run_to_end


@pytest.mark.timeout(240)
async def test_a_small_run_asks_everything(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    code, output = await run_to_end(
        *python(
            "-m", "bench.growth", "--messages", "1e4", "--rooms", "10", "20", "--seconds", "0.02", "--json", results
        )
    )
    assert code == 0, output
    found = json.loads(results.read_text())
    assert {(row["name"], row["mode"]) for row in found["questions"]} == {(q.name, m) for q in QUESTIONS for m in MODES}
    assert all(0 < row["pages"] <= row["bound"] for row in found["questions"])
    assert [row["rows"] for row in found["journal"]] == [1, 10, 50, 100, 400, 1_000]
    assert all(row["pages"] > 0 and row["cpu_us"] >= 0 for row in found["journal"])
    assert [row["rooms"] for row in found["memory"]] == [10, 20]
    assert all(row["bytes"] > 2**20 for row in found["memory"])
    page = markdown(found)
    assert all(question.name in page for question in QUESTIONS)
