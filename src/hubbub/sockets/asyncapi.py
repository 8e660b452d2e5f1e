"""/asyncapi.json: what may be sent over the socket, made from the structs that validate and that are sent.

AsyncAPI 3.0. One channel, the namespace `/`; an operation for each event a client may send, with its ack as the
reply, and one for each event the server sends.
"""

from __future__ import annotations

from typing import Any, Final, TypedDict

import msgspec

from hubbub import __version__
from hubbub.domain import events
from hubbub.domain.model import as_sent
from hubbub.errors import CODES
from hubbub.sockets.events import EVENTS

_REF: Final = "#/components/schemas/{name}"

# Where an event takes another form beside the object, for older clients or those that can only send strings.
_OTHER_FORMS: Final[dict[str, dict[str, Any]]] = {
    "typing": {"type": "boolean"},
    "sync": {"type": "string", "description": "The object as JSON"},
    "join": {"type": "string", "description": "The room alone"},
    "leave-room": {"type": "string", "description": "The room alone"},
}


class Failure(TypedDict, total=False):
    """A failed ack: `code` is one of the table's."""

    success: bool
    code: str
    message: str
    retryable: bool
    fields: dict[str, str]
    retryAfter: float


def make_document(path: str, max_payload: int) -> dict[str, Any]:
    """The document, as JSON values.

    Args:
        path: where Socket.IO answers.
        max_payload: largest packet from a client, in bytes.
    """
    sent = {name: event.command for name, event in EVENTS.items()}
    answered = {name: event.answer for name, event in EVENTS.items()}
    kinds = [*sent.values(), *answered.values(), *events.EVENTS.values(), Failure]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schema = dict(zip([*sent, *(f"{name}-ack" for name in answered), *events.EVENTS, "failure"], schemas, strict=True))
    components["Failure"]["properties"]["code"] = {"type": "string", "enum": sorted(CODES)}
    components["Failure"]["properties"]["success"] = {"const": False}
    components["Failure"]["required"] = ["success", "code", "message", "retryable"]

    for component in components.values():
        if "description" in component:
            component["description"] = as_sent(component["description"])

    messages: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for name, event in EVENTS.items():
        payload = schema[name]
        if name in _OTHER_FORMS:
            payload = {"oneOf": [payload, _OTHER_FORMS[name]]}
        messages[name] = {"name": name, "summary": event.doc, "payload": payload}
        messages[f"{name}-ack"] = {
            "name": f"{name} (acknowledgement)",
            "payload": {"oneOf": [schema[f"{name}-ack"], schema["failure"]]},
        }
        operations[f"send {name}"] = {
            "action": "receive",
            "channel": {"$ref": "#/channels/chat"},
            "summary": event.doc,
            "messages": [{"$ref": f"#/channels/chat/messages/{name}"}],
            "reply": {"messages": [{"$ref": f"#/channels/chat/messages/{name}-ack"}]},
        }
    for name, kind in events.EVENTS.items():
        doc = (
            as_sent((kind.__doc__ or "").split("\n")[0]) if isinstance(kind, type) else ""
        )  # a list has none of its own
        messages[f"server-{name}"] = {
            "name": name,
            "summary": doc,
            "payload": schema[name],
        }
        operations[f"hear {name}"] = {
            "action": "send",
            "channel": {"$ref": "#/channels/chat"},
            "messages": [{"$ref": f"#/channels/chat/messages/server-{name}"}],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Hubbub",
            "version": __version__,
            "license": {"name": "Apache-2.0"},
            "description": (
                f"Socket.IO protocol 5 over Engine.IO protocol 4, path `{path}`, namespace `/`, transports polling "
                f"and websocket. Connect with `auth: {{token}}`. A packet may have {max_payload} bytes. Every event "
                "is acknowledged when the client asks for it. An `ok` means committed under its final place in the "
                "room; no answer means unknown: send again with the same `clientId`, it can never appear twice."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {"chat": {"address": "/", "messages": messages}},
        "operations": operations,
        "components": {"schemas": components},
    }
