"""`hubbub db roles`: an application role that cannot change the schema, and a report role that sees no secrets."""

from __future__ import annotations

from typing import Annotated

import asyncpg
import typer

from hubbub.cli import console, migrations
from hubbub.cli.db import with_database
from hubbub.postgres import ConnectionSpec, PostgresUnavailable, Trouble
from hubbub.postgres.doctor import Connect
from hubbub.store import roles as store


def roles(
    print_: Annotated[bool, typer.Option("--print", help="Print the SQL and do nothing.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Run it on the database in use.")] = False,
    app: Annotated[str, typer.Option(help="The role to serve with.")] = store.APP,
    report: Annotated[str, typer.Option(help="The role for reports.")] = store.REPORT,
) -> None:
    """Make two roles of least privilege beside the owner of the tables, or set them right.

    The owner migrates. The application role reads and writes rows and cannot change the schema: serve with it. The report role
    reads the seven tables and three views, without passwords, tokens and sessions. Doing it again does no harm.
    """
    if print_ == apply:
        raise typer.BadParameter("give one of --print and --apply")
    try:
        script = store.script(app, report)
    except ValueError as error:
        raise typer.BadParameter(f"--app and --report take {error}") from None
    if print_:
        typer.echo(script, nl=False)
        return
    settings = console.read_settings()

    async def work(spec: ConnectionSpec, connect: Connect) -> ConnectionSpec:
        if (await migrations.status(connect)).pending:
            detail = "The roles are given rights on tables that are not there yet, or not as they have to be."
            raise PostgresUnavailable(Trouble("schema", "Migrations are pending", detail, ("hubbub db upgrade",)))
        connection = await connect()
        try:
            await store.apply(connection, app, report)
        except asyncpg.InsufficientPrivilegeError as error:
            raise PostgresUnavailable(_may_not(spec, str(error), app, report)) from error
        except asyncpg.PostgresError as error:
            if error.sqlstate != store.REFUSED:
                raise
            raise PostgresUnavailable(_too_mighty(str(error))) from error
        finally:
            await connection.close()
        return spec

    spec = console.run(settings, with_database(settings, False, work))
    console.out.print(
        f"{app} reads and writes rows; {report} reads what is no secret. {spec.user} has all other rights.",
        highlight=False,
        soft_wrap=True,
    )
    console.out.print("Give each a password, which psql sends hashed, then serve with the first:", highlight=False)
    for role in (app, report):
        console.out.print(f"  hubbub db psql -- -c '\\password {role}'", highlight=False, soft_wrap=True)


def _may_not(spec: ConnectionSpec, said: str, app: str, report: str) -> Trouble:
    names = "" if (app, report) == (store.APP, store.REPORT) else f" --app {app} --report {report}"
    return Trouble(
        "roles",
        f'"{spec.user}" may not make these roles',
        f"{said}. Whoever does it owns the tables and has CREATEROLE, or is a superuser. Nothing was changed.",
        (
            f"hubbub db roles --print{names} > roles.sql    # then, as an administrator of the database: psql -1 -f roles.sql",
        ),
    )


def _too_mighty(said: str) -> Trouble:
    return Trouble(
        "roles",
        "A role could do more than it is for, by what it was given elsewhere",
        f"{said}. Nothing was changed.",
        (
            "hubbub db roles --apply --app another_name --report yet_another",
            "hubbub db psql    # or REVOKE there what is named",
        ),
    )
