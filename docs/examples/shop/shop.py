"""A shop whose customers and staff talk about each order."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
from accounts import Accounts
from aiohttp import ClientSession, web

CHAT = os.environ["CHAT"]  # where Hubbub is for pages
CHAT_INSIDE = os.environ.get("CHAT_INSIDE", CHAT)  # and for the shop itself, where that is another address
PAGES = Path(__file__).parent / "pages"
DATABASE = web.AppKey("database", asyncpg.Pool)
ACCOUNTS = web.AppKey("accounts", Accounts)
routes = web.RouteTableDef()


async def open_shop(app: web.Application) -> AsyncIterator[None]:
    async with (
        asyncpg.create_pool(os.environ["SHOP_DATABASE"], min_size=1, max_size=5) as app[DATABASE],
        ClientSession(CHAT_INSIDE) as chat,
    ):
        app[ACCOUNTS] = Accounts(chat, os.environ["SHOP_SECRET"], app[DATABASE])
        for row in await app[DATABASE].fetch("SELECT name FROM shop.people WHERE is_staff"):
            await app[ACCOUNTS].sign_in(row["name"])  # so that they can be put into rooms
        yield


def who(request: web.Request) -> str:
    """Who asks. Your own sign-in stands here; this shop believes a cookie."""
    if name := request.cookies.get("name"):
        return name
    raise web.HTTPUnauthorized


@routes.get("/as/{name}")
async def come_in(request: web.Request) -> web.Response:
    answer = web.HTTPFound("/")
    answer.set_cookie("name", request.match_info["name"], httponly=True, samesite="Lax")
    return answer


@routes.get("/leave")
async def leave(request: web.Request) -> web.Response:
    await request.app[ACCOUNTS].sign_out(who(request))
    answer = web.HTTPFound("/")
    answer.del_cookie("name")
    return answer


@routes.get("/chat-token")
async def chat_token(request: web.Request) -> web.Response:
    """What a page needs to talk: for the person who is signed in to the shop, and nobody else."""
    signed_in = await request.app[ACCOUNTS].sign_in(who(request))
    return web.json_response({"chat": CHAT, "user": signed_in["user"], "token": signed_in["token"]})


@routes.post("/orders")
async def order(request: web.Request) -> web.Response:
    """An order, its room, who is in it, and the first message: all of it or nothing."""
    name, what = who(request), (await request.json())["what"]
    async with request.app[DATABASE].acquire() as db, db.transaction():
        order_id = await db.fetchval(
            "INSERT INTO shop.orders (customer, what) VALUES ($1, $2) RETURNING order_id", name, what
        )
        room_id = await db.fetchval(
            "INSERT INTO rooms (room_name, is_private) VALUES ($1, true) RETURNING room_id", f"order-{order_id}"
        )
        await db.execute("UPDATE shop.orders SET room_id = $2 WHERE order_id = $1", order_id, room_id)
        await db.execute(
            "INSERT INTO room_members (room_id, user_id) "
            "SELECT $1, chat_user FROM shop.people WHERE is_staff OR name = $2 ORDER BY chat_user",
            room_id,
            name,
        )
        await say(db, room_id, f"{name.title()} ordered: {what}", f"ordered-{order_id}")
    return web.json_response({"order": order_id})


@routes.post("/orders/{order_id:[0-9]+}/ship")
async def ship(request: web.Request) -> web.Response:
    """The order's new state and the message that tells of it are one transaction."""
    order_id = int(request.match_info["order_id"])
    async with request.app[DATABASE].acquire() as db, db.transaction():
        room_id = await db.fetchval(
            "UPDATE shop.orders SET state = 'shipped' WHERE order_id = $1 "
            "AND EXISTS (SELECT FROM shop.people WHERE name = $2 AND is_staff) RETURNING room_id",
            order_id,
            who(request),
        )
        if room_id is None:
            raise web.HTTPNotFound
        await say(db, room_id, "It is on its way.", f"shipped-{order_id}")
    return web.json_response({"order": order_id})


async def say(db: asyncpg.Connection, room_id: Any, text: str, client_id: str) -> None:
    """A message of the shop's; with the same client id never a second one."""
    await db.execute("SELECT hubbub.post_message($1, 'shop', $2, $3)", str(room_id), text, client_id)


@routes.get("/")
async def page(request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGES / "index.html")


routes.static("/", PAGES)
app = web.Application()
app.cleanup_ctx.append(open_shop)
app.add_routes(routes)
if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
