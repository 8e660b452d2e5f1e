"""`hubbub messages export`: a room's messages as JSON Lines or CSV, in bounded memory."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import asyncpg
import typer
from rich.progress import MofNCompleteColumn, TextColumn, TimeElapsedColumn

from hubbub.cli import console, tables
from hubbub.cli.db import with_connection
from hubbub.domain.ids import as_uuid, stamp
from hubbub.errors import HubbubError
from hubbub.postgres import PostgresUnavailable, Trouble
from hubbub.store import messages, rooms

app = typer.Typer(help="Messages.", no_args_is_help=True)

# The names of a message on the wire.
FIELDS: Final = (
    "id", "seq", "changeSeq", "room", "roomId", "userId", "username", "displayName", "message", "timestamp", "editedAt",
    "deleted", "replyTo",
)  # fmt: skip


class Format(StrEnum):
    """How messages are written."""

    JSONL = "jsonl"
    CSV = "csv"


@app.callback()
def group() -> None:
    """Messages."""


def _moment(text: str) -> datetime:
    """A time as ISO 8601; UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no time such as 2026-11-22 or 2026-11-22T10:00:00Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


async def room_of(conn: asyncpg.Connection, ref: str) -> asyncpg.Record:
    """The room that a name or an id means, also (by its id) one that was deleted.

    Raises:
        HubbubError: `not_found`.
    """
    row = await rooms.find(conn, rooms.NOBODY, ref)
    if row is None and (room_id := as_uuid(ref)) is not None:
        row = await rooms.by_id_even_deleted(conn, room_id)
    if row is None:
        raise HubbubError("not_found", f"There is no room `{ref}`; `hubbub room list` lists them.")
    return row


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """A new file, readable by its owner only, which has its name once it is whole and on the disk.

    Raises:
        PostgresUnavailable: it cannot be written, or is there already.
    """
    part = path.with_name(path.name + ".part")
    try:
        if path.exists():
            raise FileExistsError("it is there already")
        # Never one that is there, from whomever: it may be read by others, or lead elsewhere.
        part.unlink(missing_ok=True)
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(made, "w", encoding="utf-8", newline="") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        part.rename(path)
    except ConnectionError:  # the database's affair
        part.unlink(missing_ok=True)
        raise
    except OSError as error:
        part.unlink(missing_ok=True)
        title = f"{path} cannot be written"
        raise PostgresUnavailable(Trouble("file", title, error.strerror or str(error))) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


async def write(
    conn: asyncpg.Connection,
    room: asyncpg.Record,
    sink: TextIO,
    form: Format,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    is_silent: bool = False,
) -> int:
    """Write the messages of a room as of now, a batch at a time: how many.

    Args:
        room: a row of `rooms`.
        is_silent: no progress on standard error.
    """
    table = csv.writer(sink) if form is Format.CSV else None
    if table is not None:
        table.writerow(FIELDS)
    columns = (TextColumn("messages"), MofNCompleteColumn(), TimeElapsedColumn())
    with console.bar(*columns, hidden=is_silent) as progress:
        task = progress.add_task("", total=room["message_count"] if since is until is None else None)
        count = 0
        async with aclosing(messages.export(conn, room["room_id"], since, until)) as batches:
            async for batch in batches:
                for row in batch:
                    record = _record(row, room)
                    if table is not None:
                        table.writerow(record)
                    else:
                        sink.write(json.dumps(dict(zip(FIELDS, record, strict=True)), ensure_ascii=False) + "\n")
                count += len(batch)
                progress.update(task, completed=count)
    return count


def _record(row: asyncpg.Record, room: asyncpg.Record) -> list[Any]:
    """A message, in the order of `FIELDS`."""
    return [
        str(row["message_id"]),
        row["seq"],
        row["change_seq"],
        room["room_name"],
        str(room["room_id"]),
        str(row["user_id"]) if row["user_id"] else None,
        row["username"],
        row["display_name"],
        row["message_text"],
        stamp(row["created_at"]),
        stamp(row["edited_at"]) if row["edited_at"] else None,
        row["is_deleted"],
        str(row["reply_to"]) if row["reply_to"] else None,
    ]


@app.command("export", epilog=console.EXIT_CODES)
def export(
    room: Annotated[str, typer.Option(metavar="ROOM", help="Its name or id; a deleted one by its id.")],
    since: Annotated[datetime | None, typer.Option(parser=_moment, metavar="TIME", help="From here on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(parser=_moment, metavar="TIME", help="Before this, UTC.")] = None,
    form: Annotated[Format, typer.Option("--format", help="JSON Lines, or CSV with a head.")] = Format.JSONL,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A new file; standard output without it.")
    ] = None,
) -> None:
    """Write a room's messages in order, as of one moment, tombstones included.

    The memory it takes does not grow with the room. It reads the room's messages from the first on.
    """
    settings = console.read_settings()

    async def work(conn: asyncpg.Connection) -> int | None:
        row = await room_of(conn, room)
        if output is not None:
            with written(output) as sink:
                return await write(conn, row, sink, form, since=since, until=until)
        try:
            count = await write(conn, row, sys.stdout, form, since=since, until=until, is_silent=sys.stdout.isatty())
            sys.stdout.flush()
        except BrokenPipeError:
            return None  # whoever reads has enough: `… | head`
        return count

    count = console.run(settings, with_connection(settings, False, work))
    if count is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still writes at its end
        raise typer.Exit(console.EXIT_TROUBLE)
    if output is not None:
        tables.say(f"{count:,} messages in {output}")
