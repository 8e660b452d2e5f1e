"""The one runner: each entry is sent to a server on which two people chat, and its answer is judged.

After each entry the server must be the same process, and its log hold no defect. That those who chat hear everything,
that memory, files and connections come back, is the harness's to see at the end (`world.finish`).
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from tests.fault.corpus.entry import CLOSE_SECONDS, Connect, Entry, Event, Frames, How, Post, Request, Script, Wire
from tests.fault.harness.nodes import Node
from tests.support import people
from tests.support.raw_client import Answer, RawWebSocket, read_answer, request

ORIGIN: Final = "https://chat.example"
ENV: Final = {
    "CORS_ORIGIN": ORIGIN, "HUBBUB_SEND_RATE": "40", "MALLOC_MMAP_THRESHOLD_": "131072",
    "HUBBUB_PING_INTERVAL_MS": "8000", "HUBBUB_PING_TIMEOUT_MS": "8000",
}  # fmt: skip
"""What the server under attack is set to: pages of one origin may connect; 800 sends at once of one account; what the
hashing of a password took goes back at once, so that memory that stays has grown; sessions that are left end in 16 s."""
LANES: Final = 3
PASSWORD: Final = "correct horse"
SAID: Final = "well said"
_NAME: Final = re.compile(r"<([a-z_]+)>")
_DEFECT: Final = re.compile(r'Traceback|"level": ?"(error|critical)"|"status": ?500|[\x00-\x08\x0b-\x1f\x7f]')
_JSON: Final = {"Content-Type": "application/json"}


@dataclass
class Arena:
    """Where the entries are sent, and as whom.

    Attributes:
        names: what stands for the names in angle brackets.
        closed_after: seconds from the last byte of a packet that breaks the protocol to the close, of each.
        secrets: what no line of the log may hold: passwords, tokens, texts.
        last_line: of the log, as far as it has been read.
    """

    node: Node
    db: asyncpg.Pool
    names: dict[str, str] = field(default_factory=dict)
    closed_after: list[float] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    last_line: str = ""

    @classmethod
    async def prepare(cls, node: Node, db: asyncpg.Pool) -> Arena:
        """The people and rooms that the entries name."""
        arena = cls(node, db)
        ann, mallory, oscar = [await people.sign_up(db, name) for name in ("ann", "mallory", "oscar")]
        eve = await arena.register("eve")
        eve_id = UUID(eve["user"]["userId"])
        again = await people.sign_in_again(db, people.Person(eve_id, eve_id, "eve", ""), expires_in=7_200)
        arena_id = await people.room(db, "arena", ann, again, oscar, by=ann)
        vault_id = await people.room(db, "vault", ann, private=True, by=ann)
        await people.room(db, "gate", ann, mallory, private=True, by=ann)
        said, secret = [
            await db.fetchval(
                "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, $3) RETURNING message_id",
                ann.user_id, room_id, SAID,
            )
            for room_id in (arena_id, vault_id)
        ]  # fmt: skip
        arena.names = {
            "eve": again.token, "ann": ann.token, "mallory": mallory.token, "oscar": oscar.token,
            "refresh": eve["refreshToken"], "eve_id": str(eve_id), "ann_id": ann.id, "mallory_id": mallory.id,
            "oscar_id": oscar.id, "arena": "arena", "arena_id": str(arena_id), "vault": "vault", "vault_id": str(vault_id),
            "said": str(said), "secret": str(secret), "epoch": "",
        }  # fmt: skip
        arena.secrets = [
            PASSWORD,
            SAID,
            "a guess",
            *(arena.names[who] for who in ("eve", "ann", "mallory", "oscar", "refresh")),
        ]
        ws = await arena.open()
        ws.send("40" + arena.auth.decode())
        ready = await arena._until(ws, '42["ready",')
        arena.names["epoch"] = ready[0]["epoch"]
        await ws.close()
        return arena

    # Where

    @property
    def url(self) -> str:
        return self.node.url

    @property
    def host(self) -> str:
        return str(urlsplit(self.url).hostname)

    @property
    def port(self) -> int:
        return self.node.port

    @property
    def polling(self) -> str:
        return f"{self.url}/socket.io/?EIO=4&transport=polling"

    @property
    def websocket(self) -> str:
        return f"{self.url}/socket.io/?EIO=4&transport=websocket"

    @property
    def auth(self) -> bytes:
        """What eve connects with."""
        return json.dumps({"token": self.names["eve"]}).encode()

    @property
    def ids(self) -> dict[str, UUID]:
        return {name: UUID(value) for name, value in self.names.items() if name.endswith("_id")}

    def fill(self, value: Any) -> Any:
        """The value with names in angle brackets replaced, wherever they stand."""
        if isinstance(value, str):
            return _NAME.sub(lambda found: self.names.get(found[1], found[0]), value) if "<" in value else value
        if isinstance(value, bytes):
            return self.fill(value.decode("latin-1")).encode("latin-1") if b"<" in value[:200] else value
        if isinstance(value, dict):
            return {self.fill(name): self.fill(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(item) for item in value]
        return value

    # What scripts are made of

    async def settle(self) -> None:
        """Let the server take what was sent; for loops that look again."""
        await asyncio.sleep(0.05)

    async def rest(self, method: str, path: str, body: str | None = None, *, who: str | None = "eve") -> Answer:
        """One REST request, as somebody."""
        headers = dict(_JSON) if body is not None else {}
        if who is not None:
            headers["Authorization"] = f"Bearer {self.names[who]}"
        return await request(self.url + self.fill(path), method, None if body is None else body.encode(), headers)

    async def register(self, name: str) -> dict[str, Any]:
        """A new account, made as anybody would."""
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        answer = await request(f"{self.url}/api/auth/register", "POST", json.dumps(body).encode(), _JSON)
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def sid(self) -> str:
        """A new polling session."""
        return str(json.loads((await request(self.polling)).text[1:])["sid"])

    async def post(self, sid: str, body: bytes) -> Answer:
        return await request(f"{self.polling}&sid={sid}", "POST", body)

    async def open(self) -> RawWebSocket:
        """A WebSocket whose session is open, and nothing more."""
        ws = await RawWebSocket.connect(self.websocket)
        assert str(await ws.receive()).startswith("0{")
        return ws

    async def connect(self, who: str) -> RawWebSocket:
        """The same, in the namespace `/`, and told so."""
        ws = await self.open()
        ws.send("40" + json.dumps({"token": self.names[who]}))
        await self._until(ws, '42["ready",')
        return ws

    async def join(self) -> RawWebSocket:
        """Eve's, in the room `arena`."""
        ws = await self.connect("eve")
        ws.send('421["join","arena"]')
        assert (await self.ack_on(ws, 1))["success"]
        return ws

    async def _until(self, ws: RawWebSocket, head: str) -> list[Any]:
        """Read on to the packet that begins so; its arguments."""
        while True:
            message = await ws.receive(timeout=20)
            if isinstance(message, str) and message.startswith(head):
                found: list[Any] = json.loads(message[message.index("[") :])
                return found[1:] if head.startswith("42") else found

    async def ack_on(self, ws: RawWebSocket, number: int) -> dict[str, Any]:
        """The ack of that number."""
        found: dict[str, Any] = (await self._until(ws, f"43{number}["))[0]
        return found

    async def ack(self, name: str, data: Any, *, who: str = "eve") -> dict[str, Any]:
        """One event's ack, over a connection of its own."""
        ws = await self.connect(who)
        ws.send("421" + json.dumps([name, data], ensure_ascii=False))
        answer = await self.ack_on(ws, 1)
        await ws.close()
        return answer

    async def is_alive(self, ws: RawWebSocket) -> None:
        """The socket still answers."""
        ws.send('4277["typing",{"room":"arena","isTyping":false}]')
        assert (await self.ack_on(ws, 77))["success"]

    async def closed_as(self, reason: str) -> int:
        """How many connections the server closed for that reason."""
        text = (await request(f"{self.url}/metrics")).text
        found = re.search(rf'hubbub_connections_closed_total{{reason="{reason}"}} (\S+)', text)
        return int(float(found[1])) if found else 0

    # Entries

    async def apply(self, how: How) -> None:
        """Send it, and judge the answer; raises AssertionError where that is another."""
        match how:
            case Request():
                await self._request(how)
            case Post():
                sid = await self.sid()
                await self.post(sid, b"40" + self.auth)
                assert (await self.post(sid, self.fill(how.body))).status == how.status
                assert (await request(f"{self.polling}&sid={sid}")).status == 400, "the session goes on"
            case Frames():
                await self._frames(how)
            case Event():
                await self._event(how)
            case Connect():
                ws = await self.open()
                ws.send("40" + json.dumps(self.fill(how.auth)))
                refused = str(await ws.receive())
                assert refused.startswith("44"), refused
                assert json.loads(refused[2:])["data"]["code"] == how.code, refused
                await ws.close()
            case Script():
                await how.run(self)

    async def _request(self, how: Request) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        names = self.names
        if "<sid>" in how.path or (how.raw is not None and b"<sid>" in how.raw):
            self.names = names | {"sid": await self.sid()}
        if how.raw is not None:
            data = self.fill(how.raw)
        else:
            body = self.fill(how.body)
            content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            headers = {"Host": f"{self.host}:{self.port}", "Connection": "close", **self.fill(dict(how.headers))}
            if body is not None:
                headers["Content-Length"] = str(len(content))
            if how.who is not None:
                headers["Authorization"] = f"Bearer {names[how.who]}"
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            data = f"{how.method} {self.fill(how.path)} HTTP/1.1\r\n{lines}\r\n".encode() + content
        self.names = names
        writer.write(data)
        answer = await read_answer(reader, writer)
        wanted = how.status if isinstance(how.status, tuple) else (how.status,)
        assert answer.status in wanted, f"{answer.status} {answer.text[:200]}"
        if how.code is not None:
            assert answer.json()["code"] == how.code, answer.text
        if how.closes:
            async with asyncio.timeout(CLOSE_SECONDS):
                with suppress(ConnectionError):
                    while await reader.read(65_536):
                        pass
        assert "Traceback" not in answer.text

    async def _frames(self, how: Frames) -> None:
        async with await (self.open() if how.after == "open" else self.connect("eve")) as ws:
            for frame in how.frames:
                ws.raw(frame.data) if isinstance(frame, Wire) else ws.send(self.fill(frame))
            if how.codes is None:
                await self.is_alive(ws)
                return
            with suppress(ConnectionError):
                await ws.drain()
            sent = time.monotonic()
            code, _ = await ws.closed(timeout=CLOSE_SECONDS)
            self.closed_after.append(time.monotonic() - sent)
            # A client that goes on sending is reset, and does not get to read the code.
            assert code in (*how.codes, None), f"closed with {code}"

    async def _event(self, how: Event) -> None:
        data = self.fill(how.data)
        answer = await self.ack(how.name, data)
        if how.code is None:
            assert answer["success"], answer
            if how.name == "send-message":
                stored = await self.db.fetchval(
                    "SELECT message_text FROM messages WHERE message_id = $1", UUID(answer["id"])
                )
                assert stored == data["message"]
            return
        assert answer.get("code") == how.code, answer
        if how.field is not None:
            assert list(answer["fields"]) == [how.field], answer


