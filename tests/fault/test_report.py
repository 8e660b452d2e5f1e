"""Results of campaigns are kept, and make the table of the guarantees: the latest nightly one of each campaign."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fault.harness import campaign, report
from tests.fault.harness.runner import Result


def result(name: str, **more: object) -> Result:
    what: dict[str, object] = {
        "title": "kills", "kind": "nightly", "seed": 1, "wanted": 2, "bites": 2, "unit": "kills", "seconds": 3.0,
        "violations": [], "checked": {"I1": 1_000, "I4": 20_000},
    }  # fmt: skip
    return Result(campaign=name, **(what | more))  # type: ignore[arg-type]


def test_what_passes() -> None:
    assert result("C1").passed
    assert not result("C1", bites=1).passed
    assert not result("C1", violations=["I1: lost"]).passed
    assert not result("C1", error="Traceback").passed


def test_the_table_has_the_latest_nightly_result_of_each(tmp_path: Path) -> None:
    kept, page = tmp_path / "results", tmp_path / "page.md"
    for one in (
        result("C1", bites=1),
        result("C2", violations=["I1: lost"]),
        result("C1"),
        result("C1", kind="short", bites=0),
        result("C3", bites=0),
    ):
        report.append(kept, one)
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_table(kept, page)
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    rows = {line.split("|")[1].strip(): line for line in lines if line.startswith("| C")}
    assert rows["C1"] == "| C1 | kills | 2 kills | 1,000 sends, 20,000 deliveries | 0 | 3 s |"
    assert "| **1** |" in rows["C2"]
    assert "| **void** |" in rows["C3"]
    assert len(rows) == 3
    (machine,) = [line for line in lines if line.startswith("The latest run of each, from 20")]
    assert "cores" in machine


def test_a_page_without_a_place_for_it_is_left_alone(tmp_path: Path) -> None:
    kept, page = tmp_path / "results", tmp_path / "page.md"
    report.append(kept, result("C1"))
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no place"):
        report.write_table(kept, page)
    assert page.read_text() == "nothing"


def test_the_guarantees_have_a_place_for_it() -> None:
    text = report.GUARANTEES.read_text(encoding="utf-8")
    assert text.index(report.BEGIN) < text.index(report.END)


def test_every_fault_that_did_not_pass_is_complained_of() -> None:
    assert list(report.complaints(result("C1"))) == []
    told = list(report.complaints(result("C1", violations=["I4: a gap"], error="a\nb", folder="/tmp/x")))
    assert told == ["C1 (seed 1; see /tmp/x): 2 of 2 kills", "  I4: a gap", "  a", "  b"]


def test_each_campaign_is_found_by_its_name_in_its_file() -> None:
    """The process of one loads no other's file."""
    for name, one in campaign.all_campaigns().items():
        assert campaign.one_campaign(name) is one
        letter, digits = name[0].lower(), "".join(filter(str.isdigit, name))
        assert one.run.__module__.rpartition(".")[2].startswith(f"{letter}{int(digits):02d}_"), name
