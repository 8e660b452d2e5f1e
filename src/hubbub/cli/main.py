"""The command `hubbub`. One file per group of commands; this one puts them together."""

from __future__ import annotations

import typer

from hubbub.cli import (
    adopt,
    backup,
    bench,
    config,
    db,
    db_look,
    doctor,
    messages,
    promote,
    roles,
    room,
    serve,
    sessions,
    top,
    user,
    verify,
    version,
)
from hubbub.cli.console import EXIT_CODES

app = typer.Typer(
    name="hubbub",
    help="Hubbub, a chat backend you own. Settings come from the environment and `.env`; `hubbub config` lists them.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("serve", epilog=EXIT_CODES)(serve.serve)
app.command("promote", epilog=EXIT_CODES)(promote.promote)
app.command("top", epilog=EXIT_CODES)(top.top)
app.command("doctor", epilog=doctor.EXIT_CODES)(doctor.doctor)
app.command("verify", epilog=verify.EXIT_CODES)(verify.verify)
app.command("backup", epilog=EXIT_CODES)(backup.take)
app.command("backups", epilog=backup.LIST_CODES)(backup.listing)
app.command("restore", epilog=EXIT_CODES)(backup.put_back)
app.command("config", epilog=EXIT_CODES)(config.show)
app.command("version", epilog=EXIT_CODES)(version.show)
db.app.command("roles", epilog=EXIT_CODES)(roles.roles)
db.app.command("adopt", epilog=EXIT_CODES)(adopt.adopt)
for look in (db_look.stats, db_look.activity, db_look.vacuum, db_look.explain):
    db.app.command(look.__name__, epilog=EXIT_CODES)(look)
app.add_typer(db.app, name="db")
app.add_typer(user.app, name="user")
app.add_typer(room.app, name="room")
app.add_typer(messages.app, name="messages")
app.add_typer(sessions.app, name="sessions")
app.add_typer(bench.app, name="bench")

if __name__ == "__main__":
    app()
