"""`hubbub user …`: what an operator does to accounts.

By the same statements as a client's request. There is no bus here: running servers learn of it by their look at the
database, within a second.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final, Literal

import asyncpg
import typer
from rich.progress import TextColumn, TimeElapsedColumn

from hubbub.cli import console, tables
from hubbub.cli.db import with_connection
from hubbub.config import Settings
from hubbub.domain.commands import Register, UpdateUser, parse
from hubbub.domain.ids import as_uuid
from hubbub.errors import HubbubError
from hubbub.postgres import PostgresUnavailable, Trouble
from hubbub.store import sessions, users

app = typer.Typer(help="Accounts.", no_args_is_help=True)

CODES: Final = "Exit codes: 0 done · 1 trouble, told on standard error, or no such account · 2 wrong usage"
_COUNT_MAX: Final = 10_000
_Who = Annotated[str, typer.Argument(metavar="USER", help="Name, e-mail address or id.")]
_Role = Literal["admin", "user"]
_Json = Annotated[bool, typer.Option("--json", help="For machines.")]
_COLUMNS: Final = {
    "username": "name",
    "displayName": "display name",
    "email": "e-mail",
    "role": "role",
    "status": "status",
    "lastSeen": "last seen (UTC)",
    "disabledAt": "disabled (UTC)",
    "userId": "id",
}


@app.callback()
def group() -> None:
    """Accounts."""


async def account(conn: asyncpg.Connection, who: str) -> asyncpg.Record:
    """The account that a name, an address or an id means.

    Raises:
        PostgresUnavailable: there is none.
    """
    user_id = as_uuid(who)
    row = await users.by_id(conn, user_id) if user_id is not None else None
    row = row if row is not None else await users.for_login(conn, who)
    if row is None:
        raise PostgresUnavailable(Trouble("no_account", f"There is no account `{who}`", "", ("hubbub user list",)))
    return row


def _password() -> str:
    """A new password, asked for on a terminal, or the first line of standard input: never an argument, which others see."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


@app.command("create", epilog=CODES)
def create(
    username: Annotated[str, typer.Argument(help="ASCII letters, digits, `_`, `.` and `-`.")],
    email: Annotated[str, typer.Option(help="The address, which can be used to sign in as well.")],
    display_name: Annotated[str | None, typer.Option(help="What others see; the name without it.")] = None,
    role: Annotated[_Role, typer.Option(help="`admin` may change every account, room and message.")] = "user",
    as_json: _Json = False,
) -> None:
    """Make an account. Its password is asked for, or read from standard input."""
    settings = console.read_settings(as_json)

    async def work(conn: asyncpg.Connection) -> dict[str, Any]:
        from hubbub.chat.accounts import add_account, check_names
        from hubbub.chat.passwords import hash_now

        asked = {"username": username, "email": email, "displayName": display_name, "password": _password()}
        command: Register = parse(asked, Register)
        names = check_names(command)
        async with conn.transaction():
            row = await add_account(conn, command, names, hash_now(command.password), role)
        return {"userId": row["user_id"], "username": row["username"], "role": row["role"]}

    made = console.run(settings, with_connection(settings, as_json, work), as_json=as_json)
    if as_json:
        tables.print_json({"ok": True, **made})
    else:
        tables.say(f"{made['username']} can sign in now, with the role {made['role']}.")


@app.command("list", epilog=CODES)
def list_(
    role: Annotated[Literal["admin", "user", "guest"] | None, typer.Option(help="Only these.")] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Only those that are disabled.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Most lines.")] = 50,
    after: Annotated[str, typer.Option(metavar="NAME", help="Go on after this name.")] = "",
    as_json: _Json = False,
) -> None:
    """The accounts, by name."""
    settings = console.read_settings(as_json)

    async def look(conn: asyncpg.Connection) -> list[dict[str, Any]]:
        return tables.rows(await users.by_name_after(conn, after, limit, role=role, disabled=disabled))

    found = console.run(settings, with_connection(settings, as_json, look), as_json=as_json)
    empty = "There are no such accounts." if role or disabled or after else "There are no accounts yet."
    tables.page("users", _COLUMNS, found, limit, key="username", empty=empty, as_json=as_json)


@app.command("show", epilog=CODES)
def show(who: _Who, as_json: _Json = False) -> None:
    """One account, and how much it has."""
    settings = console.read_settings(as_json)

    async def look(conn: asyncpg.Connection) -> dict[str, Any]:
        row = await account(conn, who)
        known = {name: value for name, value in row.items() if name != "password"}
        return tables.row(known | dict(await users.figures(conn, row["user_id"], _COUNT_MAX)))

    found = console.run(settings, with_connection(settings, as_json, look), as_json=as_json)
    if as_json:
        tables.print_json({"ok": True, "user": found})
        return
    for counted in ("rooms", "messages"):
        if found[counted] == _COUNT_MAX:
            found[counted] = f"{_COUNT_MAX:,} or more"
    tables.facts(found)


@app.command("role", epilog=CODES)
def role(
    who: _Who,
    role: Annotated[_Role, typer.Argument(help="`admin` may change every account, room and message.")],
) -> None:
    """Make somebody an administrator, or no longer. Open sockets know it within a second."""
    settings = console.read_settings()

    async def work(conn: asyncpg.Connection) -> str:
        row = await account(conn, who)
        await users.set_role(conn, row["user_id"], role)
        return str(row["username"])

    name = console.run(settings, with_connection(settings, False, work))
    tables.say(f"{name} has the role {role} now.")


