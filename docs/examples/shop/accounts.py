"""The chat's accounts of the shop's people: made when they are first needed, signed in for them, by REST."""

import asyncio
import hashlib
import hmac
import time
from typing import Any

import asyncpg
from aiohttp import ClientSession


class Accounts:
    """Signs the shop's people in to the chat. They never see a password of it: that is made from the shop's secret."""

    def __init__(self, chat: ClientSession, secret: str, database: asyncpg.Pool) -> None:
        self._chat = chat
        self._secret = secret.encode()
        self._database = database
        self._known: dict[str, dict[str, Any]] = {}  # what the chat answered, by name
        self._one_at_a_time = asyncio.Lock()

    async def sign_in(self, name: str) -> dict[str, Any]:
        """What the chat answered, `user` and `token` in it; the token is good for another minute at least."""
        async with self._one_at_a_time:
            known = self._known.get(name)
            if known is None or known["ends"] - 60 < time.monotonic():
                known = (await self._refresh(known) if known else None) or await self._enter(name)
                known["ends"] = time.monotonic() + known["expiresIn"]
                self._known[name] = known
            return known

    async def sign_out(self, name: str) -> None:
        """End the person's session in the chat: its sockets are closed within a second."""
        if known := self._known.pop(name, None):
            headers = {"Authorization": f"Bearer {known['token']}"}
            await self._chat.post("/api/auth/logout", headers=headers)

    async def _refresh(self, known: dict[str, Any]) -> dict[str, Any] | None:
        status, answer = await self._ask("refresh", refreshToken=known["refreshToken"])
        return answer if status == 200 else None

    async def _enter(self, name: str) -> dict[str, Any]:
        row = await self._database.fetchrow("SELECT email, chat_user FROM shop.people WHERE name = $1", name)
        password = hmac.new(self._secret, name.encode(), hashlib.sha256).hexdigest()
        status = 409
        if row["chat_user"] is None:
            status, answer = await self._ask(
                "register", username=name, email=row["email"], password=password, displayName=name.title()
            )
        if status == 409:  # it is there already: made before, even if the shop died before it wrote that down
            status, answer = await self._ask("login", username=name, password=password)
        if not answer["success"]:
            raise RuntimeError(f"the chat refuses {name}: {answer['code']}, {answer['message']}")
        user_id = answer["user"]["userId"]
        await self._database.execute("UPDATE shop.people SET chat_user = $2 WHERE name = $1", name, user_id)
        return answer

    async def _ask(self, what: str, **body: str) -> tuple[int, dict[str, Any]]:
        async with self._chat.post(f"/api/auth/{what}", json=body) as answer:
            return answer.status, await answer.json(content_type=None)
