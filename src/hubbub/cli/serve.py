"""`hubbub serve`: the whole server. What it is made of is put together in `hubbub.app`."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from hubbub.cli import console


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on, before HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on, before PORT; 0 takes a free one.")
    ] = None,
) -> None:
    """Start Hubbub and serve until Ctrl-C. Without DATABASE_URL it brings its own PostgreSQL."""
    settings = console.read_settings(host=host, port=port)
    # Loaded here: `hubbub db …` and `--help` need nothing of the web.
    app = importlib.import_module("hubbub.app")
    console.guarded(settings, lambda: app.serve(settings, progress=console.progress))
