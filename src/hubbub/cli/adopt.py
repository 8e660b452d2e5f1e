"""`hubbub db adopt`: what becomes of the older backend's database, before it is done."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from hubbub.cli import console, migrations
from hubbub.cli.db import with_database
from hubbub.postgres import ConnectionSpec
from hubbub.postgres.doctor import Connect

if TYPE_CHECKING:
    from hubbub.store.adoption import Rehearsal


def adopt(
    is_applied: Annotated[bool, typer.Option("--apply", help="Do it, instead of taking it back.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say what adopting the older chat backend's tables would change, by doing it and taking it back.

    The tables are locked meanwhile, so stop the older backend first, or try it on a copy. With `--apply` it is done, as
    `hubbub db init` does it.
    """
    settings = console.read_settings(as_json)

    async def work(_: ConnectionSpec, connect: Connect) -> Rehearsal | None:
        from hubbub.store import adoption

        with migrations.explained():
            found = await adoption.rehearse(connect)
        if found is not None and is_applied:
            await migrations.upgrade(connect)
        return found

    found = console.run(settings, with_database(settings, as_json, work), as_json=as_json)
    if as_json:
        facts: dict[str, Any] = {
            "ok": True,
            "adoptable": found is not None,
            "applied": is_applied and found is not None,
        }
        console.print_json({**facts, **(asdict(found) if found is not None else {})})
    elif found is None:
        console.out.print(
            "There is nothing to adopt: the older backend's tables are not here, or have been adopted already."
        )
    else:
        _show(found, is_applied=is_applied)


def _show(found: Rehearsal, *, is_applied: bool) -> None:
    table = Table("table", "rows now" if not is_applied else "rows before", "after", box=None, pad_edge=False)
    for name, (before, after) in found.rows.items():
        table.add_row(name, "—" if before is None else f"{before:,}", f"{after:,}")
    console.out.print(table)

    def say(what: str, names: list[str]) -> None:
        if names:
            console.out.print(f"{what}: {', '.join(names)}", highlight=False, soft_wrap=True, markup=False)

    say("Columns that are added", list(found.columns))
    say(
        "Rows that point nowhere, kept in hubbub.adopted_orphans",
        [f"{n:,} of {name}" for name, n in found.set_aside.items()],
    )
    if found.lost_rooms:
        say("Messages of unknown rooms go to private rooms", [f"{found.lost_rooms:,} lost-and-found"])
    say("Tables that Hubbub does not use, left as they are", list(found.kept_tables))
    say("Triggers that are not Hubbub's, left as they are", list(found.kept_triggers))
    console.out.print(
        f"Done, in {found.seconds:,.1f} s. Start the server with: hubbub serve" if is_applied
        else f"Nothing was changed; the tables were locked for {found.seconds:,.1f} s. To do it: hubbub db adopt --apply",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
