"""`hubbub doctor`: is everything as it has to be, and if not, what mends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

import typer
from rich.text import Text

from hubbub.cli import console, migrations
from hubbub.config import load
from hubbub.postgres.doctor import FAIL, OK, WARN, Check, examine

EXIT_CODES: Final = "Exit codes: 0 nothing failed (there may be warnings) · 1 a check failed · 2 wrong usage"
_MARKS: Final = {OK: ("✓", "green"), WARN: ("!", "yellow"), FAIL: ("✗", "bold red")}


def _print(check: Check) -> None:
    mark, style = _MARKS[check.status]
    console.out.print(Text(f" {mark} ", style) + Text(f"{check.name:<13}", "dim") + Text(check.summary), soft_wrap=True)


async def _examine(each: Callable[[Check], None], progress: Callable[[str], None]) -> list[Check]:
    found = []
    async for check in examine(load, migrations.status, progress):
        found.append(check)
        each(check)
    return found


def doctor(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """Check settings, database, rights, schema, limits and clock; changes nothing."""
    try:
        if as_json:
            found = asyncio.run(_examine(lambda _: None, console.silent))
        else:
            found = asyncio.run(_examine(_print, console.progress))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    failed = any(check.status == FAIL for check in found)
    if as_json:
        console.print_json({"ok": not failed, "checks": [check.as_json() for check in found]})
    else:
        for check in found:
            if check.trouble is not None:
                console.show(check.trouble)
    if failed:
        raise typer.Exit(console.EXIT_TROUBLE)
