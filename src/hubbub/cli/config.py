"""`hubbub config`: every setting, its value now and where that is from, what it means. Secrets are never shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.text import Text

from hubbub.cli import console
from hubbub.config import Given, Settings, given


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def rows(settings: Settings, sources: Mapping[str, Given]) -> list[dict[str, Any]]:
    """One object per setting; `value` of a secret is null, `isSet` tells whether it has one.

    Args:
        sources: what was given, by variable; a setting that is not among them has its default.
    """
    listed = []
    for spec in fields(Settings):
        value = getattr(settings, spec.name)
        secret = bool(spec.metadata["secret"])
        show = spec.metadata["show"] or _plain
        listed.append(
            {
                "name": spec.metadata["name"],
                "value": None if secret else show(value),
                "default": _plain(spec.default),
                "isSet": value != spec.default,
                "source": sources[spec.metadata["name"]].source if spec.metadata["name"] in sources else "default",
                "secret": secret,
                "doc": spec.metadata["doc"],
            }
        )
    return listed


def _shown(row: dict[str, Any]) -> str:
    value = row["value"]
    if row["secret"]:
        return "(hidden)" if row["isSet"] else "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value) or "-"
    return "-" if value is None else str(value)


def _source(row: dict[str, Any]) -> Text:
    return Text("" if row["source"] == "default" else f"   from {row['source']}", "dim")


def show(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """List all settings with their values, where these are from, and what they mean. Bold: changed from the default."""
    listed = rows(console.read_settings(as_json), given())
    if as_json:
        console.print_json(listed)
        return
    for row in listed:
        value = Text(_shown(row), "bold" if row["isSet"] else "")
        console.out.print(Text.assemble((row["name"], "cyan"), " = ", value, _source(row)), soft_wrap=True)
        console.out.print(Padding(Text(row["doc"], "dim"), (0, 0, 1, 4)))
