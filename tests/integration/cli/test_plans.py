"""What the command line lists costs what it shows: no list reads a table whole, or sorts one."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest
from tests.integration.cli.conftest import Shell

from hubbub.store import statistics
from hubbub.store.statements import load


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a plan but what is counted for each row that is shown: the views' tests see to that."""
    parts = [part for part in plan.get("Plans", []) if part["Parent Relationship"] != "SubPlan"]
    return [plan, *(node for part in parts for node in nodes(part))]


@pytest.mark.parametrize(
    "name",
    [
        "users.by_name_after",
        "users.figures",
        "rooms.stats_after",
        "presence.page",
        "auth.sessions_of",
        "messages.export",
    ],
)
async def test_a_list_is_read_by_its_index(shell: Shell, name: str) -> None:
    noun, statement = name.split(".")
    conn = await asyncpg.connect(shell.dsn)
    try:
        # Of tables so small any plan would do; these leave the ones there are when they are large.
        for way in ("seqscan", "sort", "hashjoin", "mergejoin", "bitmapscan"):
            await conn.execute(f"SET enable_{way} = off")
        (text,) = await statistics.explain(conn, load(noun)[statement], None, "FORMAT JSON")
    finally:
        await conn.close()
    found = nodes(json.loads(text)[0]["Plan"])
    assert not [node for node in found if node["Node Type"] == "Seq Scan"]
    assert all("Index Cond" in node for node in found if node["Node Type"].startswith("Index"))
    # Of one person's sessions the latest used come first; there are few.
    assert not [node for node in found if node["Node Type"] == "Sort"] or name == "auth.sessions_of"
