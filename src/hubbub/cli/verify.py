"""`hubbub verify`: is what is stored whole?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from hubbub.cli import backup, console, migrations
from hubbub.cli.db import with_database
from hubbub.config import Settings
from hubbub.postgres import ConnectionSpec, PostgresUnavailable, Trouble, hosts, listen_spec, restore
from hubbub.postgres import backup as backups
from hubbub.postgres.doctor import Connect

if TYPE_CHECKING:
    from hubbub.store.verify import Report

EXIT_BROKEN: Final = 4
EXIT_CODES: Final = "Exit codes: 0 whole · 4 something is broken · 1 trouble, told on standard error · 2 wrong usage"


@contextmanager
def steps(total: int, as_json: bool) -> Iterator[Callable[[str], None]]:
    """A progress bar: what the block calls before each of `total` steps, with a sentence."""
    columns = (BarColumn(bar_width=20), TextColumn("{task.description}"), TimeElapsedColumn())
    with console.bar(*columns, hidden=as_json) as progress:
        task = progress.add_task("", total=total)

        def step(sentence: str) -> None:
            # The step before this one is done now.
            progress.update(task, description=sentence, advance=0 if progress.tasks[0].description == "" else 1)

        yield step


async def examine(connect: Connect, as_json: bool) -> Report:
    """Everything that has to be so in a database.

    Raises:
        PostgresUnavailable: its schema is not the newest.
    """
    from hubbub.store import verify

    state = await migrations.status(connect)
    if state.pending:
        detail = f"It is at {state.current or 'nothing'}, and what has to be so is known for {state.head}."
        raise PostgresUnavailable(Trouble("schema", "The schema is not the newest", detail, ("hubbub db upgrade",)))
    connection = await connect()
    try:
        with steps(verify.STEPS, as_json) as step:
            return await verify.verify(connection, step)
    finally:
        await connection.close()


def show(report: Report) -> None:
    """A report, for people."""
    console.out.print(", ".join(f"{count:,} {kind}" for kind, count in report.counts.items()), highlight=False)
    for finding in report.findings:
        if finding.broken is None:
            mark, words = (
                Text(" - ", "yellow"),
                f"{finding.rule.sentence}: not looked at. {'; '.join(finding.examples)}",
            )
        elif finding.broken:
            mark, words = Text(" ✗ ", "bold red"), f"{finding.rule.sentence}: broken {finding.broken:,} times"
        else:
            mark, words = Text(" ✓ ", "green"), finding.rule.sentence
        console.out.print(mark + Text(words), soft_wrap=True)
        if finding.broken:
            for example in finding.examples:
                console.out.print(f"     {example}", highlight=False, soft_wrap=True, markup=False)
            console.out.print(f"     {finding.rule.mend}", highlight=False, soft_wrap=True, markup=False)


def verify(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--backup",
            metavar="FOLDER",
            help="Look at a backup instead: its manifest and checksums.",
            show_default=False,
        ),
    ] = None,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="With --backup: restore it beside the database in use, look at that, and remove it."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Hold the database in use, or a backup, against everything that has to be so in it; changes nothing.

    Counts, numbers of rooms, receipts, what points to what, what is there once, the views, the schema, the indexes. It
    reads every table several times, beside whoever serves; on a large database that takes minutes.
    """
    if deep and folder is None:
        raise typer.BadParameter("--deep goes with --backup")
    settings = console.read_settings(as_json)
    report = None
    if folder is not None:
        folder = folder.expanduser().absolute()
        manifest = console.guarded(settings, lambda: _read(folder, as_json), as_json=as_json)
        if not as_json:
            messages = manifest.tables["public.messages"]["rows"]
            console.out.print(
                f"{folder}: of {manifest.started}, {messages:,} messages; its files are what was written.",
                soft_wrap=True,
                highlight=False,
            )
    if folder is None:

        async def here(_: ConnectionSpec, connect: Connect) -> Report:
            return await examine(connect, as_json)

        report = console.run(settings, with_database(settings, as_json, here, made=True), as_json=as_json)
    elif deep:

        async def beside(spec: ConnectionSpec, _: Connect) -> Report:
            return await _restored(settings, listen_spec(settings, spec), folder, as_json)

        report = console.run(settings, with_database(settings, as_json, beside), as_json=as_json)
    if as_json:
        console.print_json({"ok": True, **(report.as_json() if report else {"whole": True})})
    elif report is not None:
        show(report)
        console.out.print("Whole." if report.is_whole else "Broken: see above.")
    if report is not None and not report.is_whole:
        raise typer.Exit(EXIT_BROKEN)


def _read(folder: Path, as_json: bool) -> backups.Manifest:
    with backup.working("reading the backup", as_json):
        return backups.whole(folder)


async def _restored(settings: Settings, spec: ConnectionSpec, folder: Path, as_json: bool) -> Report:
    """Look at a backup as the database that it makes."""
    from hubbub.store import moving

    manifest = backups.read_manifest(folder)
    place = await restore.look(spec, moving.is_unused)
    program = backup.readable(settings, manifest, place.major)
    async with restore.scratch(spec) as made:
        with backup.working("restoring", as_json) as say:
            await backup.fill(program, made, folder, manifest, say)
        return await examine(lambda: hosts.connect(**made.asyncpg_kwargs()), as_json)
