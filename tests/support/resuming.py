"""A client that loses nothing, as docs/howto/clients.md says one is written: for tests that break what is below it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import socketio
from tests.support.client import Client
from tests.support.people import Person


class Resuming:
    """A client as a good one is written: it reconnects, syncs from the last number it knows, and sends again."""

    def __init__(self, url: str, person: Person, room: str) -> None:
        self.url, self.person, self.room = url, person, room
        self.acks: dict[str, dict[str, Any]] = {}
        self.heard: list[int] = []  # seq of each message, as it became known
        self.began = 0
        self.cursor: int | None = None
        self.epoch = ""
        self.room_id = ""
        self.client: Client | None = None
        self.reconnects = 0

    async def connect(self) -> Client:
        """Connect and catch up; live events that come meanwhile are applied after what `sync` gave."""
        while True:
            client = Client(self.url)
            client.checks = False
            try:
                await client.connect({"token": self.person.token}, timeout=2)
                ready = await client.wait_for("ready", timeout=2)
                (room,) = ready["rooms"]
                if self.cursor is None:
                    self.cursor, self.epoch, self.room_id = room["seq"], ready["epoch"], room["roomId"]
                    self.began = room["seq"]
                else:
                    self.reconnects += 1
                    more = True
                    while more:
                        answer = await client.ok("sync", {"epoch": self.epoch, "rooms": {self.room_id: self.cursor}})
                        page = answer["rooms"][self.room_id]
                        for change in page["changes"]:
                            if change["type"] == "message":
                                self.heard.append(change["seq"])
                        self.cursor, more = page["upTo"], page["more"]
                self.client = client
                return client
            except (AssertionError, socketio.exceptions.SocketIOError, TimeoutError):
                await client.close()
                await asyncio.sleep(0.05)

    def take(self) -> None:
        """Apply the live events that came over the present connection."""
        assert self.client is not None
        assert self.cursor is not None
        for data in self.client.got("receive-message"):
            if data["changeSeq"] > self.cursor:
                self.heard.append(data["seq"])
                self.cursor = data["changeSeq"]
        self.client.clear()

    async def run(self, count: int, progress: Callable[[], None]) -> None:
        client = await self.connect()
        todo = [f"c{number}" for number in range(count)]
        while todo:
            sent = [
                client.call("send-message", {"message": client_id, "room": self.room, "clientId": client_id}, timeout=2)
                for client_id in todo[:20]
            ]
            for client_id, ack in zip(todo[:20], await asyncio.gather(*sent, return_exceptions=True), strict=True):
                if isinstance(ack, dict) and ack["success"]:
                    self.acks[client_id] = ack
                    progress()
                elif isinstance(ack, dict):
                    assert ack["retryable"], ack
            todo = [client_id for client_id in todo if client_id not in self.acks]
            if client.ended.is_set() or not client.sio.connected:
                self.take()
                await client.close()
                client = await self.connect()
