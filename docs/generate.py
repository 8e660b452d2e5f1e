"""Writes docs/reference/ from the code, so that the manual cannot be wrong: `make docs`.

tests/meta/test_docs.py fails when a page is not what this makes.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import re
import sys
from collections.abc import Container, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import httpx
import structlog
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
from hubbub.rest.application import make_application
from hubbub.rest.stats import RestStats
from hubbub.sockets import asyncapi
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
    document = asyncapi.make_document("/socket.io/", Settings().max_payload)
    messages = document["channels"]["chat"]["messages"]
    lines = [
        f"# Socket events\n\n{document['info']['description']}\n\nThe whole of it, for programs, is the AsyncAPI document at "
        "`/asyncapi.json`; [how clients use it](../howto/clients.md). [REST](rest.md) has a page of its own, `/docs`. A failed "
        "acknowledgement is a [Failure](#failure).\n",
        "## From the client\n\n| event | takes | answered with | what it does |\n|---|---|---|---|",
    ]
    for name, event in EVENTS.items():
        answer = messages[f"{name}-ack"]["payload"]["oneOf"][0]
        lines.append(f"| `{name}` | {_type(messages[name]['payload'])} | {_type(answer)} | {event.doc} |")
    lines.append("\n## From the server\n\n| event | carries | |\n|---|---|---|")
    for name in events.EVENTS:
        message = messages[f"server-{name}"]
        lines.append(f"| `{name}` | {_type(message['payload'])} | {message['summary']} |")
    from_clients = {event.command.__name__ for event in EVENTS.values()}
    return "\n".join([*lines, "", *_schemas(document["components"]["schemas"], from_clients)])


def rest() -> str:
    document = openapi()
    lines = [
        f"# REST\n\n{document['info']['description']}\n\nThe whole of it, for programs, is the OpenAPI document at `/openapi.json`; every Hubbub serves it as a page to read and to try, at `/docs`. "
        "Who may not see a room is told that it is not there. Every path may also answer 500 and 503 "
        "([error codes](errors.md)).\n",
    ]
    for tag in document["tags"]:
        lines.append(f"## Requests: {tag['name']}\n\n{tag['description']}.\n")
        lines.append("| method and path | what | who may | takes | answers |\n|---|---|---|---|---|")
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    lines.append(_operation(f"{method.upper()} {path}", operation))
        lines.append("")
    schemas = document["components"]["schemas"]
    return "\n".join([*lines, *_schemas(schemas, schemas)])


def _schemas(named: dict[str, Any], may_lack: Container[str]) -> list[str]:
    """What is sent and answered, a table for each.

    Args:
        may_lack: those in which a field with a default may be left out; in what the server sends it never is.
    """
    lines = ["## What goes in and out\n\n`?`: may be left out.\n"]
    for name, schema in sorted(named.items()):
        lines.append(f"### {name}\n")
        if "description" in schema:
            lines.append(f"{schema['description']}\n")
        if "properties" not in schema:
            lines.append(f"{_type(schema)}\n")
            continue
        lines.append("| field | type | |\n|---|---|---|")
        for field, value in schema["properties"].items():
            is_sent = field in schema.get("required", ()) or ("default" in value and name not in may_lack)
            shown = f"`{field}`" + ("" if is_sent else "?")
            lines.append(f"| {shown} | {_type(value)} | {_said(value)} |")
        lines.append("")
    return lines


def openapi() -> dict[str, Any]:
    """The OpenAPI document, as the server answers it."""
    anything = cast(Any, _Anything())
    application = make_application(
        anything,
        Settings(),
        not_ready=dict,
        metrics=anything,
        asyncapi={},
        stats=RestStats(),
        traced=lambda application: application,
    )

    async def ask() -> dict[str, Any]:
        transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://hubbub") as http:
            document: dict[str, Any] = (await http.get("/openapi.json")).json()
            return document

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # the request is no news
    try:
        return asyncio.run(ask())
    finally:
        structlog.reset_defaults()


def _operation(address: str, operation: dict[str, Any]) -> str:
    """A row of the table of REST."""
    security = operation.get("security")
    if security == [{}]:
        who = "anybody"
    elif security:
        who = "who is signed in; anybody with [`HUBBUB_PUBLIC_DIRECTORY`](settings.md)"
    else:
        who = "who is signed in"
    what = ". ".join(filter(None, (operation["summary"], operation.get("description"))))
    takes = [f"`{one['name']}`" for one in operation.get("parameters", ()) if one["in"] != "path"]
    takes += [_type(body["schema"]) for body in operation.get("requestBody", {}).get("content", {}).values()]
    answers, fails = [], []
    for status, answer in operation["responses"].items():
        if "$ref" not in answer:
            answers += [f"{status} {_type(body['schema'])}" for body in answer["content"].values()]
        elif status not in ("500", "503"):
            fails.append(status)
    told = "; ".join(filter(None, (", ".join(answers), ", ".join(fails))))
    return f"| `{address}` | {what} | {who} | {', '.join(takes)} | {told} |"


def _type(schema: dict[str, Any]) -> str:
    """A JSON Schema in a word or two, with a link where it has a name."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if either := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(map(_type, either))
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if schema.get("type") == "object" and "type" in schema.get("additionalProperties", {}):
        return f"object of {_type(schema['additionalProperties'])}"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    return str(schema.get("format", schema.get("type", "anything")))


