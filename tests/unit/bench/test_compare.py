"""One Hubbub beside another: ratios are taken within a round, and a figure that one side lacks is left out."""

from __future__ import annotations

import io

from bench.compare import _order, pairs, show
from rich.console import Console

CASE = ("delivery", "1 sender", "hubbub")


def row(number: int, side: str, **figures: float) -> dict[str, object]:
    return {"round": number, "side": side, "scenario": CASE[0], "case": CASE[1], "server": CASE[2], **figures}


FOUND = [
    row(0, "old", per_second=100.0, server_us=4.0), row(0, "new", per_second=300.0, server_us=2.0),
    row(1, "new", per_second=100.0, server_us=1.0), row(1, "old", per_second=50.0, server_us=4.0),
    row(2, "old", per_second=10.0, server_us=4.0), row(2, "new", per_second=40.0, server_us=4.0),
]  # fmt: skip


def test_ratios_are_those_of_rounds() -> None:
    found = pairs(FOUND, CASE, "per_second")
    assert found is not None
    old, new, ratio = found
    assert (old.middle, new.middle) == (50.0, 100.0)
    assert (ratio.low, ratio.middle, ratio.high) == (2.0, 3.0, 4.0)


def test_what_was_not_measured_is_not_told() -> None:
    assert pairs(FOUND, CASE, "p50_ms") is None
    assert pairs([one for one in FOUND if one["side"] == "old"], CASE, "per_second") is None


def test_no_side_always_comes_first() -> None:
    assert [_order(number)[0] for number in range(4)] == ["old", "new", "old", "new"]


def test_the_table_names_case_and_ratio() -> None:
    out = io.StringIO()
    show(FOUND, Console(file=out, width=160))
    assert "delivery, 1 sender, hubbub" in out.getvalue()
    assert "3.00×" in out.getvalue()
    assert "0.50×" in out.getvalue()
