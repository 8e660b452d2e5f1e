"""`hubbub backup`, `hubbub backups`, `hubbub restore`: keeping what is stored, and putting it back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import asyncpg
import typer
from rich.filesize import decimal
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from hubbub import __version__
from hubbub.cli import console, migrations
from hubbub.cli.db import with_database
from hubbub.config import Settings
from hubbub.postgres import (
    ConnectionSpec,
    PostgresUnavailable,
    Trouble,
    backup,
    binaries,
    hosts,
    listen_spec,
    restore,
    server_for,
)
from hubbub.postgres.doctor import Connect
from hubbub.together import together

if TYPE_CHECKING:
    from hubbub.store.digest import Digest, Table

EXIT_NOT_WHOLE: Final = 4
LIST_CODES: Final = "Exit codes: 0 all are whole · 4 one is not · 1 trouble, told on standard error · 2 wrong usage"
_Json = Annotated[bool, typer.Option("--json", help="For machines.")]
_Folder = Annotated[
    Path | None, typer.Argument(help="Where backups are; HUBBUB_BACKUP_FOLDER when left out.", show_default=False)
]


def folder_of(settings: Settings, named: Path | None) -> Path:
    """The folder with the backups."""
    return (named or settings.backup_folder or settings.data_dir / "backups").expanduser().absolute()


@contextmanager
def working(words: str, as_json: bool) -> Iterator[Callable[[str], None]]:
    """A bar that moves for as long as something takes; what is called in the block changes its words."""
    columns = (BarColumn(bar_width=20), TextColumn("{task.description}"), TimeElapsedColumn())
    with console.bar(*columns, hidden=as_json) as progress:
        task = progress.add_task(words, total=None)
        yield lambda more: progress.update(task, description=more)


def take(
    folder: _Folder = None,
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Afterwards remove all but the newest N.", show_default=False)
    ] = None,
    as_json: _Json = False,
) -> None:
    """Back up the database in use, beside whoever serves it, into a new folder `hubbub-<time>`.

    It holds all that was committed when it began, with a manifest by which `hubbub verify --backup` and `hubbub restore`
    tell whether it is whole. The key that signs tokens is not in it: nobody who has a backup can sign in as anybody.
    """
    settings = console.read_settings(as_json)
    where = folder_of(settings, folder)

    async def work(spec: ConnectionSpec, connect: Connect) -> tuple[Path, backup.Manifest, list[Path]]:
        made = await _take(settings, listen_spec(settings, spec), connect, where, as_json)
        return made, backup.read_manifest(made), backup.tidy(where, keep)

    made, manifest, gone = console.run(settings, with_database(settings, as_json, work, made=True), as_json=as_json)
    if as_json:
        facts = {"ok": True, "folder": str(made), "removed": [str(path) for path in gone], **asdict(manifest)}
        console.print_json(facts)
        return
    rows = sum(table["rows"] for table in manifest.tables.values())
    console.out.print(f"{made}: {rows:,} rows, {decimal(manifest.bytes)}", highlight=False, soft_wrap=True)
    for path in gone:
        console.out.print(f"removed {path}", highlight=False, soft_wrap=True)
    if where.is_relative_to(settings.data_dir.absolute()):
        console.err.print(
            "It lies beside the data: copy it to another machine, or name a folder that is elsewhere.", soft_wrap=True
        )


async def _take(settings: Settings, spec: ConnectionSpec, connect: Connect, folder: Path, as_json: bool) -> Path:
    from hubbub.store import digest, epoch, upkeep

    state = await migrations.status(connect)
    if state.current is None:
        remedy = ("hubbub config    # DATABASE_URL: is the chat in another database?",)
        raise PostgresUnavailable(
            Trouble("schema", "There is nothing to back up", "No Hubbub's tables are here.", remedy)
        )
    connection = await connect()
    try:
        major = int(connection.get_server_version().major)
        program = binaries.dump_program("pg_dump", server_for(settings).bin_dir(), major)
        seen = await epoch.read(connection, settings.db_timeout)
        version = str(await connection.fetchval("SHOW server_version"))
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            with working("dumping", as_json) as say:
                await upkeep.hold_backup(connection)
                started = backup.now()
                name = await digest.snapshot(connection)
                async with backup.new_backup(folder, started) as made:
                    # Both read all there is, in the same snapshot: at once, so that it lasts half as long.
                    tables, _ = await together(
                        digest.of(connection, await contents(connection)),
                        backup.dump(
                            program, spec, name, made, lambda done: say(f"dumping: {decimal(done)}"),
                            without_rows=digest.OF_THE_MOMENT,
                        ),
                    )  # fmt: skip
                    say("reading it again")
                    file = backup.describe_file(made / backup.DUMP)
                    backup.write_manifest(
                        made,
                        backup.Manifest(
                            hubbub=__version__,
                            schema=state.current,
                            postgres=version,
                            postgres_major=max(major, binaries.program_version(program)),
                            epoch=seen.told,
                            started=started.isoformat(),
                            ended=backup.now().isoformat(),
                            tables={table: found._asdict() for table, found in sorted(tables.items())},
                            files={backup.DUMP: file},
                        ),
                    )
        with contextlib.suppress(asyncpg.PostgresError):  # a role that only reads
            await upkeep.backup_made(connection, started)
        return folder / backup.name_of(started)
    finally:
        await connection.close()


def listing(folder: _Folder = None, as_json: _Json = False) -> None:
    """List the backups in a folder, the oldest first: when, how large, and whether all of it is there."""
    settings = console.read_settings(as_json)
    where = folder_of(settings, folder)
    found = [(path, *_state(path)) for path in backup.backups(where)]
    if as_json:
        told = [
            {"folder": str(path), "wrong": wrong, "manifest": None if manifest is None else asdict(manifest)}
            for path, manifest, wrong in found
        ]
        console.print_json({"ok": True, "folder": str(where), "backups": told})
    elif not found:
        console.out.print(f"No backups in {where}. To make one: hubbub backup", highlight=False, soft_wrap=True)
    else:
        for path, manifest, wrong in found:
            size = decimal(manifest.bytes) if manifest is not None else "?"
            messages = f"{manifest.tables['public.messages']['rows']:,} messages" if manifest is not None else "?"
            console.out.print(
                f"{path}  {_age(manifest)}  {size}  {messages}  {wrong or 'whole'}",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )
    if any(wrong for _, _, wrong in found):
        raise typer.Exit(EXIT_NOT_WHOLE)


def _state(path: Path) -> tuple[backup.Manifest | None, str | None]:
    """What a backup says of itself, and what is wrong with it, by the sizes of its files."""
    try:
        manifest = backup.read_manifest(path)
    except PostgresUnavailable as unavailable:
        return None, unavailable.trouble.detail
    return manifest, backup.damage(path, manifest, deeply=False)


def _age(manifest: backup.Manifest | None) -> str:
    if manifest is None:
        return "of unknown age"
    minutes = (backup.now() - manifest.taken).total_seconds() / 60
    if minutes < 120:
        return f"{minutes:.0f} minutes old"
    return f"{minutes / 60:.0f} hours old" if minutes < 2_880 else f"{minutes / 1_440:.0f} days old"


def put_back(
    folder: Annotated[Path, typer.Argument(help="One backup: a folder hubbub-<time>.")],
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Also where the database in use holds a chat; that one is kept by another name."
        ),
    ] = False,
    as_json: _Json = False,
) -> None:
    """Restore a backup into the database in use, which has to be empty or new.

    It is read into a database beside it and compared with the manifest first; then the two change names. So whatever
    fails, what was there stays. Afterwards a new epoch begins: clients start afresh.
    """
    settings = console.read_settings(as_json)
    began = time.monotonic()

    async def work(spec: ConnectionSpec, connect: Connect) -> tuple[backup.Manifest, str | None]:
        return await _restore(settings, listen_spec(settings, spec), folder.expanduser().absolute(), replace, as_json)

    manifest, before = console.run(settings, with_database(settings, as_json, work), as_json=as_json)
    seconds = time.monotonic() - began
    if as_json:
        console.print_json({"ok": True, "seconds": round(seconds, 3), "before": before, **asdict(manifest)})
        return
    rows = ", ".join(f"{table['rows']:,} {name.partition('.')[2]}" for name, table in manifest.tables.items())
    console.out.print(
        f"Restored in {seconds:,.1f} s what was there at {manifest.started}: {rows}.", highlight=False, soft_wrap=True
    )
    if before is not None:
        console.out.print(
            f'What was in use before is in the database "{before}". When it is not wanted any more:\n'
            f"  hubbub db psql -- -d postgres -c 'DROP DATABASE \"{before}\"'",
            highlight=False, soft_wrap=True,
        )  # fmt: skip


async def _restore(
    settings: Settings, spec: ConnectionSpec, folder: Path, is_replacing: bool, as_json: bool
) -> tuple[backup.Manifest, str | None]:
    from hubbub.store import moving

    with working("reading the backup", as_json) as say:
        manifest = backup.whole(folder)
        place = await restore.look(spec, moving.is_unused)
        program = readable(settings, manifest, place.major)
        if place.serving:
            stop = ("Stop every Hubbub of this database (Ctrl-C, or its service), then restore again.",)
            detail = f"{place.serving} processes serve it. One that was killed is forgotten after a few seconds."
            raise PostgresUnavailable(Trouble("in_use", "A Hubbub serves this database", detail, stop))
        if not place.is_new and not is_replacing:
            remedy: tuple[str, ...] = (
                f"hubbub restore --replace {folder}    # keeps what is there now by another name",
            )
            raise PostgresUnavailable(Trouble("not_empty", "A chat is in this database", spec.describe(), remedy))
        if place.may_create:
            async with restore.scratch(spec) as made:
                await fill(program, made, folder, manifest, say)
                say("changing names")
                before = await restore.swap(spec, made, keep=not place.is_new)
            return manifest, before
        if not place.is_empty:
            remedy = (
                f'ALTER ROLE "{spec.user}" CREATEDB;    -- as an administrator; then restore again',
                "Or have an empty database made, and name it in DATABASE_URL.",
            )
            detail = f'"{spec.user}" may create no database to restore into, and this one is not empty.'
            raise PostgresUnavailable(Trouble("permission", "There is no room to restore into", detail, remedy))
        await fill(program, spec, folder, manifest, say, at_once=True)
        return manifest, None


def readable(settings: Settings, manifest: backup.Manifest, major: int) -> Path:
    """The pg_restore for a backup and a server of version `major`.

    Raises:
        PostgresUnavailable: this Hubbub, this server or the programs that are here are too old for it.
    """
    from hubbub.store import migrate

    if not migrate.knows(manifest.schema):
        detail = f"Its schema is at {manifest.schema}; it was made by Hubbub {manifest.hubbub}."
        raise PostgresUnavailable(
            Trouble("schema", "The backup is a newer Hubbub's", detail, ("Use that version, or a later one.",))
        )
    if int(manifest.postgres.split(".")[0]) > major:
        detail = f"It is of PostgreSQL {manifest.postgres}, the server is a {major}."
        raise PostgresUnavailable(
            Trouble("version", "The backup is a newer PostgreSQL's", detail, ("Restore it to one as new, or newer.",))
        )
    return binaries.dump_program("pg_restore", server_for(settings).bin_dir(), max(major, manifest.postgres_major))


async def fill(
    program: Path,
    spec: ConnectionSpec,
    folder: Path,
    manifest: backup.Manifest,
    say: Callable[[str], None],
    *,
    at_once: bool = False,
) -> None:
    """Read a backup into an empty database, hold it against the manifest, and make it ready for use.

    Raises:
        PostgresUnavailable: it cannot be read, or is not what the manifest says.
    """
    from hubbub.store import digest, epoch, moving

    async def connect() -> asyncpg.Connection:
        return await hosts.connect(**spec.asyncpg_kwargs())

    say("restoring")
    await backup.load(program, spec, folder, lambda: None, at_once=at_once)
    say("comparing")
    connection = await connect()
    try:
        async with connection.transaction(readonly=True):
            different = _difference(manifest, await digest.of(connection, await contents(connection)))
        if different:
            raise PostgresUnavailable(
                Trouble("backup", "What was restored is not what was backed up", different, ("hubbub backups",))
            )
        await migrations.upgrade(connect)
        await epoch.renew(connection)
        await moving.analyze(connection)
    finally:
        await connection.close()


async def contents(connection: asyncpg.Connection) -> list[Table]:
    """The tables of which a backup keeps the digests: all but those that another server writes anew."""
    from hubbub.store import digest

    # What the database knows of itself is in the dump, and changes with the restore.
    left_out = digest.OF_THE_MOMENT | {"hubbub.meta", "hubbub.alembic_version"}
    return [table for table in await digest.tables(connection) if table.full_name not in left_out]


def _difference(manifest: backup.Manifest, found: dict[str, Digest]) -> str:
    """Which tables hold something else than the manifest says."""
    wrong = []
    for name, expected in manifest.tables.items():
        there = found.get(name)
        if there is None or there._asdict() != expected:
            wrong.append(f"{name}: {there.rows if there else 'no'} rows, expected {expected['rows']}")
    return "; ".join(wrong)
