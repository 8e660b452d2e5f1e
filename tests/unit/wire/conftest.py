"""A failed property test shows its seed."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from tests.support.properties import CASES, SEED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections.append(("property tests", f"HUBBUB_PROPERTY_SEED={SEED} HUBBUB_PROPERTY_CASES={CASES}"))
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # 100,000 cases take longer than a test usually may
        item.add_marker(pytest.mark.timeout(max(120, CASES // 50)))
