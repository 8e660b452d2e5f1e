"""C16: one client sends without waiting for acks, thousands in a row, and its connection is cut in between. After each
cut it sends all that was not acknowledged again, in order: so they stand, in every room, in the order of first sending."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.chatter import Chatter
from tests.fault.harness.client import AnySocket, connect
from tests.fault.harness.history import body_hash
from tests.fault.harness.load import Size
from tests.fault.harness.world import World, world

ROOMS = 5
WINDOW = 200  # sends that wait for their acks at most, as far as the client keeps count


class Pipeliner:
    """The client: `outbox` holds what is not acknowledged, oldest first."""

    def __init__(self, run: Run, here: World, chatter: Chatter, total: int) -> None:
        self.run, self.here, self.chatter, self.total = run, here, chatter, total
        self.outbox: OrderedDict[str, dict[str, str]] = OrderedDict()
        self.rooms: dict[str, str] = {}
        self.sent = self.acked = 0
        self._moved = asyncio.Event()
        self._waiting: set[asyncio.Task[None]] = set()

    def _write(self) -> dict[str, str]:
        """The next message."""
        self.sent += 1
        load, name = self.here.load, self.chatter.name
        room = self.run.chance.choice(list(load.room_ids))
        body, client_id = f"{name}:{self.sent}:{load.secret_of[room]}", f"{name}-{self.sent}"
        self.here.history.note(name, "send", "invoke", room=room, client_id=client_id, body_hash=body_hash(body))
        data = {"message": body, "room": load.room_ids[room], "clientId": client_id}
        self.outbox[client_id], self.rooms[client_id] = data, room
        return data

    def _offer(self, socket: AnySocket, data: dict[str, str]) -> None:
        task = asyncio.create_task(self._ask(socket, data))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _ask(self, socket: AnySocket, data: dict[str, str]) -> None:
        try:
            answer = await socket.call("send-message", data, timeout=60)
        except (OSError, TimeoutError):
            return
        client_id = data["clientId"]
        if not answer["success"]:
            self.run.violate("C16", f"a pipelined send was answered {answer['code']}")
        elif self.outbox.pop(client_id, None) is not None:
            self.acked += 1
            self.here.history.note(
                self.chatter.name, "send", room=self.rooms[client_id], client_id=client_id, seq=answer["seq"]
            )
        self._moved.set()

    async def go(self, cuts: int) -> None:
        """Send all, with so many cuts in between, each while something waits for its ack."""
        part = self.total // (cuts + 2)
        due = self.run.chance.randrange(part // 2, part)
        while self.acked < self.total:
            url = self.run.chance.choice(self.here.nodes.urls())
            try:
                socket = await connect(url, self.chatter.person.token, "websocket", lambda *_: None)
            except (OSError, TimeoutError):
                continue
            for data in list(self.outbox.values()):
                self._offer(socket, data)
            while self.acked < self.total and not socket.closed.is_set():
                while self.sent < self.total and len(self.outbox) < WINDOW:
                    self._offer(socket, self._write())
                self._moved.clear()
                async with asyncio.timeout(60):
                    await self._moved.wait()
                if self.run.wants_more and self.acked >= due and self.outbox:
                    due = self.acked + self.run.chance.randrange(part // 2, part)
                    socket.abort()
                    self.run.bit()
            socket.abort()


@campaign("C16", "thousands of sends without waiting, with cuts", short=4, nightly=20, unit="cuts")
async def c16(run: Run) -> None:
    size = Size(senders=2, rooms=ROOMS, rate=4, listeners=4, each=ROOMS)
    async with world(run, shared=True, nodes=2, size=size, env={"HUBBUB_SEND_RATE": "0"}, library=False) as here:
        await here.load.prepare()
        async with here.sql() as db:
            piper = await here.load.newcomer(db, "piper", "websocket", list(here.load.room_ids))
        here.load.listeners.append(piper)
        await here.start()
        await Pipeliner(run, here, piper, 10_000 if run.nightly else 1_500).go(run.count)
        await here.finish()
