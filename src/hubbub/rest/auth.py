"""`/api/auth`: register, log in, stay signed in, log out."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.params import JSONBody

from hubbub.chat import accounts, sign_in
from hubbub.domain.answers import Done, OneUser, SignedIn
from hubbub.domain.commands import Login, Refresh, Register
from hubbub.rest.authentication import OPEN, Asker, ChatPart

TAGS = ["auth"]


@post("/auth/register", tags=TAGS, summary="Make an account, and sign in", **OPEN)
async def register(request: Request[Any, Any, Any], chat: ChatPart, data: JSONBody[Register]) -> SignedIn:
    return await accounts.register(
        chat, data, address=_address_of(request), user_agent=request.headers.get("user-agent")
    )


@post("/auth/login", tags=TAGS, status_code=200, summary="Sign in by name or e-mail address", **OPEN)
async def login(request: Request[Any, Any, Any], chat: ChatPart, data: JSONBody[Login]) -> SignedIn:
    return await sign_in.sign_in(chat, data, address=_address_of(request), user_agent=request.headers.get("user-agent"))


@post("/auth/refresh", tags=TAGS, status_code=200, summary="The next pair of tokens", **OPEN)
async def refresh(chat: ChatPart, data: JSONBody[Refresh]) -> SignedIn:
    """A refresh token is good for one use. A second use ends the session."""
    return await sign_in.refresh(chat, data.refresh_token)


@get("/auth/verify", tags=TAGS, summary="Whose token this is")
async def verify(chat: ChatPart, actor: Asker) -> OneUser:
    return OneUser(user=await accounts.read_user(chat, actor, actor.user_id))


@post("/auth/logout", tags=TAGS, status_code=200, summary="End this session everywhere")
async def logout(chat: ChatPart, actor: Asker) -> Done:
    await sign_in.sign_out(chat, actor)
    return Done()


def _address_of(request: Request[Any, Any, Any]) -> str:
    """Who asks: the peer, or whom a proxy of HUBBUB_TRUSTED_PROXIES names."""
    return request.client.host if request.client else ""


HANDLERS = [register, login, refresh, verify, logout]
