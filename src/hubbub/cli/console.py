"""How the command line speaks: progress, findings and troubles, for people by Rich, for machines as JSON.

Promises: an expected failure is a `Trouble` on standard error and exit code 1, never a traceback; standard output holds
only what was asked for; no secret is printed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final, NoReturn, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import Progress, ProgressColumn
from rich.text import Text

from hubbub.config import ConfigError, Settings, load
from hubbub.postgres import ConnectionSpec, PostgresUnavailable, Trouble, diagnose, server_for
from hubbub.postgres.embedded import DATABASE, ROLE
from hubbub.postgres.troubles import settings_trouble

out: Final = Console()
err: Final = Console(stderr=True)

EXIT_TROUBLE: Final = 1
EXIT_PENDING: Final = 3
EXIT_CODES: Final = "Exit codes: 0 done · 1 trouble, told on standard error · 2 wrong usage"

_T = TypeVar("_T")


def progress(sentence: str) -> None:
    """One step of something that takes time."""
    err.print(Text("· ", "cyan") + Text(sentence, "dim"), soft_wrap=True)


def silent(sentence: str) -> None:
    """Progress for machines: none."""


def bar(*columns: ProgressColumn, hidden: bool = False) -> Progress:
    """How far something long has come, on standard error; gone afterwards, and not there at all where nobody looks on."""
    return Progress(*columns, console=err, disable=hidden or not err.is_terminal, transient=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show(trouble: Trouble) -> None:
    """A trouble, for people."""
    err.print()
    err.print(Text("✗ ", "bold red") + Text(trouble.title, "bold"), soft_wrap=True)
    if trouble.detail:
        err.print(Padding(Text(trouble.detail), (0, 0, 0, 2)))
    if trouble.remedy:
        err.print("\n  [bold]What to do[/bold]")
        for step in trouble.remedy:
            # Not wrapped: a command has to be copied whole.
            err.print(f"    {escape(step)}", highlight=False, soft_wrap=True)
    err.print()


def fail(trouble: Trouble, as_json: bool = False) -> NoReturn:
    """Tell the trouble and end with exit code 1."""
    if as_json:
        print_json({"ok": False, "trouble": trouble.as_json()})
    else:
        show(trouble)
    raise typer.Exit(EXIT_TROUBLE)


def read_settings(as_json: bool = False, **overrides: Any) -> Settings:
    """The settings, with options of the command line before them; a wrong one ends the command."""
    try:
        return replace(load(), **{name: value for name, value in overrides.items() if value is not None})
    except ConfigError as error:
        fail(settings_trouble(error), as_json)


def guarded(settings: Settings, work: Callable[[], _T], *, as_json: bool = False) -> _T:
    """Do the work; what is known to go wrong with a database is told, not thrown."""
    try:
        return work()
    except ConfigError as error:
        fail(settings_trouble(error), as_json)
    except PostgresUnavailable as unavailable:
        fail(unavailable.trouble, as_json)
    except OSError as error:
        fail(diagnose(error, _spec(settings)), as_json)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        fail(diagnose(error, _spec(settings)), as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def run(settings: Settings, work: Coroutine[Any, Any, _T], *, as_json: bool = False) -> _T:
    """`guarded`, for a coroutine."""
    return guarded(settings, lambda: asyncio.run(work), as_json=as_json)


def _spec(settings: Settings) -> ConnectionSpec:
    """Names for the remedies."""
    if settings.database_url is not None:
        server = server_for(settings)
        return server.spec  # type: ignore[attr-defined,no-any-return]
    return ConnectionSpec(
        hosts=((str(settings.data_dir.absolute()), 5432),), user=ROLE, database=DATABASE, is_managed=True
    )
