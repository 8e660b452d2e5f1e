"""The OpenAPI document is a valid one, and is true.

Every answer in the tests of this folder is held against it by `tests/support/rest.py`; here it is held against the
application itself: its routes, and what it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.support.rest import Rest

from hubbub.domain import commands
from hubbub.errors import CODES
from hubbub.rest import auth, health, messages, rooms, users

CONTRACT = """
GET /health
POST /auth/register
POST /auth/login
POST /auth/refresh
GET /auth/verify
POST /auth/logout
GET /users
GET /users/search
GET /users/search/{q}
GET /users/{userId}
PUT /users/{userId}
PATCH /users/{userId}
DELETE /users/{userId}
GET /rooms
POST /rooms
GET /rooms/{room}
PATCH /rooms/{room}
DELETE /rooms/{room}
POST /rooms/{room}/join
POST /rooms/{room}/leave
GET /rooms/{room}/members
POST /rooms/{room}/members
DELETE /rooms/{room}/members/{userId}
GET /rooms/{room}/users
GET /rooms/{room}/messages
POST /rooms/{room}/messages
GET /rooms/{room}/stats
PATCH /messages/{messageId}
DELETE /messages/{messageId}
GET /messages/{messageId}/history
GET /messages/{messageId}/reads
GET /messages/{messageId}/deliveries
"""


async def test_it_is_a_valid_document(rest: Rest) -> None:
    OpenAPIV31SpecValidator(rest.document).validate()
    assert rest.document["openapi"].startswith("3.1")
    assert rest.document["info"]["title"] == "Hubbub"


async def test_it_has_every_route_and_no_other(rest: Rest) -> None:
    documented = {
        f"{method.upper()} {path}" for path, operations in rest.document["paths"].items() for method in operations
    }
    rooted = {"/livez", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json"}
    assert documented == {line.replace(" /", " /api/", 1) for line in CONTRACT.strip().splitlines()} | {
        f"GET {path}" for path in rooted
    }
    handlers = [health.health, *auth.HANDLERS, *users.HANDLERS, *rooms.HANDLERS, *messages.HANDLERS]
    assert len(documented) == len(handlers) + len(rooted)
    ids = [operation["operationId"] for operation in operations_of(rest.document)]
    assert len(set(ids)) == len(ids)


def operations_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [operation for operations in document["paths"].values() for operation in operations.values()]


async def test_it_refers_to_what_is_there_and_to_all_of_it(rest: Rest) -> None:
    text = msgspec.json.encode(rest.document).decode()
    for name in rest.document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, name
    told = {
        row
        for row in CODES
        for response in rest.document["components"]["responses"].values()
        if f"`{row}`" in response["description"]
    }
    assert told == set(CODES)
    for operation in operations_of(rest.document):
        assert operation["summary"]
        assert operation["tags"]
        assert {"500", "503"} <= operation["responses"].keys()


async def test_it_takes_and_refuses_what_the_server_does(rest: Rest) -> None:
    """The schema of each body against the struct that reads it, on values good and bad."""
    words: list[Any] = [
        "",
        "x",
        "an_example",
        "ann@example.org",
        "a b",
        "n" * 2000,
        None,
        5,
        True,
        [],
        {},
        "/a.png",
        "\n",
    ]
    words += ["00000000-0000-4000-8000-000000000000", "correct horse battery", "é", "a" * 64, "a" * 65]
    for operation in operations_of(rest.document):
        if "requestBody" not in operation:
            continue
        name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        schema = rest.document["components"]["schemas"][name]
        validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker(("uuid",)))
        struct = getattr(commands, name)
        good = {"username": "ann", "email": "a@b.org", "password": "p" * 8, "name": "x", "message": "x"}
        good |= {"refreshToken": "x", "userId": "00000000-0000-4000-8000-000000000000"}
        base = {field: good[field] for field in schema["required"]}
        for field in schema["properties"]:
            for word in words:
                body = base | {field: word}
                try:
                    msgspec.convert(body, struct)
                    taken = True
                except msgspec.ValidationError:
                    taken = False
                assert validator.is_valid(body) is taken, (name, field, word)
        for field in schema["required"]:
            assert not validator.is_valid({k: v for k, v in base.items() if k != field})
