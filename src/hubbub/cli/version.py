"""`hubbub version`."""

from __future__ import annotations

import platform

import typer

from hubbub import __version__


def show() -> None:
    """Print the versions of Hubbub, of the schema it needs, and of Python."""
    from hubbub.store.migrate import code_revision

    typer.echo(f"Hubbub {__version__} (schema {code_revision():04}, Python {platform.python_version()})")
