"""`make bench` works: a quick run goes through, and its results are whole. No time is asserted."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.support.process import ROOT, python

PEERS = {"node-relay", "node-chat", "uws"}


@pytest.mark.timeout(300)
async def test_a_quick_run_measures_and_writes_everything(tmp_path: Path) -> None:
    found, said = await quick_run(tmp_path / "results.json")

    assert set(found["versions"]) | set(found["omitted"]) == {"hubbub", *PEERS}
    assert {"cpu", "cores", "memory_gb", "kernel", "filesystem", "python"} <= set(found["machine"])
    assert found["postgres"]["fsync"] == found["postgres"]["synchronous_commit"] == "on"
    here = set(found["versions"])
    cells = {(row["scenario"], row["case"], row["server"]) for row in found["rounds"]}
    assert cells == expected_cells(here)
    assert {(row["scenario"], row["case"], row["server"]) for row in found["summary"]} == cells
    for row in found["rounds"]:
        if row["scenario"] == "alone":
            assert row["rows_per_second"] > 0
            continue
        assert row["check"]["received"] == row["check"]["expected"] > 0
        assert row["check"]["lost"] == row["check"]["unanswered"] == 0
        assert set(row["cpu"]) == {"server", "postgres", "client", "machine"}
    for row in found["summary"]:
        assert row["per_second"]["min"] <= row["per_second"]["median"] <= row["per_second"]["max"]
        if row["server"] == "hubbub":
            assert row["faults"] == {}
        elif row["scenario"] != "alone":
            assert row["hubbub_is"]["times_as_fast"]["median"] > 0
    assert "members in one room" in said
    assert "Durable sends" in said


def expected_cells(here: set[str]) -> set[tuple[str, str, str]]:
    cells = {("alone", "8 clients, a row a commit", "pgbench")}
    cells |= {("alone", f"{rows} rows a commit", "journal") for rows in (8, 64)}
    for server in here & {"hubbub", "node-relay", "uws"}:
        cells |= {("delivery", "1 sender", server), ("delivery", "4 senders", server)}
    cells |= {("small-rooms", "10 senders", server) for server in here}
    for server in here & {"hubbub", "node-chat"}:
        cells |= {("sends", "1 in flight", server), ("sends", "8 in flight", server)}
    return cells


async def quick_run(results: Path) -> tuple[dict[str, Any], str]:
    """The results and the output of `python -m bench --quick`; fails with its output where it fails."""
    process = await asyncio.create_subprocess_exec(
        *python("-m", "bench", "--quick", "--json", results, "--peers", *sorted(PEERS)),
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
    assert process.returncode == 0, output
    return json.loads(results.read_text()), output
