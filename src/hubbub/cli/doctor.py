"""`hubbub doctor`: is everything as it has to be, and if not, what mends it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Final

import typer
from rich.text import Text

from hubbub.cli import console, migrations, safety
from hubbub.config import ConfigError, Settings, load
from hubbub.fanout.line_bus import LineBroken
from hubbub.fanout.nats import open_line
from hubbub.keys import NO_SHARED_KEY, nats_address
from hubbub.kinds import without_secrets
from hubbub.postgres.check import FAIL, OK, WARN, Check
from hubbub.postgres.doctor import examine
from hubbub.postgres.troubles import Trouble

EXIT_CODES: Final = "Exit codes: 0 nothing failed (there may be warnings) · 1 a check failed · 2 wrong usage"
_WORDS: Final = {
    "auto": "Workers of one machine tell each other by LISTEN and NOTIFY; one process needs no bus.",
    "local": "There is one process, which needs no bus.",
    "postgres": "Nodes tell each other by LISTEN and NOTIFY, which no pooler in transaction mode carries.",
}
_SUMS: Final = {OK: "well", WARN: "to look at", FAIL: "failed"}
_MARKS: Final = {OK: ("✓", "green"), WARN: ("!", "yellow"), FAIL: ("✗", "bold red")}


def _print(check: Check) -> None:
    mark, style = _MARKS[check.status]
    console.out.print(Text(f" {mark} ", style) + Text(f"{check.name:<14}", "dim") + Text(check.summary), soft_wrap=True)


async def _examine(each: Callable[[Check], None], progress: Callable[[str], None]) -> list[Check]:
    found = []
    async for check in examine(load, migrations.status, progress):
        found.append(check)
        each(check)
        if check.name == "settings" and check.status == OK:
            for more in (safety.check(load()), safety.check_certificate(load()), await _bus(load())):
                found.append(more)
                each(more)
    return found


async def _bus(settings: Settings) -> Check:
    """Whether processes can tell each other what was committed."""
    try:
        if settings.has_other_nodes and settings.database_url is not None and settings.jwt_secret is None:
            raise ConfigError(NO_SHARED_KEY)
        if not settings.has_nats:
            return Check("bus", OK, _WORDS[settings.bus])
        line = await open_line(nats_address(settings), "doctor", lambda *_: None, lambda: None)
        try:
            await line.send([(line.subject(None), b"")])
        finally:
            line.close()
        return Check("bus", OK, f"NATS {line.version} takes this node in ({without_secrets(settings.bus)}).")
    except ConfigError as error:
        trouble = Trouble("bus", "The bus cannot be used", str(error), ("hubbub config",))
    except (LineBroken, OSError, TimeoutError) as error:
        what = str(error) or "no answer in time"
        trouble = Trouble(
            "bus",
            "NATS does not take this node in",
            f"{without_secrets(settings.bus)}: {what}. `serve` starts all the same, is not ready, and tries for ever.",
            ("hubbub config    # HUBBUB_BUS and HUBBUB_NATS_…",),
        )
    return Check("bus", FAIL, trouble.title, trouble)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """The first thing to run: is everything as it has to be, and what mends what is not? Changes nothing.

    Settings and their safety, versions, limits, disks, TLS, bus, database, rights, schema, clock, backups: a line each.
    """
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
        counts = Counter(check.status for check in found)
        told = (f"{counts[status]} {words}" for status, words in _SUMS.items() if counts[status])
        console.out.print(", ".join(told), style="dim")
    if failed:
        raise typer.Exit(console.EXIT_TROUBLE)
