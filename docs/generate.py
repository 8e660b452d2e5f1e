"""Writes docs/reference/ from the code, so that the manual cannot be wrong: `make docs`.

tests/meta/test_docs.py fails when a page is not what this makes.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import typer

from hubbub.cli.main import app
from hubbub.config import FILE, Settings
from hubbub.domain import events, limits
from hubbub.errors import CODES
from hubbub.metrics import (
    readings,
    readings_between_processes,
    readings_of_backups,
    readings_of_operation,
    readings_of_plain_sql,
    readings_of_tls,
)
from hubbub.sockets.events import EVENTS

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "docs" / "reference"
NOTE = "<!-- Made by docs/generate.py; change the code, then run `make docs`. -->\n\n"


def settings() -> str:
    secrets = [spec.metadata["name"] for spec in fields(Settings) if spec.metadata["secret"] or spec.metadata["show"]]
    files = ", ".join(f"`{name}{FILE}`" for name in secrets)
    lines = [
        "# Settings\n\nFrom the environment or `.env`; the environment goes first. `hubbub config` shows what is in force, and "
        f"where it is from.\n\nWhat can hold a secret may be read from a file instead, as container images have it: {files}.\n",
        "| variable | default | what it is |\n|---|---|---|",
    ]
    for spec in fields(Settings):
        default = spec.default
        if isinstance(default, bool):
            shown = f"`{str(default).lower()}`"
        else:
            shown = f"`{default}`" if default not in (None, ()) else ""
        lines.append(f"| `{spec.metadata['name']}` | {shown} | {spec.metadata['doc']} |")
    return "\n".join(lines) + "\n"


def errors() -> str:
    lines = [
        "# Error codes\n\nOne table for REST, socket acks and this page. `retryable` says that the very same request may "
        "succeed later.\n",
        "| code | HTTP | retryable | what it says | what to do |\n|---|---|---|---|---|",
    ]
    lines += [
        f"| `{row.code}` | {row.status} | {'yes' if row.retryable else 'no'} | {row.title} | {row.advice} |"
        for row in CODES.values()
    ]
    return "\n".join(lines) + "\n"


def bounds() -> str:
    lines = [
        "# Limits\n\nFrom `domain/limits.py`. Lengths are in characters where nothing else is said.\n",
        "| limit | value |\n|---|---|",
    ]
    lines += [
        f"| {name.lower().replace('_', ' ')} | {getattr(limits, name):,} |" for name in dir(limits) if name.isupper()
    ]
    return "\n".join(lines) + "\n"


def metrics() -> str:
    lines = [
        "# Metrics\n\n`GET /metrics`, Prometheus text format; `process_…` come with it.\n",
        "| metric | kind | what it is |\n|---|---|---|",
    ]
    # The readings are lazy; only their names and sentences are wanted here.
    anything = cast(Any, _Anything())
    for reading in (
        *readings(anything, anything, anything, anything),
        *readings_of_operation(anything, anything, anything),
        *readings_of_plain_sql(anything),
        *readings_of_backups(anything),
        *readings_between_processes(anything, anything, anything),
        *readings_of_tls(anything, anything),
    ):
        name = f"hubbub_{reading.name}" + ("_total" if reading.kind == "counter" else "")
        lines.append(f"| `{name}` | {reading.kind} | {reading.doc} |")
    return "\n".join(lines) + "\n"


class _Anything:
    def __getattr__(self, name: str) -> _Anything:
        return self


def socket_events() -> str:
    lines = [
        "# Socket events\n\nThe whole of it, with every field, is the AsyncAPI document at `/asyncapi.json`. "
        "REST has a page of its own, `/docs`.\n",
        "## From the client\n\n| event | answered with | what it does |\n|---|---|---|",
    ]
    lines += [f"| `{name}` | `{event.answer.__name__}` | {event.doc} |" for name, event in EVENTS.items()]
    lines.append("\n## From the server\n\n| event | carries |\n|---|---|")
    for name, kind in events.EVENTS.items():
        shown = kind.__name__ if isinstance(kind, type) else f"list of {kind.__args__[0].__name__}"
        lines.append(f"| `{name}` | `{shown}` |")
    return "\n".join(lines) + "\n"


def cli() -> str:
    lines = [
        "# The command line\n\n`hubbub COMMAND --help` says the same. Settings come from the environment and `.env` "
        "([settings](settings.md)); [what operators do with these](../howto/operate.md).\n",
    ]
    for path, command in _commands("hubbub", typer.main.get_command(app)):
        given = [one for one in command.params if one.param_type_name == "argument"]
        options = [one for one in command.params if one.param_type_name == "option" and "--help" not in one.opts]
        words = [path, *(["[OPTIONS]"] if options else []), *map(_argument, given)]
        lines.append(f"## `{path}`\n\n{inspect.cleandoc(command.help or '')}\n\n```text\n{' '.join(words)}\n```\n")
        if given or options:
            lines.append("| | default | what it is |\n|---|---|---|")
            lines += [_parameter(one, typer.Context(command)) for one in (*given, *options)]
            lines.append("")
        if command.epilog:
            lines.append(f"{command.epilog}.\n")
    return "\n".join(lines)


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command below a group, by its whole name."""
    for name, one in sorted(getattr(command, "commands", {}).items()):
        if hasattr(one, "commands"):
            yield from _commands(f"{path} {name}", one)
        else:
            yield f"{path} {name}", one


def _argument(one: Any) -> str:
    """An argument as it stands in the usage line."""
    name = one.display_name_raw.upper() + ("..." if one.nargs != 1 else "")
    return name if one.required else f"[{name}]"


def _parameter(one: Any, context: typer.Context) -> str:
    """A row of the table of a command."""
    is_flag = getattr(one, "is_flag", False)
    if one.param_type_name == "argument":
        name = one.display_name_raw.upper()
    else:
        name = ", ".join(one.opts) + ("" if is_flag else f" {one.display_type_rich(context)}")
    said = ("Required. " if one.required else "") + (one.help or "")
    default = "" if is_flag or one.default in (None, "") or callable(one.default) else f"`{one.default}`"
    cells = (f"`{name}`", default, said)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def figures() -> str:
    """The README's table and plots, from the newest file of bench/results."""
    sys.path.insert(0, str(ROOT))
    from bench.short import table

    return table(max((ROOT / "bench/results").glob("*.json")), ROOT)


def readme() -> str:
    """README.md with its table of figures."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.sub(
        r"(<!-- bench:.*?-->\n).*?(<!-- /bench -->)", lambda m: m[1] + figures() + m[2], text, flags=re.DOTALL
    )


PAGES = {
    "settings.md": settings,
    "errors.md": errors,
    "limits.md": bounds,
    "metrics.md": metrics,
    "events.md": socket_events,
    "cli.md": cli,
}


def main() -> int:
    HERE.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (HERE / name).write_text(NOTE + make(), encoding="utf-8")
    (ROOT / "README.md").write_text(readme(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