def _said(schema: dict[str, Any]) -> str:
    """What a JSON Schema says beside the type: its sentence and its bounds."""
    parts = [schema, *schema.get("anyOf", ())]
    said = [part["description"] for part in parts if "description" in part]
    for part in parts:
        least, most = part.get("minLength"), part.get("maxLength")
        if most is not None:
            said.append(f"{least or 0} to {most:,} characters")
        elif least is not None:
            said.append(f"at least {least}")
    return "; ".join(said)


def database() -> str:
    text = (ROOT / "src/hubbub/store/schema.sql").read_text(encoding="utf-8")
    lines = [
        "# Tables and views\n\nThe seven tables and three views of schema `public` are a public surface. Promised: none of these "
        "tables, columns, unique constraints and views is ever renamed or removed, nor an index that the "
        "[setup guide](../howto/setup-guide.md) names; columns and indexes may be added. A row "
        "that plain SQL writes is as good as one sent by a client ([how](../howto/sql.md)), and `hubbub.post_message` is for "
        "an application's own transactions. What else is in schema `hubbub` is the server's own, and may change with any version.\n",
    ]
    for kind in ("TABLE", "VIEW"):
        lines.append(f"## {kind.title()}s\n")
        for said, name, body in re.findall(rf"((?:^--.*\n)+)CREATE {kind} public\.(\w+)([^;]*;)", text, re.M):
            lines.append(f"### {name}\n\n{_prose(said)}\n")
            lines += (
                _table(name, body, text) if kind == "TABLE" else [f"```sql\nSELECT{body.split('SELECT', 1)[1]}\n```\n"]
            )
    said, head = re.findall(r"((?:^--.*\n)+)(CREATE FUNCTION hubbub\.post_message[^$]*?)LANGUAGE", text, re.M)[0]
    lines.append(f"## Functions\n\n### hubbub.post_message\n\n{_prose(said)}\n")
    lines.append(f"```text\n{head.removeprefix('CREATE FUNCTION ').strip()}\n```\n")
    return "\n".join(lines)


def _prose(comment: str) -> str:
    """A comment of SQL as a paragraph; what is set in is a list."""
    said = re.sub(r"^-- ?", "", comment, flags=re.MULTILINE).strip()
    said = re.sub(r"((?:^  .*\n)+)", r"\n\1\n", said, flags=re.MULTILINE)
    return re.sub(r"^  (\S+)  (.*)$", r"- `\1`: \2", said, flags=re.MULTILINE)


def _table(name: str, body: str, schema: str) -> list[str]:
    """The columns of a table, what holds them together, and its indexes."""
    lines = ["| column | type | | what it is |\n|---|---|---|---|"]
    body = re.sub(r"(?: --[^\n]*)?\n {8,}", " ", body)  # what goes on in the next line
    for column, rest in re.findall(r"^    ([a-z]\w*) (.*)$", body, re.MULTILINE):
        made, _, said = rest.partition("--")
        kind, *more = re.split(r"(?= (?:NOT NULL|DEFAULT))", made.strip().rstrip(","))
        lines.append(f"| `{column}` | {kind} | {' '.join(f'`{one.strip()}`' for one in more)} | {said.strip()} |")
    held = re.findall(r"CONSTRAINT (\w+) ((?:PRIMARY|UNIQUE|CHECK).*?)(?:,? --.*)?,?$", body, re.MULTILINE)
    held += re.findall(rf"CONSTRAINT ({name}_\w+_fkey) (FOREIGN KEY.*?)[,;]$", schema, re.MULTILINE)
    lines.append("\n| constraint or index | |\n|---|---|")
    lines += [f"| `{one}` | `{what}` |" for one, what in held]
    lines += [
        f"| `{index}` | `{unique}{what}` |"
        for unique, index, what in re.findall(
            rf"^CREATE (UNIQUE )?INDEX (\w+) ON public\.{name} (.*);", schema, re.MULTILINE
        )
    ]
    return [*lines, ""]


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
    "rest.md": rest,
    "database.md": database,
}


def main() -> int:
    HERE.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (HERE / name).write_text(NOTE + make(), encoding="utf-8")
    (ROOT / "README.md").write_text(readme(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
