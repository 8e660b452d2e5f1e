"""`hubbub version`."""

from __future__ import annotations

import platform

import typer

from hubbub import __version__


def show() -> None:
    """Print the versions of Hubbub and Python."""
    typer.echo(f"Hubbub {__version__} (Python {platform.python_version()})")
