"""Where the time of a message goes: what /metrics says of the stages, and that it is observed once per batch."""

from __future__ import annotations

import asyncio

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.support.server import Running


async def stages(server: Running) -> dict[str, float]:
    """How often each stage was observed."""
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{server.url}/metrics")).text
    return {
        sample.labels["stage"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "hubbub_stage_seconds_count"
    }


async def test_every_stage_is_observed_once_for_a_lone_message(server: Running) -> None:
    ann, bob = await server.pair()
    before = await stages(server)
    assert set(before) == {"queue", "commit", "publish", "flush"}
    await ann.ok("send-message", {"message": "x"})
    await bob.wait_for("receive-message")
    after = await stages(server)
    assert {name: after[name] - before[name] for name in ("queue", "commit", "publish")} == {
        "queue": 1, "commit": 1, "publish": 1,
    }  # fmt: skip
    assert after["flush"] > before["flush"]


async def test_a_batch_is_observed_once_not_each_of_its_messages(server: Running) -> None:
    ann, bob = await server.pair()
    journal = server.chat.journal
    batches, before = journal.stats.batches, await stages(server)
    await asyncio.gather(*(ann.ok("send-message", {"message": str(number)}) for number in range(200)))
    await bob.wait_for("receive-message", lambda data: data["message"] == "199")
    batches = journal.stats.batches - batches
    after = await stages(server)
    assert after["queue"] - before["queue"] == after["commit"] - before["commit"] == batches < 100
    assert 0 < after["publish"] - before["publish"] <= batches
    assert after["flush"] - before["flush"] < 100
