"""Names in SQL that is put together: the one place that quotes them."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A name as an SQL identifier (PostgreSQL manual, 4.1.1)."""
    return '"' + name.replace('"', '""') + '"'
