"""`make bench` works: a quick run goes through every case, and its results are whole. No time is asserted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench import figures, goals, plots, report
from bench.cases import SCENARIOS
from tests.support.process import python, run_to_end

PEERS = {"hubbub-2", "core", "node-relay", "node-chat", "uws"}
SENDS = ("1 in flight", "8 in flight", "at half of that rate")
Cells = set[tuple[str, str, str]]


@pytest.mark.timeout(400)
async def test_a_quick_run_measures_and_writes_everything(tmp_path: Path) -> None:
    found, said = await quick_run(tmp_path / "results.json")

    assert set(found["versions"]) | set(found["omitted"]) == {"hubbub", *PEERS}
    assert {"cpu", "cores", "memory_gb", "kernel", "filesystem", "python"} <= set(found["machine"])
    assert found["postgres"]["fsync"] == found["postgres"]["synchronous_commit"] == "on"
    assert found["lone_commit_ms"] > 0
    assert found["postgres"]["commit_delay"] == "0"  # it was slow for some cells only
    cells = {(row["scenario"], row["case"], row["server"]) for row in found["rounds"]}
    assert cells == expected_cells(set(found["versions"]))
    assert {(row["scenario"], row["case"], row["server"]) for row in found["summary"]} == cells
    for row in found["rounds"]:
        check_row(row)
    for row in found["summary"]:
        assert row["faults"] == {} or row["server"] == "node-chat", row
        if "per_second" in row:
            assert row["per_second"]["min"] <= row["per_second"]["median"] <= row["per_second"]["max"]
        assert bool(row.get("hubbub_is")) == is_compared(row), row
    assert {goal["part"] for goal in found["goals"]} >= {"delivery", "durable sends", "connections", "slow readers"}
    assert len({goal["what"] for goal in found["goals"]}) == len(found["goals"]) > 30
    for title, _, _ in report.tables(found):
        assert title.split(":")[0][:30] in said
    drawn = [f"{name}.svg" for name in ("connections", "delivery", "latency", "sends")]
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == drawn
    assert plots.draw(found, tmp_path / "again")
    for name in drawn:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "results" / name).read_bytes()
    page = report.markdown(found, [("One", "one.svg")])
    assert page.count("\n## ") == len(report.tables(found)) + 1  # and the versions
    assert "![One](one.svg)" in page
    assert goals.goals(figures.summarise(found["rounds"])) == found["goals"]


def check_row(row: dict[str, Any]) -> None:
    """Every figure that the tables rest on is there, and nothing was lost."""
    if row["server"] in ("pgbench", "journal"):
        assert row["rows_per_second"] > 0
        return
    assert set(row["cpu"]) == {"server", "postgres", "client", "machine"}
    check = row["check"]
    if row["scenario"] == "idle":
        assert row["connections"] > 0
        assert row["memory"]["base"] > 0
    elif row["scenario"] == "storm":
        assert row["tries"] >= row["connections"] > 0
        assert check["absent"] == check["behind"] == 0
        assert row["server"] != "hubbub" or row["missed"]["least"] == 10
    else:
        assert check["received"] == check["expected"] > 0
        assert check["lost"] == check["unanswered"] == 0
    if "slow-commit" in row["scenario"]:
        assert row["commit_ms"] >= 4


def is_compared(row: dict[str, Any]) -> bool:
    """Whether Hubbub stands beside it in the same case."""
    return row["server"] not in ("hubbub", "pgbench", "journal") and row["scenario"] != "lone"


def expected_cells(here: set[str]) -> Cells:
    """All cases of all scenarios, for the servers that are here."""

    def cells(scenario: str, servers: set[str], *cases: str) -> Cells:
        return {(scenario, case, server) for server in servers & here for case in cases}

    ours, peers = {"hubbub", "hubbub-2"}, {"hubbub", "uws", "node-relay"}
    found = cells("delivery", ours | peers, "1 sender", "4 senders")
    found |= cells("small-rooms", {*peers, "node-chat"}, "10 senders")
    found |= cells("sizes", {"hubbub"}, "10 members")
    found |= cells("lone", {*peers, "core"}, "20 a second") | {("lone", "20 a second", "journal")}
    for scenario in ("sends", "sends-one-room"):
        found |= cells(scenario, {*ours, "node-chat"}, *SENDS)
        found |= cells(f"{scenario}-slow-commit", {"hubbub", "node-chat"}, *SENDS)
    for scenario in ("alone", "alone-slow-commit"):
        found |= {(scenario, "8 clients, a row a commit", "pgbench")}
        found |= {(scenario, f"{rows} rows a commit", "journal") for rows in (8, 64)}
    found |= cells("idle", peers, "30 connections") | cells("storm", peers, "30 connections")
    found |= cells("slow-readers", {"hubbub", "node-relay"}, "all read", "4 have stopped")
    assert {scenario for scenario, _, _ in found} == {*SCENARIOS, "storm"}
    return found


async def quick_run(results: Path) -> tuple[dict[str, Any], str]:
    """The results and the output of `python -m bench --quick`; fails with its output where it fails."""
    code, output = await run_to_end(*python("-m", "bench", "--quick", "--json", results, "--peers", *sorted(PEERS)))
    assert code == 0, output
    return json.loads(results.read_text()), output
