"""`hubbub user …`: what an operator does to accounts."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal

import asyncpg
import typer

from hubbub.cli import console
from hubbub.config import Settings
from hubbub.postgres import PostgresUnavailable, diagnose, hosts, server_for
from hubbub.postgres.borrow import borrowed
from hubbub.store import users

app = typer.Typer(help="Accounts.", no_args_is_help=True)

_CODES: Final = "Exit codes: 0 done · 1 trouble, told on standard error, or no such account · 2 wrong usage"


@app.callback()
def group() -> None:
    """Accounts."""


@app.command("role", epilog=_CODES)
def role(
    username: Annotated[str, typer.Argument(help="Whose.")],
    role: Annotated[
        Literal["admin", "user"], typer.Argument(help="`admin` may change every account, room and message.")
    ],
) -> None:
    """Make somebody an administrator, or no longer. Takes effect with their next request or connection."""
    settings = console.read_settings()
    name = console.run(settings, _set_role(settings, username, role))
    if name is None:
        console.err.print(f"There is no account `{username}`.", markup=False)
        raise typer.Exit(console.EXIT_TROUBLE)
    console.out.print(f"{name} has the role {role} now.", markup=False, highlight=False)


async def _set_role(settings: Settings, username: str, role: str) -> str | None:
    async with borrowed(server_for(settings), console.progress) as spec:
        try:
            conn = await asyncio.wait_for(hosts.connect(**spec.asyncpg_kwargs()), settings.db_timeout)
            try:
                async with conn.transaction():
                    row = await users.set_role(conn, username, role)
            finally:
                await conn.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise PostgresUnavailable(diagnose(error, spec)) from error
    return str(row["username"]) if row is not None else None
