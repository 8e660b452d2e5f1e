"""`hubbub room …`: the rooms and their figures, for an operator; and a room put away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import typer

from hubbub.cli import console, tables
from hubbub.cli.db import with_connection
from hubbub.cli.messages import Format, room_of, write, written
from hubbub.store import rooms, users

app = typer.Typer(help="Rooms.", no_args_is_help=True)

_Room = Annotated[str, typer.Argument(metavar="ROOM", help="Its name or id; a deleted one by its id.")]
_Json = Annotated[bool, typer.Option("--json", help="For machines.")]
_COLUMNS: Final = {
    "roomName": "room",
    "isPrivate": "private",
    "totalMessages": "messages",
    "totalMembers": "members",
    "activeUsers": "there now",
    "lastMessageAt": "last message (UTC)",
    "roomId": "id",
}


@app.callback()
def group() -> None:
    """Rooms."""


@app.command("list", epilog=console.EXIT_CODES)
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Most lines.")] = 50,
    after: Annotated[str, typer.Option(metavar="NAME", help="Go on after this name.")] = "",
    as_json: _Json = False,
) -> None:
    """All rooms by name, private ones too, with their figures."""
    settings = console.read_settings(as_json)

    async def look(conn: asyncpg.Connection) -> list[dict[str, Any]]:
        return tables.rows(await rooms.stats_after(conn, after, limit))

    found = console.run(settings, with_connection(settings, as_json, look), as_json=as_json)
    empty = "There are no rooms." if not after else "There are no more rooms."
    tables.page("rooms", _COLUMNS, found, limit, key="roomName", empty=empty, as_json=as_json)


@app.command("show", epilog=console.EXIT_CODES)
def show(room: _Room, as_json: _Json = False) -> None:
    """One room: what it is, who made it, and its figures."""
    settings = console.read_settings(as_json)

    async def look(conn: asyncpg.Connection) -> dict[str, Any]:
        row = await room_of(conn, room)
        maker = await users.by_id(conn, row["created_by"]) if row["created_by"] is not None else None
        return {
            "roomName": row["room_name"],
            "roomId": row["room_id"],
            "description": row["description"],
            "isPrivate": row["is_private"],
            "createdBy": maker["username"] if maker is not None else None,
            "createdAt": row["created_at"],
            "totalMessages": row["message_count"],
            "totalMembers": row["member_count"],
            "activeUsers": await rooms.active_users(conn, row["room_id"]),
            "lastMessageAt": row["last_message_at"],
            "seq": row["last_seq"],
            "deletedAt": row["deleted_at"],
        }

    found = console.run(settings, with_connection(settings, as_json, look), as_json=as_json)
    if as_json:
        tables.print_json({"ok": True, "room": found})
    else:
        tables.facts(found)


@app.command("archive", epilog=console.EXIT_CODES)
def archive(
    room: _Room,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="A new file for its messages.")],
    form: Annotated[Format, typer.Option("--format", help="JSON Lines, or CSV with a head.")] = Format.JSONL,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")] = False,
    as_json: _Json = False,
) -> None:
    """Put a room away: it is deleted for everybody, then all its messages are written to a file.

    First deleted, so that nothing can be written that is not in the file. Its rows stay in the database, so that it can be
    brought back, and whoever is interrupted can run this again, with the room's id.
    """
    settings = console.read_settings(as_json)

    async def find(conn: asyncpg.Connection) -> asyncpg.Record:
        return await room_of(conn, room)

    row = console.run(settings, with_connection(settings, as_json, find), as_json=as_json)
    if not yes:
        question = f"Delete {row['room_name']} ({row['message_count']:,} messages) for everybody, and write it to {to}?"
        typer.confirm(question, abort=True, err=True)

    async def work(conn: asyncpg.Connection) -> int:
        with written(to) as sink:
            if row["deleted_at"] is None:
                await rooms.delete(conn, row["room_id"])
            try:
                return await write(conn, row, sink, form, is_silent=as_json)
            except BaseException:
                again = f"hubbub room archive {row['room_id']} --to FILE"
                console.err.print(f"The room is deleted, but not written yet. To write it: {again}", markup=False)
                raise

    count = console.run(settings, with_connection(settings, as_json, work), as_json=as_json)
    if as_json:
        tables.print_json({"ok": True, "roomId": row["room_id"], "messages": count, "file": str(to)})
        return
    tables.say(f"{row['room_name']} ({row['room_id']}) is put away: {count:,} messages in {to}")
