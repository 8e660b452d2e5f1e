"""/asyncapi.json: of the right shape, whole, and about the very events that the server takes and sends."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.support.asyncapi import check_ack, check_event, document

from hubbub.domain import events
from hubbub.errors import CODES, HubbubError
from hubbub.sockets.events import EVENTS

# What the contract names; the server may know more, never fewer.
CLIENT_EVENTS = {
    "join", "leave-room", "send-message", "edit-message", "delete-message", "message-delivered", "message-read",
    "mark-all-read", "typing", "update-online-status", "sync",
}  # fmt: skip
SERVER_EVENTS = {
    "ready": {"user", "epoch", "rooms"},
    "message-history": set(),
    "receive-message": {
        "id", "seq", "changeSeq", "room", "roomId", "userId", "username", "displayName", "avatar", "message",
        "timestamp", "editedAt", "deleted", "clientId", "delivered", "read", "deliveredCount", "readCount",
        "deliveredTo", "readBy",
    },
    "message-updated": {"id", "message", "changeSeq"},
    "message-deleted": {"id", "changeSeq"},
    "message-status-update": {
        "messageId", "delivered", "deliveredTo", "deliveredBy", "timestamp", "room", "roomId",
    },
    "message-read-update": {
        "messageId", "read", "readBy", "readByUser", "readByUsername", "timestamp", "room", "roomId",
    },
    "messages-marked-read": {"messageIds", "readBy", "readByUsername", "timestamp", "room", "roomId"},
    "user-joined": {"userId", "username", "displayName", "avatar", "message", "timestamp", "room", "roomId"},
    "user-left": {"userId", "username", "displayName", "avatar", "message", "timestamp", "room", "roomId"},
    "room-users": set(),
    "user-typing": {"userId", "username", "displayName", "isTyping", "room", "roomId"},
    "user-status-update": {"userId", "username", "displayName", "online", "lastSeen"},
    "error": {"message", "code"},
}  # fmt: skip
ACKS = {
    "join": {"room", "roomId", "seq", "unread"},
    "send-message": {"id", "seq", "timestamp", "duplicate"},
    "sync": {"epoch", "rooms"},
}


def walk(value: Any) -> Iterator[Any]:
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(item)


def resolve(ref: str) -> Any:
    assert ref.startswith("#/"), ref
    found: Any = document()
    for part in ref[2:].split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def properties(schema: Any) -> set[str]:
    if "$ref" in schema:
        return properties(resolve(schema["$ref"]))
    return set(schema.get("properties", {}))


def payload(message: str) -> Any:
    return document()["channels"]["chat"]["messages"][message]["payload"]


def test_the_shape_of_asyncapi_3() -> None:
    made = document()
    assert made["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(made["info"])
    assert set(made) <= {
        "asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components",
    }  # fmt: skip
    for channel in made["channels"].values():
        assert set(channel) <= {"address", "title", "summary", "description", "messages"}
        for message in channel["messages"].values():
            assert {"name", "payload"} <= set(message) <= {"name", "title", "summary", "description", "payload"}
    for operation in made["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert set(operation) <= {"action", "channel", "title", "summary", "description", "messages", "reply"}
        assert resolve(operation["channel"]["$ref"]) is made["channels"]["chat"]
        for ref in [*operation["messages"], *operation.get("reply", {"messages": []})["messages"]]:
            assert ref["$ref"].startswith("#/channels/chat/messages/")  # of the channel's own, as the standard asks
            resolve(ref["$ref"])


def test_every_reference_leads_somewhere() -> None:
    refs = [one["$ref"] for one in walk(document()) if isinstance(one, dict) and "$ref" in one]
    assert len(refs) > 50
    for ref in refs:
        resolve(ref)
    used = {ref.rsplit("/", 1)[1] for ref in refs if ref.startswith("#/components/schemas/")}
    assert used == set(document()["components"]["schemas"])


def test_every_schema_is_one() -> None:
    for message in document()["channels"]["chat"]["messages"].values():
        Draft202012Validator.check_schema(message["payload"])
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_events_of_the_document_are_those_of_the_server() -> None:
    messages = set(document()["channels"]["chat"]["messages"])
    assert messages == {
        *EVENTS, *(f"{name}-ack" for name in EVENTS), *(f"server-{name}" for name in events.EVENTS),
    }  # fmt: skip
    operations = document()["operations"].values()
    assert len(operations) == len(EVENTS) + len(events.EVENTS)
    assert all(("reply" in operation) == (operation["action"] == "receive") for operation in operations)
    assert set(EVENTS) >= CLIENT_EVENTS
    assert set(events.EVENTS) >= set(SERVER_EVENTS)


def test_what_the_code_emits_is_in_the_document_and_the_other_way_round() -> None:
    """Every event name that stands in the code as one that is sent."""
    emitted: set[str] = set()
    for package in ("hubbub.sockets", "hubbub.chat"):
        for path in files(package).iterdir():
            if not path.name.endswith(".py"):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                given = [keyword.value for keyword in node.keywords if keyword.arg == "event"]
                if name == "emit":
                    given.append(node.args[0])
                if name == "encode_event_json":
                    given.append(node.args[1])
                for one in given:
                    emitted |= {part.value for part in ast.walk(one) if isinstance(part, ast.Constant)}
    text = files("hubbub.chat").joinpath("sync.py").read_text()
    emitted |= set(re.findall(r'"((?:receive|message)-\w+)" if', text)) | set(re.findall(r'else "(message-\w+)"', text))
    assert emitted - {"/"} == set(events.EVENTS)


@pytest.mark.parametrize("name", sorted(SERVER_EVENTS))
def test_fields_that_clients_read_are_promised(name: str) -> None:
    schema = payload(f"server-{name}")
    if schema.get("type") == "array":
        schema = schema["items"]
        wanted = SERVER_EVENTS["receive-message"] if name == "message-history" else {
            "userId", "username", "displayName", "avatar", "room", "roomId", "status",
        }  # fmt: skip
    else:
        wanted = SERVER_EVENTS[name]
    assert properties(schema) >= wanted


@pytest.mark.parametrize("name", sorted(ACKS))
def test_fields_of_acks_are_promised(name: str) -> None:
    success, failure = payload(f"{name}-ack")["oneOf"]
    assert properties(success) >= ACKS[name] | {"success"}
    assert properties(failure) == {"success", "code", "message", "retryable", "fields", "retryAfter"}


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_failure_is_a_valid_ack_of_every_event(code: str) -> None:
    reply = HubbubError(code, fields={"a": "b"}, retry_after=2).as_reply()
    for name in EVENTS:
        assert check_ack(name, reply) is None
    assert check_event("error", (reply,)) is None


def test_the_check_is_strict() -> None:
    typing = {
        "userId": "0199f0a0-0000-7000-8000-000000000001", "username": "ann", "displayName": "Ann", "isTyping": True,
        "room": "general", "roomId": "0199f0a0-0000-7000-8000-000000000001",
    }  # fmt: skip
    assert check_event("user-typing", (typing,)) is None
    assert check_event("user-typing", ({**typing, "extra": 1},)) is not None
    assert check_event("user-typing", ({**typing, "isTyping": 1},)) is not None
    assert check_event("user-typing", ({key: typing[key] for key in typing if key != "room"},)) is not None
    assert check_event("user-typing", (typing, typing)) is not None
    assert check_event("nonsense", (typing,)) is not None
