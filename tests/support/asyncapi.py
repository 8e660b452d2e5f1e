"""Holds what a server sends against its AsyncAPI document, strictly: fields that the document does not name are faults."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from hubbub.sockets.asyncapi import make_document


@functools.cache
def document() -> dict[str, Any]:
    return make_document("/socket.io/", 1_000_000)


@functools.cache
def messages() -> Mapping[str, Any]:
    found: Mapping[str, Any] = document()["channels"]["chat"]["messages"]
    return found


def closed(schema: Any) -> Any:
    """The same schema, refusing fields it does not name."""
    if isinstance(schema, dict):
        made = {key: closed(value) for key, value in schema.items()}
        if "properties" in made:
            made.setdefault("additionalProperties", False)
        return made
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


@functools.cache
def validator(message: str) -> Draft202012Validator:
    schema = {**closed(messages()[message]["payload"]), "components": closed(document()["components"])}
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _check(message: str, data: Any) -> str | None:
    errors = [
        f"{error.json_path}: {error.message[:300]}"
        for outer in validator(message).iter_errors(data)
        for error in (outer.context or [outer])
    ]
    return f"{message}: {errors}" if errors else None


def check_event(event: str, args: Sequence[Any]) -> str | None:
    """What is wrong with an event of the server; None: nothing."""
    if f"server-{event}" not in messages():
        return f"{event} is not in the document"
    if len(args) != 1:
        return f"{event} came with {len(args)} arguments"
    return _check(f"server-{event}", args[0])


def check_ack(event: str, ack: Any) -> str | None:
    """What is wrong with an ack; the event may be one that nobody knows."""
    return _check(f"{event if f'{event}-ack' in messages() else 'sync'}-ack", ack)
