"""From rows to tables: ratios within a round, medians over rounds, goals that are met or not, and nothing made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench import figures, goals, short

Row = dict[str, Any]


def delivery(server: str, rate: float, user: float, number: int = 1, case: str = "8 senders") -> Row:
    """Ten seconds of a server: deliveries a second, and microseconds of user CPU for each."""
    spent = {"user": rate * user * 1e-5, "system": 0.0}
    quiet = {"user": 0.0, "system": 0.0}
    latency = {"count": 1, "p50": 1.0, "p90": 1.0, "p99": 2.0, "max": 2.0}
    return {
        "round": number, "scenario": "delivery", "case": case, "server": server, "seconds": 10.0,
        "deliveries": rate * 10, "acks": rate, "delivery_ms": latency, "ack_ms": latency,
        "cpu": {"server": spent, "postgres": quiet, "client": quiet, "machine": spent},
        "check": {"lost": 0, "disorder": 0},
    }  # fmt: skip


def idle(server: str, kilobytes: float) -> Row:
    row = delivery(server, 1, 1) | {"scenario": "idle", "case": "500 connections", "connections": 500}
    return row | {"connected_after": 2.0, "memory": {"base": 10**6, "after": 10**6 + kilobytes * 500_000}}


def found(rows: list[Row]) -> dict[str, Row]:
    return {goal["what"]: goal for goal in goals.goals(figures.summarise(rows))}


def test_a_ratio_is_of_rounds_taken_side_by_side() -> None:
    rows = [delivery("hubbub", 100, 1, 1), delivery("hubbub", 50, 1, 2), delivery("hubbub", 10, 1, 3)]
    rows += [delivery("node-relay", 10, 8, 1), delivery("node-relay", 5, 8, 2), delivery("node-relay", 1, 8, 3)]
    ours, theirs = figures.summarise(rows)
    assert ours["per_second"] == {"median": 50, "min": 10, "max": 100}
    assert theirs["hubbub_is"]["times_as_fast"] == {"median": 10, "min": 10, "max": 10}
    assert round(theirs["hubbub_is"]["user_cpu_one_in"]["median"], 6) == 8


def test_a_goal_is_met_or_not_and_what_was_not_measured_is_no_goal() -> None:
    rows = [delivery("hubbub", 1_000, 1, case="1 sender"), delivery("hubbub", 1_000, 1)]
    rows += [delivery("node-relay", 100, 12, case="1 sender"), delivery("node-relay", 200, 12)]
    made = found(rows)
    assert made["deliveries a second over Node socket.io's, one sender"]["met"]
    slower = made["deliveries a second over Node socket.io's, eight senders"]
    assert (slower["met"], slower["found"], slower["wanted"]) == (False, "5×", "≥ 10×")
    assert made["Node socket.io's user CPU per delivery over Hubbub's, eight senders"]["met"]
    assert {goal["part"] for goal in made.values()} == {"delivery"}
    assert not any("uWebSockets" in what for what in made)


def test_cpu_beside_cplusplus_counts_the_other_way_round() -> None:
    rows = [delivery(server, 1_000, user, case=case) for server, user in (("hubbub", 3), ("uws", 2))
            for case in ("1 sender", "8 senders")]  # fmt: skip
    goal = found(rows)["CPU per delivery over uWebSockets', eight senders"]
    assert (goal["found"], goal["met"]) == ("1.5×", False)


def test_memory_is_a_connections_share_of_what_was_added() -> None:
    rows = [idle("hubbub", 9.0), idle("node-relay", 27.0)]
    assert found(rows)["memory of an idle, signed-in connection"]["value"] == 9.0
    theirs = figures.summarise(rows)[1]
    assert theirs["hubbub_is"]["memory_one_in"]["median"] == 3
    assert theirs["kb_each"]["median"] == 27.0


def test_the_client_says_where_it_is_the_bottleneck() -> None:
    row = delivery("hubbub", 1_000, 1)
    row["cpu"] |= {"server": {"user": 5.0, "system": 0.0}, "client": {"user": 9.0, "system": 0.5}}
    assert any("the load client is the bottleneck" in text for text in figures.warnings([row]))
    row["cpu"]["server"] = {"user": 9.9, "system": 0.0}
    assert not any("bottleneck" in text for text in figures.warnings([row]))


def test_the_short_table_holds_what_was_measured_and_the_plots_that_are_there(tmp_path: Path) -> None:
    rows = [delivery("hubbub", 1_000, 1, case="1 sender"), delivery("node-relay", 100, 12, case="1 sender")]
    size = {"members": 500, "senders": 8, "small_rooms": 1, "rooms": 1, "deep_window": 8, "crowd": 1, "rounds": 1}
    machine = {"cpu": "c", "cores": 2, "virtual": True, "memory_gb": 1, "kernel": "k", "filesystem": "f", "python": "p"}
    results = {
        "summary": figures.summarise(rows), "size": size, "machine": machine | {"load_before": [0.1]}, "seconds": 1,
        "postgres": {"server_version": "18"}, "omitted": {}, "warnings": [],
    }  # fmt: skip
    path = tmp_path / "results" / "r.json"
    path.parent.mkdir()
    path.write_text(json.dumps(results))
    text = short.table(path, tmp_path)
    assert text.count("\n| 500 in one room") == 1
    assert "| 10.0× |" in text
    assert ".svg" not in text
    path.with_suffix("").mkdir()
    (path.with_suffix("") / "delivery.svg").touch()
    assert "](results/r/delivery.svg)" in short.table(path, tmp_path)