@app.command("disable", epilog=CODES)
def disable(who: _Who) -> None:
    """Close an account: its sessions end, its sockets are closed within a second, and nobody can sign in to it."""
    name, ended = _set_disabled(console.read_settings(), who, True)
    tables.say(f"{name} is disabled; {ended:,} sessions ended. To undo: hubbub user enable {name}")


@app.command("enable", epilog=CODES)
def enable(who: _Who) -> None:
    """Open an account that was disabled; its owner has to sign in again."""
    name, _ = _set_disabled(console.read_settings(), who, False)
    tables.say(f"{name} can sign in again.")


def _set_disabled(settings: Settings, who: str, disabled: bool) -> tuple[str, int]:
    async def work(conn: asyncpg.Connection) -> tuple[str, int]:
        row = await account(conn, who)
        async with conn.transaction():
            await users.set_disabled(conn, row["user_id"], disabled)
            ended = await sessions.revoke_others(conn, row["user_id"], None) if disabled else []
        return row["username"], len(ended)

    return console.run(settings, with_connection(settings, False, work))


@app.command("password", epilog=CODES)
def password(who: _Who) -> None:
    """Set a new password, asked for or read from standard input; every session of the account ends."""
    settings = console.read_settings()

    async def work(conn: asyncpg.Connection) -> tuple[str, int]:
        from hubbub.chat.passwords import hash_now

        row = await account(conn, who)
        command: UpdateUser = parse({"newPassword": _password()}, UpdateUser)
        assert command.new_password is not None
        stored = hash_now(command.new_password)
        async with conn.transaction():
            await users.set_password(conn, row["user_id"], stored)
            ended = await sessions.revoke_others(conn, row["user_id"], None)
        return row["username"], len(ended)

    name, ended = console.run(settings, with_connection(settings, False, work))
    tables.say(f"{name} has a new password; {ended:,} sessions ended.")


@app.command("sessions", epilog=CODES)
def sessions_(
    who: _Who,
    end: Annotated[str | None, typer.Option(metavar="SESSION", help="End this one, by its id.")] = None,
    end_all: Annotated[bool, typer.Option("--end-all", help="End them all.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Most lines.")] = 50,
    as_json: _Json = False,
) -> None:
    """Where an account is signed in, the latest used first; ends sessions, whose sockets are closed within a second."""
    settings = console.read_settings(as_json)

    async def work(conn: asyncpg.Connection) -> tuple[str, int, list[dict[str, Any]]]:
        row = await account(conn, who)
        ended = 0
        if end_all:
            ended = len(await sessions.revoke_others(conn, row["user_id"], None))
        elif end is not None:
            session_id = as_uuid(end)
            if session_id is None or await sessions.live(conn, session_id, row["user_id"]) is None:
                raise HubbubError("not_found", f"{row['username']} has no session {end} that stands.")
            ended = int(await sessions.revoke(conn, session_id))
        return row["username"], ended, tables.rows(await sessions.of_user(conn, row["user_id"], limit))

    name, ended, found = console.run(settings, with_connection(settings, as_json, work), as_json=as_json)
    if as_json:
        tables.print_json({"ok": True, "ended": ended, "sessions": found})
        return
    if ended:
        tables.say(f"{ended:,} sessions of {name} ended.")
    if found:
        heads = {
            "sessionId": "session",
            "createdAt": "since (UTC)",
            "lastUsedAt": "used (UTC)",
            "expiresAt": "until (UTC)",
        }
        tables.show(heads | {"connections": "connections", "userAgent": "program"}, found)
    else:
        tables.say(f"{name} is signed in nowhere.")


@app.command("erase", epilog=CODES)
def erase(
    who: _Who, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")] = False
) -> None:
    """Erase an account for good: its names, address, password, and the text and author of every message it wrote.

    The places of its messages stay, as of deleted ones. Whoever is interrupted can run it again. Backups made before still
    have it all.
    """
    settings = console.read_settings()

    async def find(conn: asyncpg.Connection) -> asyncpg.Record:
        return await account(conn, who)

    found = console.run(settings, with_connection(settings, False, find))
    if not yes:
        typer.confirm(
            f"Erase {found['username']} ({found['user_id']}) and all their texts, for good?", abort=True, err=True
        )

    async def work(conn: asyncpg.Connection) -> int:
        from hubbub.chat.accounts import ERASE_BATCH, end_account

        columns = (TextColumn("{task.completed:,.0f} messages erased"), TimeElapsedColumn())
        with console.bar(*columns) as progress:
            task = progress.add_task("", total=None)

            async def messages() -> int:
                erased, batch = 0, ERASE_BATCH
                while batch == ERASE_BATCH:
                    async with conn.transaction():
                        batch = await users.erase_some(conn, found["user_id"], ERASE_BATCH)
                    erased += batch
                    progress.advance(task, batch)
                return erased

            # In this order, so that who is interrupted still finds the account; what is written meanwhile is last.
            before = await messages()
            async with conn.transaction():
                await end_account(conn, found["user_id"])
            return before + await messages()

    erased = console.run(settings, with_connection(settings, False, work))
    tables.say(f"Erased: the account {found['user_id']} and {erased:,} messages.")
