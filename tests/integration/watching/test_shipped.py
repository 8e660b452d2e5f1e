"""The alerts, their unit tests, the example configuration and the dashboard: well formed, and of metrics there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.support.prometheus import RULES, SHIPPED, promtool

from hubbub.rest.health import REASONS

ROOT = Path(__file__).resolve().parents[3]
TESTS = sorted(RULES.parent.glob("*.test.yml"))
MANUAL = (ROOT / "docs/howto/watch.md").read_text(encoding="utf-8")


def documented() -> set[str]:
    """Every series that docs/reference/metrics.md, which is made from `metrics.py`, promises."""
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    found = set()
    for name, kind in re.findall(r"^\| `(hubbub_\w+)` \| (\w+) \|", page, re.MULTILINE):
        found |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return found


def alerts() -> list[str]:
    return re.findall(r"^ *- alert: (\w+)$", RULES.read_text(encoding="utf-8"), re.MULTILINE)


def queries() -> dict[str, list[str]]:
    """What the dashboard asks, by panel."""
    board = json.loads((SHIPPED / "grafana/hubbub.json").read_text(encoding="utf-8"))
    return {
        panel["title"]: [target["expr"] for target in panel["targets"]]
        for panel in board["panels"]
        if panel["type"] != "row"
    }


def test_promtool_finds_nothing_wrong() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", "--lint-fatal", RULES)
    assert "SUCCESS" in promtool("test", "rules", *TESTS)
    assert "SUCCESS" in promtool("check", "config", "--lint-fatal", RULES.with_name("prometheus.yml"))


def test_every_alert_is_tested_and_has_its_runbook() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in TESTS)
    rules = RULES.read_text(encoding="utf-8")
    for alert in alerts():
        assert f"alertname: {alert}\n" in tests
        assert f"runbook: docs/howto/watch.md#{alert.lower()}\n" in rules
        assert f"\n### {alert}\n" in MANUAL
    assert set(re.findall(r"^### (Hubbub\w+)$", MANUAL, re.MULTILINE)) == set(alerts())


def test_alerts_and_dashboard_ask_for_metrics_there_are() -> None:
    asked = {name for panel in queries().values() for query in panel for name in re.findall(r"\bhubbub_\w+", query)}
    asked |= set(re.findall(r"\bhubbub_\w+", RULES.read_text(encoding="utf-8")))
    assert len(asked) > 30
    assert asked <= documented()


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    board: dict[str, Any] = json.loads((SHIPPED / "grafana/hubbub.json").read_text(encoding="utf-8"))
    assert board["schemaVersion"] >= 36  # of Grafana 9, the oldest whose panels these are
    assert [variable["type"] for variable in board["templating"]["list"]] == ["datasource", "query"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"]
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def test_the_manual_names_every_reason_not_to_be_ready() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| `", MANUAL, re.MULTILINE)) == set(REASONS)
