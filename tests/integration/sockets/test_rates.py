"""Hot senders: refused cheaply, told when to come again, and nobody else is slowed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.support.process import eventually
from tests.support.server import Running, by_events

from hubbub.chat.limiter import Rate
from hubbub.domain import limits

BURST = 4 * limits.SEND_BURST_SECONDS  # of an account that may send four a second

slow = pytest.mark.parametrize("env", [{"HUBBUB_SEND_RATE": "4"}], indirect=True)


def split(acks: list[dict[str, Any]]) -> tuple[int, list[dict[str, Any]]]:
    """How many were done, and the refusals."""
    refused = [ack for ack in acks if not ack["success"]]
    assert all((ack["code"], ack["retryable"]) == ("rate_limited", True) for ack in refused)
    assert all(0 < ack["retryAfter"] <= 1 for ack in refused)
    return len(acks) - len(refused), refused


@slow
async def test_a_hot_sender_is_told_when_and_may_go_on_then(server: Running) -> None:
    ann, bob = await server.pair()
    acks = await asyncio.gather(*(ann.call("send-message", {"message": str(n)}) for n in range(BURST + 40)))
    done, refused = split(acks)
    assert BURST <= done < BURST + 40
    async with server.statements() as ran:
        again = [await ann.call("send-message", {"message": "x"}) for _ in range(3)]
    if not any(ack["success"] for ack in again):
        assert by_events(ran) == [], "a refusal costs no statement"

    async def let_through() -> bool:
        return bool((await ann.call("send-message", {"message": "in time"}))["success"])

    await eventually(let_through, timeout=refused[-1]["retryAfter"] + 1)
    await bob.ok("send-message", {"message": "nobody else is slowed"})
    await ann.ok("typing", True)
    assert await server.db.fetchval("SELECT count(*) FROM messages") >= done + 2


@slow
async def test_an_account_is_one_over_its_connections_and_rest(server: Running) -> None:
    person = await server.person("ann")
    one, two = await server.connect(person), await server.connect(person)
    for client in (one, two):
        await client.ok("join", "general")
    each = BURST // 2
    acks = [
        *await asyncio.gather(*(one.call("send-message", {"message": str(n)}) for n in range(each))),
        *await asyncio.gather(*(two.call("send-message", {"message": str(n)}) for n in range(each + 40))),
    ]
    done, _ = split(acks)
    assert BURST <= done < BURST + 40
    sent = next(ack for ack in acks if ack["success"])["id"]
    async with httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {person.token}"}) as http:
        requests = [
            ("POST", "/api/rooms/general/messages", {"message": "x"}),
            ("PATCH", f"/api/messages/{sent}", {"message": "x"}),
            ("DELETE", f"/api/messages/{sent}", None),
        ]
        for method, path, body in requests:
            answers = await asyncio.gather(*(http.request(method, path, json=body) for _ in range(40)))
            refused = [answer for answer in answers if answer.status_code == 429]
            assert refused, method
            assert {answer.headers["retry-after"] for answer in refused} == {"1"}
            assert refused[0].json()["code"] == "rate_limited"
            assert 0 < refused[0].json()["retryAfter"] <= 1


async def test_a_flood_of_other_events_is_refused_and_counted(server: Running) -> None:
    ann, bob = await server.pair()
    server.hubbub.edge.event_rate = Rate(per_second=0.1, burst=20)
    acks = await asyncio.gather(*(ann.call(("typing", "no-such-event")[n % 2], n % 4 == 0) for n in range(100)))
    codes = [ack.get("code") for ack in acks]
    assert codes[:20] == [None, "unknown_event"] * 10
    assert codes[20:] == ["rate_limited"] * 80
    assert acks[-1]["retryAfter"] == pytest.approx(10, abs=1)
    assert server.hubbub.edge.event_rate.refused == 80
    await bob.ok("typing", True)
    await ann.ok("send-message", {"message": "sends have their own rate"})
