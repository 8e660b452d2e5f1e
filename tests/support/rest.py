"""A REST client for tests that believes nothing: every answer is held against the OpenAPI document that is served."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
from tests.support.chat import running_chat

from hubbub.chat.context import Chat
from hubbub.config import Settings
from hubbub.rest import make_application
from hubbub.rest.stats import RestStats

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
PASSWORD = "correct horse battery"
_formats = jsonschema.FormatChecker(("uuid",))
_formats.checks("date-time")(lambda value: not isinstance(value, str) or TIME.match(value) is not None)
_numbers = itertools.count(1)


@dataclass(repr=False)
class Person:
    """A registered account and its tokens."""

    user: dict[str, Any]
    token: str
    refresh_token: str

    @property
    def id(self) -> str:
        return str(self.user["userId"])

    @property
    def name(self) -> str:
        return str(self.user["username"])


@dataclass
class Rest:
    """The client. Call it with a method, a path and who asks; say which status is expected."""

    chat: Chat
    http: httpx.AsyncClient
    document: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    """What /readyz is to say, by code."""

    async def __call__(
        self, method: str, path: str, person: Person | str | None = None, *, status: int = 200, **more: Any
    ) -> Any:
        """The body of the answer, once it has been held against the document.

        Args:
            person: who asks: a person, or a bare token.
        """
        return (await self.answer(method, path, person, status=status, **more)).json()

    async def answer(
        self, method: str, path: str, person: Person | str | None = None, *, status: int = 200, **more: Any
    ) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if person is not None:
            headers["Authorization"] = f"Bearer {person.token if isinstance(person, Person) else person}"
        answer = await self.http.request(method, path, headers=headers, **more)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        self.check(method, answer)
        return answer

    def check(self, method: str, answer: httpx.Response) -> None:
        """Hold one answer against the document.

        Raises:
            AssertionError, jsonschema.ValidationError: it is not what is documented.
        """
        path = answer.request.url.path
        operation = self.operation(method, path)
        assert operation is not None, f"{method} {path} is not documented"
        described = operation["responses"].get(str(answer.status_code))
        assert described is not None, f"{operation['operationId']} may not answer {answer.status_code}: {answer.text}"
        if "$ref" in described:
            described = self.document["components"]["responses"][described["$ref"].rsplit("/", 1)[1]]
        media_type = answer.headers["content-type"].removesuffix("; charset=utf-8")
        assert media_type in described["content"], (operation["operationId"], media_type)
        if media_type.endswith("json"):
            schema = described["content"][media_type]["schema"] | {"components": self.document["components"]}
            jsonschema.Draft202012Validator(schema, format_checker=_formats).validate(answer.json())
        if answer.status_code >= 400:
            body = answer.json()
            assert f"`{body['code']}`" in described["description"]
            assert body["status"] == answer.status_code
            assert body["detail"] == body["message"]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What the document says of an operation; a literal path goes before a template."""
        for template in sorted(self.document["paths"], key=lambda one: one.count("{")):
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path):
                found: dict[str, Any] | None = self.document["paths"][template].get(method.lower())
                return found
        return None

    async def register(self, name: str | None = None, **more: Any) -> Person:
        """A new account."""
        name = name or f"person{next(_numbers)}"
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, **more}
        answer = await self("POST", "/api/auth/register", json=body, status=201)
        return Person(answer["user"], answer["token"], answer["refreshToken"])

    async def room(self, owner: Person, name: str | None = None, *members: Person, **more: Any) -> dict[str, Any]:
        """A new room with some members."""
        body = {"name": name or f"room{next(_numbers)}", **more}
        made: dict[str, Any] = (await self("POST", "/api/rooms", owner, json=body, status=201))["data"]
        for member in members:
            await self("POST", f"/api/rooms/{made['roomId']}/members", owner, json={"userId": member.id})
        return made

    async def send(self, person: Person, room: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
        """A new message."""
        path = f"/api/rooms/{room['roomId']}/messages"
        sent = await self("POST", path, person, json={"message": text, **more}, status=201)
        message: dict[str, Any] = sent["message"]
        return message


@asynccontextmanager
async def rest_of(dsn: str, *, settings: Settings | None = None, web: Any = None, **rules: Any) -> AsyncIterator[Rest]:
    """A chat with its REST edge, in this process."""
    reasons: dict[str, str] = {}

    async def metrics() -> bytes:
        return b"# HELP hubbub_up Up.\nhubbub_up 1\n"

    async with running_chat(dsn, **rules) as chat:
        application = make_application(
            chat,
            settings or Settings(),
            not_ready=lambda: reasons,
            metrics=metrics,
            asyncapi={"asyncapi": "3.0.0"},
            stats=RestStats(),
            traced=lambda application: application,
            web=web,
        )
        transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://chat.test") as http:
            rest = Rest(chat, http, reasons=reasons)
            rest.document = (await http.get("/openapi.json")).json()
            yield rest
