"""What people read and what machines read are the same facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hubbub.cli import tables


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (0.25, "0.2"),
        (tables.Bytes(999), "999 bytes"),
        (tables.Bytes(1536), "1.5 kB"),
        (tables.Bytes(300 * 1024 * 1024), "300 MB"),
        (datetime(2026, 11, 22, 10, 0, tzinfo=UTC), "2026-11-22 10:00:00"),
        (timedelta(milliseconds=250), "250 ms"),
        (timedelta(hours=50), "2 d"),
        ([12, 34], "12, 34"),
        ("one\nline\x1b[2J", "one line\N{REPLACEMENT CHARACTER}[2J"),
    ],
)
def test_a_value_is_shown_on_one_line(value: object, shown: str) -> None:
    assert tables.shown(value) == shown


def test_machines_get_numbers_and_names_in_camel_case() -> None:
    record = {
        "index_bytes": 1536,
        "node_id": UUID(int=1),
        "since": timedelta(seconds=1.5),
        "counted_since": datetime(2026, 11, 22, tzinfo=UTC),
    }
    assert tables.plain(tables.row(record)) == {
        "indexBytes": 1536,
        "nodeId": "00000000-0000-0000-0000-000000000001",
        "since": 1.5,
        "countedSince": "2026-11-22T00:00:00.000Z",
    }
