"""One table of codes: each row usable, each refusal rendered the same everywhere."""

from __future__ import annotations

import re

import pytest

from hubbub.errors import CODES, HubbubError

STATUSES = {400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 431, 500, 503}


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_row_is_whole(code: str) -> None:
    row = CODES[code]
    assert row.code == code
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    assert row.status in STATUSES
    assert row.title.endswith(".")
    assert row.advice.endswith(".")
    assert row.retryable == (row.status in (408, 429, 500, 503))


def test_a_code_without_a_row_is_a_defect() -> None:
    with pytest.raises(KeyError):
        HubbubError("nonsense")


def test_a_reply_says_what_it_must_and_no_more() -> None:
    assert HubbubError("not_found").as_reply() == {
        "success": False, "code": "not_found", "message": CODES["not_found"].title, "retryable": False,
    }  # fmt: skip
    full = HubbubError("rate_limited", "Slow down.", fields={"a": "b"}, retry_after=1.23456)
    assert full.as_reply() == {
        "success": False, "code": "rate_limited", "message": "Slow down.", "retryable": True, "fields": {"a": "b"},
        "retryAfter": 1.235,
    }  # fmt: skip
    assert (full.code, str(full), full.row.status) == ("rate_limited", "Slow down.", 429)


def test_the_fields_of_an_error_are_its_own() -> None:
    fields = {"a": "b"}
    error = HubbubError("validation_failed", fields=fields)
    fields["c"] = "d"
    assert error.fields == {"a": "b"}
    assert HubbubError("validation_failed", fields={}).fields is None
