"""Two workers that are used, with their logs at `debug`, and a real Prometheus that scrapes them.

Every documented metric comes, added up, every query works; no line that was logged holds what people wrote.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
import socketio
from tests.integration.watching.test_shipped import documented, queries
from tests.support import people
from tests.support.database import Databases
from tests.support.process import eventually
from tests.support.prometheus import Prometheus, needed, prometheus, promtool
from tests.support.workers import Machine, machine, worker_of

from hubbub.sockets.events import EVENTS

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
    logs = {"HUBBUB_LOG_LEVEL": "debug", "HUBBUB_LOG_FORMAT": "json"}
    async with machine(shared_database, folder, **logs) as here:
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


def logged(here: Machine, **wanted: str) -> list[dict[str, Any]]:
    """The lines of the log with these fields."""
    lines = [json.loads(line) for line in here.process.lines if line.startswith("{")]
    return [line for line in lines if wanted.items() <= line.items()]


async def test_no_log_holds_what_people_wrote_and_each_line_has_its_id(scene: Scene) -> None:
    here, word = scene.machine, secrets.token_hex(8)  # stands in everything that is a person's
    await here.db.execute("ALTER TABLE messages ADD CONSTRAINT pure CHECK (message_text NOT LIKE '%poison%')")
    poison = f"poison {word}"  # the database refuses it, and quotes the row
    account = {"username": f"u{word}", "email": f"{word}@example.org", "password": f"{word}password"}
    async with httpx.AsyncClient(base_url=here.url, timeout=PATIENCE) as http:
        me = (await http.post("/api/auth/register", json=account)).json()
        http.headers["Authorization"] = f"Bearer {me['token']}"
        secret = [word, me["token"], me["refreshToken"]]
        assert (await http.post("/api/auth/login", json=account | {"password": f"{word}wrong"})).status_code == 401
        assert (await http.get(f"/api/users/search/{word}")).status_code == 200
        assert (await http.get("/api/users/search", params={"q": word})).status_code == 200
        broken = await http.post("/api/rooms", content=f"{{{word}", headers={"Content-Type": "application/json"})
        assert broken.status_code == 400
        assert (await http.post("/api/rooms", json={"name": f"r{word}", "description": word})).status_code == 201
        sent = await http.post(f"/api/rooms/r{word}/messages", json={"message": word})
        path = f"/api/messages/{sent.json()['message']['id']}"
        assert (await http.patch(path, json={"message": f"{word} again"})).status_code == 200
        failed = await http.patch(path, json={"message": poison})
        assert failed.status_code == 500
        client = here.client()
        await client.connect({"token": me["token"]}, timeout=PATIENCE)
        await client.wait_for("ready")
        connection = client.sio.get_sid()
        for event, data, code in (
            ("send-message", {"room": f"r{word}", "message": poison}, "internal"),
            ("edit-message", {"id": sent.json()["message"]["id"], "message": poison}, "internal"),
            ("send-message", {"room": word, "message": word}, "not_found"),
            (f"no-{word}", {}, "unknown_event"),
        ):
            client.checks = event in EVENTS
            assert (await client.call(event, data, timeout=PATIENCE))["code"] == code
        again = (await http.post("/api/auth/refresh", json={"refreshToken": me["refreshToken"]})).json()
        secret += [again["token"], again["refreshToken"]]
        with pytest.raises(socketio.exceptions.ConnectionError):
            await here.client().connect({"token": f"{me['token']}{word}"})
        await client.close()
        last = await http.delete(path)
    await here.process.wait_for_line(f'"disconnected".*{connection}|{connection}.*"disconnected"', PATIENCE)
    await here.process.wait_for_line(last.headers["x-request-id"], PATIENCE)
    assert not [line for line in here.process.lines for told in secret if told in line]

    request_id = failed.headers["x-request-id"]
    assert failed.json()["instance"].endswith(request_id)
    assert {line["event"] for line in logged(here, request_id=request_id)} == {"request failed", "request"}
    assert all(line.get("request_id") for line in logged(here, logger="rest"))
    told = {line["event"]: line for line in logged(here, connection_id=connection)}
    assert set(told) == {"signed in", "a handler failed", "disconnected"}
    assert told["a handler failed"]["exception"].endswith("CheckViolationError")
    assert told["signed in"]["user_id"] == me["user"]["userId"]
    assert {line["error"] for line in logged(here, event="a message could not be stored")} == {"CheckViolationError"}
    assert all(line["worker"] for line in logged(here, logger="connect"))
