"""`hubbub promote`: from the embedded database to one that somebody else looks after."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import asyncpg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn

from hubbub.cli import console, migrations
from hubbub.cli.db import nothing_here
from hubbub.config import ConfigError, Settings
from hubbub.postgres import ConnectionSpec, PostgresUnavailable, Trouble, diagnose, hosts
from hubbub.postgres.embedded import EmbeddedPostgres
from hubbub.postgres.external import ExternalPostgres
from hubbub.postgres.troubles import settings_trouble

if TYPE_CHECKING:
    from hubbub.store.moving import Moved

_FAILED: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_COLUMNS: Final = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


def promote(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            help="Address of an empty database, without a password; - reads it from standard input, with one.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Move the chat from the embedded database to an external one, and prove that it came over whole.

    Hubbub must not run meanwhile. What was cut off goes on where it stopped when the command is given again. The embedded
    database stays as it is, and is not served any more by mistake.
    """
    settings = console.read_settings(as_json)
    if settings.database_url is not None:
        console.fail(_NOT_EMBEDDED, as_json)
    address = typer.get_text_stream("stdin").readline() if to == "-" else to
    try:
        target = ExternalPostgres.from_settings(replace(settings, database_url=address.strip()))
    except ConfigError as error:
        console.fail(settings_trouble(ConfigError(str(error).replace("DATABASE_URL", "--to"))), as_json)
    if to != "-" and target.spec.password is not None:
        console.fail(_SHOWN, as_json)
    source = EmbeddedPostgres(settings.data_dir, chosen_bin=settings.postgres_bin, pool_size=settings.db_pool_size)
    began = time.monotonic()
    moved = console.run(settings, _promote(source, target, settings, as_json), as_json=as_json)
    seconds = time.monotonic() - began
    messages, rows = moved.rows["public.messages"], sum(moved.rows.values())
    if as_json:
        facts: dict[str, Any] = {
            "ok": True, "target": dict(target.spec.facts()), "rows": moved.rows, "resumed": moved.resumed,
            "left": list(moved.left), "seconds": round(seconds, 3),
        }  # fmt: skip
        console.print_json(facts)
        return
    how = "Went on, and moved" if moved.resumed else "Moved"
    console.out.print(
        f"{how} {messages:,} messages, {rows:,} rows in all, in {seconds:,.1f} s; counts and checksums of both sides are equal.",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    for name in moved.left:
        console.out.print(f"  left where it is: {name}, which is not the chat's", highlight=False, markup=False)
    console.out.print(f"Now serve it from {target.spec.describe()}:", highlight=False, soft_wrap=True, markup=False)
    console.out.print(
        "  DATABASE_URL=… hubbub serve    # the address that was given; .env keeps it", highlight=False, soft_wrap=True
    )
    console.out.print(
        f"What was stays in {settings.data_dir}; {source.moved_away.name} there says where it went.",
        highlight=False,
        soft_wrap=True,
    )


async def _promote(source: EmbeddedPostgres, target: ExternalPostgres, settings: Settings, as_json: bool) -> Moved:
    progress = console.silent if as_json else console.progress
    if not source.exists():
        raise PostgresUnavailable(nothing_here(settings))
    try:
        there = await target.start(progress)
    except PostgresUnavailable as unavailable:
        raise PostgresUnavailable(_of_target(unavailable.trouble)) from unavailable
    try:
        here = await source.start(progress)
    except PostgresUnavailable as unavailable:
        if unavailable.trouble.kind == "in_use":
            raise PostgresUnavailable(replace(unavailable.trouble, title="Hubbub runs", remedy=_STOP_FIRST)) from None
        raise
    try:
        moved = await _move(here, there, as_json)
        source.move_away(f"The chat moved to {there.describe()}.")
        return moved
    finally:
        await source.stop()


async def _move(here: ConnectionSpec, there: ConnectionSpec, as_json: bool) -> Moved:
    from hubbub.store import moving

    async def connect_here() -> asyncpg.Connection:
        return await hosts.connect(**here.asyncpg_kwargs())

    async def connect_there() -> asyncpg.Connection:
        return await hosts.connect(**there.asyncpg_kwargs())

    await migrations.upgrade(connect_here)
    with console.bar(*_COLUMNS, hidden=as_json) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        try:
            source, target = await connect_here(), await connect_there()
            try:
                with migrations.explained():
                    return await moving.move(source, target, connect_there, tell)
            finally:
                await source.close()
                await target.close()
        except moving.MoveRefused as error:
            raise PostgresUnavailable(Trouble("target", "The chat was not moved", str(error), error.remedy)) from error
        except _FAILED as error:
            trouble = diagnose(error, there)
            remedy = (*_of_target(trouble).remedy, "Then give the command again: it goes on where it stopped.")
            raise PostgresUnavailable(replace(trouble, remedy=remedy)) from error


def _of_target(trouble: Trouble) -> Trouble:
    """What stands in the way at the target, whose address is no setting."""
    remedy = (step.replace("DATABASE_URL", "--to") for step in trouble.remedy if "remove DATABASE_URL" not in step)
    return replace(trouble, remedy=tuple(remedy))


_STOP_FIRST: Final = ("Stop Hubbub, then give the command again: nobody may write while the chat moves.",)
_SHOWN: Final = Trouble(
    "password_shown",
    "The password in --to stands in `ps`, for everybody on this machine",
    "Nothing was done. Other programs cannot see what comes on standard input.",
    (
        'echo "$TARGET" | hubbub promote --to -    # TARGET is the address',
        "Or leave the password out, and give it by PGPASSWORD or ~/.pgpass.",
    ),
)
_NOT_EMBEDDED: Final = Trouble(
    "not_embedded",
    "DATABASE_URL is set",
    "promote moves the embedded database, which is not in use.",
    (
        "Take DATABASE_URL out of the environment and .env for this command.",
        "From one external database to another: pg_dump and psql; hubbub db new-epoch is not needed.",
    ),
)
