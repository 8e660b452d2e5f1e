"""`hubbub sessions …`: the open connections, and what is left of those that are gone."""

from __future__ import annotations

from typing import Annotated, Any, Final

import asyncpg
import typer

from hubbub.cli import console, tables
from hubbub.cli.db import with_connection
from hubbub.cli.user import account
from hubbub.domain.ids import as_uuid
from hubbub.store import presence, upkeep

app = typer.Typer(help="Open connections.", no_args_is_help=True)

_COLUMNS: Final = {
    "username": "name",
    "room": "room",
    "connectedAt": "connected (UTC)",
    "lastActivity": "active (UTC)",
    "host": "machine",
    "isHeld": "its process lives",
    "sessionId": "id",
}


@app.callback()
def group() -> None:
    """Open connections."""


@app.command("list", epilog=console.EXIT_CODES)
def list_(
    user: Annotated[str | None, typer.Option(metavar="USER", help="Only theirs: name, e-mail address or id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Most lines.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="ID", help="Go on after this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Who is connected, since when, and which process holds the connection."""
    settings = console.read_settings(as_json)
    place = as_uuid(after or "00000000-0000-0000-0000-000000000000")
    if place is None:
        raise typer.BadParameter(f"{after} is no id of a connection")

    async def look(conn: asyncpg.Connection) -> list[dict[str, Any]]:
        user_id = (await account(conn, user))["user_id"] if user is not None else None
        return tables.rows(await presence.page(conn, place, limit, user_id))

    found = console.run(settings, with_connection(settings, as_json, look), as_json=as_json)
    empty = "Nobody is connected." if after is None else "No more are connected."
    tables.page("sessions", _COLUMNS, found, limit, key="sessionId", empty=empty, as_json=as_json)


@app.command("prune", epilog=console.EXIT_CODES)
def prune(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """Clear away connections whose process is gone, and sign-ins that ended more than a week ago.

    Not needed while a Hubbub serves: it does so by itself, within seconds and once an hour. Open connections stay, however
    quiet they are.
    """
    settings = console.read_settings(as_json)

    async def work(conn: asyncpg.Connection) -> dict[str, Any]:
        serves = await presence.anybody_serves(conn)
        connections = 0 if serves else await presence.sweep(conn)
        sign_ins = 0
        while forgotten := await upkeep.prune(conn):
            sign_ins += forgotten
        return {"isServed": serves, "connections": connections, "signIns": sign_ins}

    done = console.run(settings, with_connection(settings, as_json, work), as_json=as_json)
    if as_json:
        tables.print_json({"ok": True, **done})
    elif done["connections"] or done["signIns"]:
        tables.say(
            f"Cleared away: {done['connections']:,} connections of processes that are gone, "
            f"{done['signIns']:,} sign-ins that ended more than a week ago."
        )
    else:
        tables.say(
            "Nothing to prune."
            + (" A Hubbub serves this database, and clears away by itself." if done["isServed"] else "")
        )
