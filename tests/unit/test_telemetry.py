"""Metrics: what a histogram counts, and what Prometheus is shown of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.process import eventually

from hubbub.histogram import BOUNDS, Histogram
from hubbub.telemetry import Metrics, Reading, watch_loop, without_what_it_said


def shown(*readings: Reading) -> dict[tuple[str, ...], float]:
    """What /metrics says: values by name, and label values in the order of their names."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(Metrics(readings).text().decode()):
        for sample in family.samples:
            if sample.name.startswith("hubbub_"):
                found[sample.name, *(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


@pytest.mark.parametrize("place", range(len(BOUNDS)))
def test_a_bucket_holds_its_upper_bound(place: int) -> None:
    histogram = Histogram()
    histogram.observe(BOUNDS[place])
    histogram.observe(BOUNDS[place] * 1.0001)
    assert histogram.counts[place : place + 2] == [1, 1]
    assert histogram.count == 2


def test_prometheus_is_shown_a_histogram_whole() -> None:
    histogram = Histogram()
    for seconds in (0.0, 0.0003, 0.0004, 0.02, 99.0):
        histogram.observe(seconds)
    found = shown(Reading("histogram", "took_seconds", "How long.", lambda: histogram))
    assert found["hubbub_took_seconds_count",] == 5
    assert found["hubbub_took_seconds_sum",] == pytest.approx(99.0207)
    by_bound = {float(key[1]): value for key, value in found.items() if key[0] == "hubbub_took_seconds_bucket"}
    assert list(by_bound) == [*BOUNDS, float("inf")]
    assert (by_bound[0.0001], by_bound[0.0005], by_bound[0.025], by_bound[10.0], by_bound[float("inf")]) == (
        1,
        3,
        4,
        4,
        5,
    )


def test_prometheus_is_shown_a_histogram_for_each_label() -> None:
    queue, commit = Histogram(), Histogram()
    commit.observe(0.3)
    found = shown(Reading("histogram", "s_seconds", "Stages.", lambda: {"queue": queue, "commit": commit}, "stage"))
    assert (found["hubbub_s_seconds_count", "queue"], found["hubbub_s_seconds_count", "commit"]) == (0, 1)
    assert (found["hubbub_s_seconds_bucket", "0.25", "commit"], found["hubbub_s_seconds_bucket", "0.5", "commit"]) == (
        0,
        1,
    )


async def test_a_loop_that_is_held_up_is_seen_to_lag() -> None:
    lag = Histogram()
    watch = asyncio.create_task(watch_loop(lag))
    try:
        await eventually(lambda: lag.count > 0, timeout=15)
        before = lag.total
        time.sleep(0.3)  # nothing else runs meanwhile: that is what is measured
        await eventually(lambda: lag.total > before + 0.15, timeout=15)
    finally:
        watch.cancel()


def test_libraries_that_talk_while_they_are_loaded_are_not_heard() -> None:
    code = (
        "from hubbub.telemetry import configure_logs; configure_logs('info', 'json');"
        "from hubbub.store import migrate; print(len(migrate._steps()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 8
    assert done.stderr == ""


def test_of_an_exception_only_kinds_and_stacks_are_written() -> None:
    word = "WORD".lower()  # so that it stands in no line of the source
    try:
        try:
            raise KeyError(word)
        except KeyError as error:
            raise ValueError(f"{word} again") from error
    except ValueError as error:
        for given in (error, sys.exc_info(), True):
            event = without_what_it_said(None, "error", {"event": "failed", "exc_info": given})
            assert set(event) == {"event", "exception"}
            assert event["exception"].index("ValueError") < event["exception"].index("because of")
            assert event["exception"].endswith("KeyError")
            assert "test_of_an_exception_only" in event["exception"]
            assert "word again" not in event["exception"]
            assert f"'{word}'" not in event["exception"]
    assert without_what_it_said(None, "info", {"event": "well", "exc_info": None}) == {"event": "well"}
