"""`hubbub version`."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import typer


def hubbub_version() -> str:
    """The installed version; `0+source` where only the source is there."""
    try:
        return version("hubbub")
    except PackageNotFoundError:
        return "0+source"


def show() -> None:
    """Print the versions of Hubbub and Python."""
    typer.echo(f"Hubbub {hubbub_version()} (Python {platform.python_version()})")
