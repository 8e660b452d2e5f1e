"""A relay on python-socketio: as `peers/node/relay.mjs`, rooms and nothing else, on uvicorn with uvloop."""
# mypy: disable-error-code="import-untyped,untyped-decorator"

from __future__ import annotations

import socket
import uuid
from datetime import UTC, datetime
from typing import Any

import socketio
import uvicorn

server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
users: dict[str, dict[str, str]] = {}


@server.event
async def connect(sid: str, environ: dict[str, Any], auth: dict[str, str]) -> None:
    users[sid] = {"userId": sid, "username": auth["username"]}


@server.event
async def disconnect(sid: str, reason: str) -> None:
    users.pop(sid, None)


@server.on("join")
async def join(sid: str, data: dict[str, str]) -> dict[str, Any]:
    await server.enter_room(sid, data["room"])
    return {"success": True, "room": data["room"]}


@server.on("send-message")
async def send_message(sid: str, data: dict[str, str]) -> dict[str, Any]:
    room = data["room"]
    if room not in server.rooms(sid):
        return {"success": False, "code": "not_found"}
    place = {"id": str(uuid.uuid4()), "room": room, "timestamp": datetime.now(UTC).isoformat()}
    message = {**place, **users[sid], "message": data["message"], "clientId": data["clientId"]}
    await server.emit("receive-message", message, room=room)
    return {"success": True, **place}


def main() -> None:
    """Listen on a free port and say which."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(f"ready on port {listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        socketio.ASGIApp(server), loop="uvloop", http="httptools", log_level="warning", access_log=False, backlog=4096
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
