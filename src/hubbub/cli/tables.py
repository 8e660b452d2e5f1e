"""Rows for people as a table, and for machines as JSON with the same names.

Promises: every value of a row is in both; what is shown on a terminal holds no control characters, whoever wrote it; on
what is no terminal a row is one line, whole.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from hubbub.cli import console
from hubbub.domain.ids import stamp

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")
_WIDE: Final = 100_000  # columns of what is no terminal


class Bytes(int):
    """A number of bytes: `1.2 GB` for people, the number for machines."""

    def __str__(self) -> str:
        number, unit = float(self), 0
        while abs(number) >= 1024 and unit < len(_UNITS) - 1:
            number, unit = number / 1024, unit + 1
        return f"{number:,.0f} {_UNITS[unit]}" if unit == 0 or abs(number) >= 100 else f"{number:,.1f} {_UNITS[unit]}"


def row(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the database, its names in camelCase; sizes are known by their name."""
    return {
        re.sub(r"_(\w)", lambda m: m[1].upper(), name): Bytes(value)
        if name.endswith("bytes") and value is not None
        else value
        for name, value in record.items()
    }


def rows(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`row` of each."""
    return [row(record) for record in records]


def plain(value: Any) -> Any:
    """A value as JSON has it: times as RFC 3339, durations in seconds, ids as text."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 3)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def print_json(value: Any) -> None:
    """One JSON document on standard output, of rows as they come from the database."""
    console.print_json(plain(value))


def shown(value: Any) -> str:
    """A value as people read it, on one line."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Bytes):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, datetime):
        return stamp(value)[:19].replace("T", " ")
    if isinstance(value, timedelta):
        return duration(value.total_seconds())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(str(value).split()))


def duration(seconds: float) -> str:
    """`250 ms`, `1.4 s`, `3 min`, `5 h`, `12 d`."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def table(columns: Mapping[str, str], listed: Sequence[Mapping[str, Any]], title: str | None = None) -> Table:
    """A table for people.

    Args:
        columns: the heads, by the names in the rows.
        listed: the rows; numbers stand to the right.
    """
    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for name, head in columns.items():
        is_number = any(isinstance(one[name], (int, float, timedelta)) for one in listed)
        made.add_column(head, justify="right" if is_number else "left", overflow="fold")
    for one in listed:
        made.add_row(*(Text(shown(one[name])) for name in columns))
    return made


def show(columns: Mapping[str, str], listed: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """Print a table."""
    printed(table(columns, listed, title))


def page(
    what: str,
    columns: Mapping[str, str],
    listed: Sequence[Mapping[str, Any]],
    limit: int,
    *,
    key: str,
    empty: str,
    as_json: bool,
) -> None:
    """Print one page of a long list, and how to ask for the next: `--after` the last row's key.

    Args:
        what: the name of the list, for machines.
        empty: said in its place where there is nothing.
    """
    following = listed[-1][key] if len(listed) == limit else None
    if as_json:
        print_json({"ok": True, what: listed, "nextAfter": following})
    elif not listed:
        say(empty)
    else:
        show(columns, listed)
        if following:
            say(f"There may be more: --after {shlex.quote(str(following))}")


def printed(view: RenderableType) -> None:
    """Print what is made of tables: folded to the width of a terminal, and not folded where there is none."""
    (console.out if console.out.is_terminal else Console(width=_WIDE)).print(view)


def facts(pairs: Mapping[str, Any]) -> None:
    """Print what is known of one thing, a line each."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        console.out.print(Text(f"{name:<{width}}  ", "dim") + Text(shown(value)), soft_wrap=True)


def say(sentence: str) -> None:
    """A sentence on standard output."""
    console.out.print(sentence, markup=False, highlight=False, soft_wrap=True)
