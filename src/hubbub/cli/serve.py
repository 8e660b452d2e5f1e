"""`hubbub serve`: the whole server. What it is made of is put together in `hubbub.app`."""

from __future__ import annotations

import errno
import socket
from typing import Annotated

import typer
from rich.text import Text

from hubbub.cli import console, migrations, safety
from hubbub.config import Settings
from hubbub.postgres import PostgresUnavailable, Trouble

_LISTENING = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on, before HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on, before PORT; 0 takes a free one.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that serve the port, before HUBBUB_WORKERS.")
    ] = None,
) -> None:
    """Start Hubbub and serve until Ctrl-C. Without DATABASE_URL it brings its own PostgreSQL."""
    settings = console.read_settings(host=host, port=port, workers=workers)
    console.guarded(settings, lambda: _serve(settings))


def _refuse_what_is_unsafe(settings: Settings) -> None:
    findings = safety.unsafe(settings)
    refusal = safety.refusal(findings)
    if refusal is not None:
        raise PostgresUnavailable(refusal)
    for finding in findings:
        console.err.print(Text("! ", "yellow") + Text(f"{finding.rule.what} ({finding.rule.word})"), soft_wrap=True)


def _serve(settings: Settings) -> None:
    _refuse_what_is_unsafe(settings)
    # Loaded here: `hubbub db …` and `--help` need nothing of the web, nor does the parent of workers.
    if settings.workers > 1:
        from hubbub.workers.parent import serve as run
    else:
        from hubbub.app import serve as run

    try:
        with migrations.explained():
            run(settings, console.progress)
    except OSError as error:
        # What the database's address may raise of these is told by `postgres/` before it comes here.
        if isinstance(error, socket.gaierror) or error.errno in _LISTENING:
            raise PostgresUnavailable(_cannot_listen(error, settings)) from error
        raise


def _cannot_listen(error: OSError, settings: Settings) -> Trouble:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        remedy: tuple[str, ...] = (
            "hubbub serve --host 127.0.0.1    # this machine only",
            "hubbub serve --host 0.0.0.0      # every interface",
        )
    elif error.errno == errno.EACCES:
        remedy = ("hubbub serve --port 3001    # ports below 1024 are for root; put a proxy in front",)
    else:
        remedy = (f"ss -ltnp 'sport = :{settings.port}'    # who has it", "hubbub serve --port 0    # any free one")
    return Trouble(
        "port", f"Cannot listen on {settings.host} port {settings.port}", error.strerror or str(error), remedy
    )
