"""The OpenAPI document: made by Litestar from the handlers and the structs that really read and write.

Added here: what each operation may fail with, from the one table of codes; and the structs' own JSON Schemas, which
say more than the framework does (formats, what may be left out).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme, Tag
from litestar.types import ControllerRouterHandler, Method
from msgspec import UNSET

from hubbub import __version__
from hubbub.domain import answers, commands, model
from hubbub.errors import CODES
from hubbub.rest import health
from hubbub.rest.problems import MEDIA_TYPE, Problem

DESCRIPTION: Final = (
    "Times are RFC 3339, UTC, with milliseconds; ids are UUIDs; a room is named by its id or by its name. "
    'Success is `{"success": true, …}`. A failure is a problem document (RFC 9457) whose `code` is the word to compare '
    "with, and whose `retryable` says whether the very same request may succeed later. What is not yours to see and what "
    "is not there get the same answer. Lists take `limit` and `cursor`, and answer `nextCursor`, null at the end. "
    "The events of the socket are in `/asyncapi.json`."
)
TAGS: Final = (
    Tag(name="auth", description="Register, log in, stay signed in, log out"),
    Tag(name="users", description="The directory, and one's own account"),
    Tag(name="rooms", description="Rooms, who is in them, their figures"),
    Tag(name="messages", description="Read, write, edit, delete; who has read what"),
    Tag(name="server", description="Is it alive, is it ready, how is it doing"),
)
SIGNED_IN: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"accessToken": []}]

# What an operation may fail with beyond what its form says (see `_codes_of`).
_CODES: Final[dict[str, tuple[str, ...]]] = {
    "register": ("forbidden", "conflict", "rate_limited", "overloaded"),
    "login": ("invalid_credentials", "rate_limited", "overloaded"),
    "refresh": ("unauthorized",),
    "updateUser": ("forbidden", "rate_limited", "overloaded"),
    "putUser": ("forbidden", "rate_limited", "overloaded"),
    "deleteUser": ("forbidden",),
    "createRoom": ("conflict",),
    "updateRoom": ("forbidden", "conflict"),
    "deleteRoom": ("forbidden", "conflict"),
    "joinRoom": ("conflict",),
    "leaveRoom": ("conflict",),
    "addMember": ("forbidden", "conflict"),
    "removeMember": ("forbidden", "conflict"),
    "postMessage": ("forbidden", "conflict", "overloaded"),
    "editMessage": ("forbidden", "gone", "conflict"),
    "deleteMessage": ("forbidden", "conflict"),
    "listEdits": ("gone",),
}
_BODY: Final = ("bad_request", "validation_failed", "too_slow", "too_large", "unsupported_media_type")


def make_document(handlers: Sequence[ControllerRouterHandler], dependencies: Mapping[str, Provide]) -> dict[str, Any]:
    """The document, as JSON values.

    Args:
        handlers: the routers and handlers of the application.
        dependencies: what the handlers are given.
    """
    config = OpenAPIConfig(
        title="Hubbub",
        version=__version__,
        description=DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=list(TAGS),
        security=SIGNED_IN,
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
                "accessToken": SecurityScheme(
                    type="apiKey", name="x-access-token", security_scheme_in="header", description="For older clients"
                ),
            }
        ),
        operation_id_creator=operation_id,
        use_handler_docstrings=True,
    )
    described = Litestar(handlers, openapi_config=config, logging_config=None, dependencies=dependencies)
    document = described.openapi_schema.to_schema()
    schemas = _schemas_of(document["components"]["schemas"])
    schemas["Problem"] = _schemas({"Problem": Problem})["Problem"]
    document["components"]["schemas"] = schemas
    document["components"]["responses"] = {
        str(status): _response_of(status) for status in sorted({row.status for row in CODES.values()})
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """One operation: its parameters' schemas, how it may fail, whether it is open."""
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _parameter_schema(parameter["schema"])
    operation["responses"].pop("400", None)
    codes = _codes_of(path, method, operation)
    for status in sorted({CODES[code].status for code in codes}):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}


def _codes_of(path: str, method: str, operation: dict[str, Any]) -> set[str]:
    """The codes of the table that an operation may answer."""
    codes = {"internal", "unavailable", "overloaded", *_CODES.get(operation["operationId"], ())}
    if operation.get("security") != [{}]:
        codes |= {"unauthorized", "token_expired"}
    if operation.get("parameters"):
        codes.add("validation_failed")
    if "{" in path:
        codes.add("not_found")
    if method not in ("get", "head"):
        codes.add("too_large")
    if "requestBody" in operation:
        codes |= set(_BODY)
    return codes


def _response_of(status: int) -> dict[str, Any]:
    """The answer to every failure of one status."""
    rows = [row for row in CODES.values() if row.status == status]
    return {
        "description": "\n".join(f"`{row.code}`: {row.title} {row.advice}" for row in rows),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _schemas_of(named: Iterable[str]) -> dict[str, Any]:
    """The schemas of the structs that Litestar found, by the names it gave them."""
    places = (answers, commands, model, health)
    return _schemas({name: next(getattr(place, name) for place in places if hasattr(place, name)) for name in named})


def _schemas(structs: Mapping[str, type]) -> dict[str, Any]:
    """Structs as JSON Schema. What is sent is sent whole: only fields that may be unset may be missing."""
    _, found = msgspec.json.schema_components(structs.values(), ref_template="#/components/schemas/{name}")
    for name, schema in found.items():
        if name in structs and issubclass(structs[name], model.Wire) and structs[name] is not Problem:
            schema["required"] += [
                field for field, value in schema["properties"].items() if value.pop("default", UNSET) is not UNSET
            ]
        if "description" in schema:
            schema["description"] = model.as_sent(schema["description"])
        for value in schema["properties"].values():
            for part in (value, *value.get("anyOf", ())):
                if "pattern" in part:
                    part["pattern"] = part["pattern"].replace(r"\Z", "$")
    return found


def _parameter_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is no null; our patterns as ECMA-262 writes them; no number is negative."""
    schema = dict(schema)
    for part in schema.pop("oneOf", ()):
        if part != {"type": "null"}:
            schema = part | schema
    if "pattern" in schema:
        schema["pattern"] = schema["pattern"].replace(r"\Z", "$")
    if schema.get("type") == "integer":
        schema["minimum"] = int(schema.get("minimum", 0))
        schema["maximum"] = int(schema["maximum"])
    return schema


def operation_id(handler: HTTPRouteHandler, method: Method, path: list[Any]) -> str:
    """The handler's own name, as JavaScript writes names."""
    first, *others = handler.handler_name.split("_")
    return first + "".join(word.title() for word in others)
