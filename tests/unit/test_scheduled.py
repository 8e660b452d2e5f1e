"""When a backup was due, and which schedules can be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hubbub.config import ConfigError, load
from hubbub.intervals import latest_due

NOON = datetime(2026, 11, 26, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("daily 02:00", datetime(2026, 11, 26, 2, tzinfo=UTC)),
        ("Daily  12:00", datetime(2026, 11, 26, 12, tzinfo=UTC)),
        ("daily 12:01", datetime(2026, 11, 25, 12, 1, tzinfo=UTC)),
        ("12h", NOON - timedelta(hours=12)),
        ("90", NOON - timedelta(seconds=90)),
    ],
)
def test_when_it_was_due(text: str, due: datetime) -> None:
    schedule = load({"HUBBUB_BACKUP_SCHEDULE": text}, None).backup_schedule
    assert schedule is not None
    assert latest_due(schedule, NOON) == due
    assert latest_due(schedule, NOON.astimezone(timezone(timedelta(hours=9)))) == due


@pytest.mark.parametrize(
    "text", ["daily", "daily 24:00", "daily 2:00", "weekly 02:00", "12 h", "0h", "daily 02:00 UTC"]
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="daily 02:00"):
        load({"HUBBUB_BACKUP_SCHEDULE": text}, None)


def test_left_out_is_never() -> None:
    assert load({"HUBBUB_BACKUP_SCHEDULE": " "}, None).backup_schedule is None
