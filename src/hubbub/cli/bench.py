"""`hubbub bench …`: what one needs to see how Hubbub does at a size that is not there yet."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hubbub.cli import console, migrations
from hubbub.cli.db import with_database
from hubbub.postgres import ConnectionSpec, PostgresUnavailable, Trouble
from hubbub.postgres.doctor import Connect

if TYPE_CHECKING:
    from hubbub.store.seeding import Seeded

app = typer.Typer(help="Made-up content, to measure with.", no_args_is_help=True)

_COLUMNS: Final = (
    TextColumn("messages"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)


@app.callback()
def group() -> None:
    """Made-up content, to measure with."""


def _whole(text: str) -> int:
    """A whole number, also as `1e6` or `1_000_000`."""
    try:
        number = float(text)
    except ValueError:
        number = 0.5
    if not number.is_integer():
        raise typer.BadParameter(f"{text} is no whole number")
    return int(number)


@app.command("seed", epilog=console.EXIT_CODES)
def seed(
    messages: Annotated[int, typer.Option(parser=_whole, metavar="N", help="Messages, such as 1e6.")] = 1_000_000,
    rooms: Annotated[int, typer.Option(parser=_whole, metavar="N", help="Rooms, of very unlike sizes.")] = 1_000,
    users: Annotated[int, typer.Option(parser=_whole, metavar="N", help="People; nobody can sign in as one.")] = 5_000,
    seed: Annotated[int, typer.Option(parser=_whole, metavar="N", help="The same one makes the same rows.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Also where people have written already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Fill the database with made-up people, rooms and messages, to see how it does at that size.

    All or nothing; a Hubbub that serves the same database goes on meanwhile.
    """
    from hubbub.store import seeding

    settings = console.read_settings(as_json)
    try:
        size = seeding.Size(messages, rooms, users, seed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None

    async def work(spec: ConnectionSpec, connect: Connect) -> Seeded:
        await migrations.upgrade(connect)
        connection = await connect()
        try:
            with console.bar(*_COLUMNS, hidden=as_json) as progress:
                task = progress.add_task("", total=size.messages)
                return await seeding.sow(
                    connection, size, lambda done: progress.update(task, completed=done), force=force
                )
        except seeding.SeedRefused as error:
            remedy = "Give the made-up content a database of its own, or another --seed; or use --force to mix the two."
            raise PostgresUnavailable(Trouble("seed", "Nothing was sown", str(error), (remedy,))) from error
        finally:
            await connection.close()

    began = time.monotonic()
    made = console.run(settings, with_database(settings, as_json, work), as_json=as_json)
    seconds = time.monotonic() - began
    if as_json:
        facts: dict[str, Any] = {"ok": True, "seed": size.seed, "seconds": round(seconds, 3), **asdict(made)}
        console.print_json(facts)
        return
    console.out.print(
        f"Sown in {seconds:,.0f} s: {made.messages:,} messages in {made.rooms:,} rooms by {made.users:,} people, "
        f"{made.members:,} memberships, {made.reads + made.deliveries:,} receipts.",
        highlight=False,
        soft_wrap=True,
    )