Failed = Callable[[Entry, str], None]
"""Called for each answer that is wrong, with what it was."""


async def apply_all(arena: Arena, entries: Sequence[Entry], failed: Failed) -> None:
    """Apply them: what is slow by its nature beside all else, scripts one after another, the rest in a few lanes."""
    rest = [entry for entry in entries if not isinstance(entry.how, Script)]
    scripts = [entry for entry in entries if isinstance(entry.how, Script) and not entry.slow]

    async def lane(some: Sequence[Entry]) -> None:
        for entry in some:
            await _one(arena, entry, failed)

    await asyncio.gather(
        lane(scripts),
        *(lane(rest[number::LANES]) for number in range(LANES)),
        *(_one(arena, entry, failed) for entry in entries if entry.slow),
    )


async def _one(arena: Arena, entry: Entry, failed: Failed) -> None:
    node = arena.node
    try:
        async with asyncio.timeout(90):
            await arena.apply(entry.how)
    except Exception as error:
        failed(entry, f"{type(error).__name__}: {str(error)[:300]}")
    if not node.is_up:
        failed(entry, "the process has ended")
        raise RuntimeError(f"{entry.name} ended the server: {node.troubles()}")
    assert node.process is not None
    lines, last = node.process.lines, arena.last_line
    for line in reversed(lines):
        if line is last:
            break
        if _DEFECT.search(line) or any(secret in line for secret in arena.secrets):
            failed(entry, f"the log says {line[:400]!r}")
    arena.last_line = lines[-1]
