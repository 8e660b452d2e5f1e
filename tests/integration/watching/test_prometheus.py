"""A real Prometheus scrapes two workers that are used: every documented metric comes, added up, and every query works."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from tests.integration.watching.test_shipped import MANUAL, documented, queries
from tests.support import people
from tests.support.database import Databases
from tests.support.process import eventually
from tests.support.prometheus import Prometheus, needed, prometheus, promtool
from tests.support.workers import Machine, machine, worker_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
PATIENCE = 90.0


@dataclass
class Scene:
    """Two workers with one client each, and the Prometheus that watches them."""

    machine: Machine
    prometheus: Prometheus
    sent: int


@pytest.fixture(scope="module")
def shared_database(pg18: Databases) -> Iterator[str]:
    name = pg18.clone()
    yield pg18.cluster.dsn(name)
    pg18.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    needed("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    async with machine(shared_database, folder) as here:
        ann, bob = await here.person("ann"), await here.person("bob")
        await people.room(here.db, "hall", ann, bob)
        one, two = await here.connect(ann, on=1), await here.connect(bob, on=2)
        assert {worker_of(one), worker_of(two)} == {1, 2}
        for client in (one, two):
            for number in range(5):
                await client.ok("send-message", {"room": "hall", "message": f"{number}"})
        got = await two.wait_for("receive-message")
        await two.ok("message-read", {"room": "hall", "messageId": got["id"]})
        await one.ok("typing", {"room": "hall", "isTyping": True})
        await two.ok("update-online-status", {"online": False})
        async with httpx.AsyncClient(base_url=here.url, timeout=PATIENCE) as http:
            assert (await http.get("/api/rooms", headers={"Authorization": f"Bearer {ann.token}"})).status_code == 200
            wrong = {"username": "ann", "password": "not her password"}
            assert (await http.post("/api/auth/login", json=wrong)).status_code == 401
            assert (await http.post("/api/auth/refresh", json={"refreshToken": "none"})).status_code in (400, 401)
            assert (await http.get("/api/nothing")).status_code in (401, 404)
        async with prometheus(here.url.removeprefix("http://"), folder) as watcher:
            yield Scene(here, watcher, 10)


async def test_every_documented_metric_was_scraped(scene: Scene) -> None:
    async def all_there() -> bool:
        names = set(await scene.prometheus.ask("label/__name__/values"))
        return documented() <= names

    await eventually(all_there, timeout=PATIENCE, step=0.2)


async def test_workers_are_added_up(scene: Scene) -> None:
    async def sums() -> bool:
        want = {
            "hubbub_workers_answering": 2, "hubbub_connections": 2, "hubbub_people": 2,
            "hubbub_journal_stored_total": scene.sent, "sum(hubbub_not_ready)": 0, "up": 1,
            'hubbub_sign_ins_total{outcome="invalid_credentials"}': 1,
            'hubbub_database_statements_total{statement="users.for_login"}': 1,
        }  # fmt: skip
        return {query: await scene.prometheus.value(query) for query in want} == want

    await eventually(sums, timeout=PATIENCE, step=0.2)


async def test_every_alert_is_evaluated(scene: Scene) -> None:
    async def all_evaluated() -> bool:
        groups = (await scene.prometheus.ask("rules"))["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert not [rule["lastError"] for rule in rules if rule.get("lastError")]
        return bool(rules) and all(rule["health"] == "ok" for rule in rules)

    await eventually(all_evaluated, timeout=PATIENCE, step=0.2)


async def test_every_query_of_the_dashboard_is_answered(scene: Scene) -> None:
    for panel, wanted in queries().items():
        for query in wanted:
            asked = query.replace("$__rate_interval", "1m").replace("$instance", ".*")
            assert "$" not in asked, panel
            await scene.prometheus.ask("query", query=asked)


async def test_promtool_finds_nothing_wrong_with_the_metrics(scene: Scene) -> None:
    async with httpx.AsyncClient(base_url=scene.machine.url, timeout=PATIENCE) as http:
        text = (await http.get("/metrics")).text
    assert promtool("check", "metrics", stdin=text) == ""
    for name in re.findall(r"^# TYPE (hubbub_\w+) counter$", text, re.MULTILINE):
        assert name.endswith("_total")


async def test_the_plain_sql_of_the_manual_works(scene: Scene) -> None:
    block = re.search(r"```sql\n(.*?)```", MANUAL, re.DOTALL)
    assert block is not None
    statements = [statement for statement in block[1].split(";") if statement.strip()]
    assert len(statements) == 3
    for statement in statements:
        await scene.machine.db.fetch(statement)
