"""One person of the load, with one client that loses nothing, as docs/howto/clients.md says it is written."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from tests.fault.harness.client import AnySocket, connect
from tests.fault.harness.history import body_hash
from tests.support.people import Person

if TYPE_CHECKING:
    from tests.fault.harness.load import Load

CALL_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 5.0
_RECEIPT_EVERY: Final = 25
_encode: Final = msgspec.json.Encoder().encode


class Chatter:
    """One person with one client.

    Attributes:
        cursors: the last number known of each room.
        up: set while it is connected and has caught up.
        socket: the present connection; None between two.
        urls: where it connects to, if not to where all others do.
        reconnects: how often it came back.
    """

    def __init__(self, load: Load, person: Person, transport: str) -> None:
        self.load, self.person, self.transport = load, person, transport
        self.urls: Callable[[], Sequence[str]] | None = None
        self.name = person.username
        self.cursors: dict[str, int] = {}
        self.socket: AnySocket | None = None
        self.reconnects = 0
        self.sent = 0
        self.url = ""
        self.leaving = False
        self._epoch = ""
        self._held: list[Any] | None = []
        self._caught_up: dict[str, int] = {}
        self._ready: asyncio.Future[Any] | None = None
        self.up = asyncio.Event()
        self._heard = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"chatter {self.name}")

    async def _run(self) -> None:
        chance = self.load.chance
        while not self.leaving:
            try:
                await self._session()
            except (OSError, TimeoutError, RefusedError):
                self.load.failed_connects += 1
            except Exception as error:  # one who ends without a word would be waited for in vain
                self.load.troubles.append(f"{self.name} ({self.transport}) failed: {error!r}")
            self.up.clear()
            socket, self.socket = self.socket, None
            if socket is not None:
                socket.abort()
                await socket.close()
            await asyncio.sleep(chance.uniform(0.05, 0.3))

    async def _session(self) -> None:
        """One connection: come, catch up, then hear what is told until it ends."""
        self._held = []
        self._ready = asyncio.get_running_loop().create_future()
        self.url = self.load.chance.choice((self.urls or self.load.urls)())
        self.socket = await connect(self.url, self.person.token, self.transport, self._take)
        async with asyncio.timeout(CALL_SECONDS):
            ready = await self._ready
        rooms = {room["roomId"]: room for room in ready["rooms"] if room["roomId"] in self.load.room_names}
        if self._epoch:
            self.reconnects += 1
            await self._catch_up(self.socket, ready, rooms)
        self._epoch = self.load.epoch = ready["epoch"]
        for room_id, room in rooms.items():
            if room_id not in self.cursors:
                self._begin(room_id, room["seq"])
        # What a `sync` has given may be told live as well, a moment later: docs/howto/clients.md.
        self._caught_up = dict(self.cursors)
        held, self._held = self._held, None
        for data in held:
            if data["changeSeq"] > self.cursors.get(data["roomId"], 0):
                self._hear(data["roomId"], data, "live")
        self.up.set()
        while not await self._closed(self.socket, WATCH_SECONDS):
            # Is somebody still there? Not every client library notices a dead line by itself.
            await self.socket.call("are-you-there", {}, CALL_SECONDS)

    async def _closed(self, socket: AnySocket, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await socket.closed.wait()
        return socket.closed.is_set()

    def _begin(self, room_id: str, number: int) -> None:
        self.cursors[room_id] = number
        self.load.history.note(self.name, "begin", room=self.load.room_names[room_id], seq=number, epoch=self._epoch)

    async def _catch_up(self, socket: AnySocket, ready: Any, rooms: dict[str, Any]) -> None:
        """Pages of `sync` from the cursors on; or all afresh where the server says that they mean nothing any more."""
        asked = {room_id: self.cursors[room_id] for room_id in rooms if room_id in self.cursors}
        while asked:
            answer = await socket.call("sync", {"epoch": self._epoch, "rooms": asked}, CALL_SECONDS)
            if not answer["success"]:
                if answer["code"] != "resync_required":
                    raise RefusedError(answer["code"])
                self.load.resyncs += 1
                self._epoch = ready["epoch"]
                for room_id, room in rooms.items():
                    self._begin(room_id, room["seq"])
                return
            for room_id, page in answer["rooms"].items():
                name, start = self.load.room_names[room_id], self.cursors[room_id]
                for change in page["changes"]:
                    self._hear(room_id, change, "sync")
                self.cursors[room_id] = page["upTo"]
                self.load.history.note(
                    self.name, "page", room=name, seq=start, change_seq=page["upTo"], epoch=self._epoch
                )
            asked = {room_id: self.cursors[room_id] for room_id, page in answer["rooms"].items() if page["more"]} or (
                {room_id: self.cursors[room_id] for room_id in asked} if answer["more"] else {}
            )

    def _take(self, event: str, data: Any) -> None:
        if event == "ready":
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(data)
        elif event == "garbled":
            self.load.garbled.append(f"{self.name} was sent what is not JSON: {data}")
        elif isinstance(data, dict) and data.get("changeSeq") and data.get("roomId") in self.load.room_names:
            if self._held is not None:
                self._held.append(data)
            elif data["changeSeq"] > self._caught_up.get(data["roomId"], 0):
                self._hear(data["roomId"], data, "live")

    def _hear(self, room_id: str, data: Any, source: str) -> None:
        """One change, applied."""
        room, number = self.load.room_names[room_id], data["changeSeq"]
        text = data.get("message") if "clientId" in data and not data.get("deleted") else None
        secret = self.load.secrets.get(text.rsplit(":", 1)[-1].rstrip("."), "") if text else ""
        self.load.history.note(
            self.name, "hear", room=room, change_seq=number, seq=data.get("seq", 0), source=source, secret=secret, epoch=self._epoch,
            body_hash=body_hash(text) if text is not None else "",
        )  # fmt: skip
        if source == "live":
            self.cursors[room_id] = max(number, self.cursors.get(room_id, 0))
            self.load.deliveries += 1
            self._heard += 1
            if text is not None and self._heard % _RECEIPT_EVERY == 0 and self.load.receipts:
                kind = self.load.chance.choice(("message-read", "message-delivered"))
                self.load.spawn(self._mark(kind, data["id"]))

    async def _mark(self, kind: str, message_id: str) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            if self.socket is not None:
                await self.socket.call(kind, {"messageId": message_id})

    async def connected(self) -> AnySocket:
        """The connection, once it is there and has caught up."""
        while True:
            await self.up.wait()
            if self.socket is not None and not self.socket.closed.is_set():
                return self.socket
            await asyncio.sleep(0.01)

    async def send(self, room: str, *, by_rest: bool = False) -> int | None:
        """One message, offered until it is acknowledged: its place, or None where it was refused for good."""
        self.sent += 1
        body = f"{self.name}:{self.sent}:{self.load.secret_of[room]}" + "." * self.load.padding
        client_id = f"{self.name}-{self.sent}"
        note = self.load.history.note
        note(self.name, "send", "invoke", room=room, client_id=client_id, body_hash=body_hash(body))
        first, began = True, time.monotonic()
        while True:
            try:
                answer = await (self._post if by_rest else self._emit)(room, body, client_id)
            except (OSError, TimeoutError):
                self.load.unanswered += 1
                await asyncio.sleep(0.02)
                first = False
                continue
            if answer["success"]:
                note(self.name, "send", room=room, client_id=client_id, seq=answer["seq"])
                self.load.acked += 1
                self.load.repeated += answer["duplicate"] and not first
                self.load.latest_ack[room] = answer["seq"]
                self.load.send_seconds.setdefault(room, []).append(time.monotonic() - began)
                self.load.progress.set()
                return int(answer["seq"])
            first = False
            if not answer["retryable"]:
                note(self.name, "send", "fail", room=room, client_id=client_id, about=answer["code"])
                self.load.refused.append(f"{client_id}: {answer['code']}")
                return None
            self.load.retried += 1
            await asyncio.sleep(min(answer.get("retryAfter", 0.1), 2.0))

    async def _emit(self, room: str, body: str, client_id: str) -> dict[str, Any]:
        socket = await self.connected()
        data = {"message": body, "room": self.load.room_ids[room], "clientId": client_id}
        return await socket.call("send-message", data, CALL_SECONDS)

    async def _post(self, room: str, body: str, client_id: str) -> dict[str, Any]:
        path = f"/api/rooms/{self.load.room_ids[room]}/messages"
        data = _encode({"message": body, "clientId": client_id})
        answer = await self.load.rest("POST", path, self.person, data)
        return {**answer, "seq": answer["message"]["seq"]} if answer["success"] else answer

    async def done(self) -> None:
        """Say how far the client has come."""
        await self.connected()
        for room_id, number in self.cursors.items():
            self.load.history.note(self.name, "done", room=self.load.room_names[room_id], change_seq=number)

    async def leave(self) -> None:
        """Disconnect, for good."""
        self.leaving = True
        if self.socket is not None:
            await self.socket.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


class RefusedError(Exception):
    """The server would not let a client catch up; it comes back later."""
