"""The one place of the command line that reaches into `hubbub.store`, loaded when a command needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hubbub.postgres import PostgresUnavailable, Trouble

if TYPE_CHECKING:
    from hubbub.store.migrate import Connect, Status


async def upgrade(connect: Connect) -> list[str]:
    """Apply what is pending; the names of what was applied.

    Raises:
        PostgresUnavailable: the database is not one that can be brought to this schema.
    """
    from hubbub.store import migrate

    with explained():
        return await migrate.upgrade(connect)


async def status(connect: Connect) -> Status:
    """How far the schema is; raises as `upgrade` does."""
    from hubbub.store import migrate

    with explained():
        return await migrate.status(connect)


@contextmanager
def explained() -> Iterator[None]:
    """A refusal of the migrations becomes a trouble like any other."""
    from hubbub.store import migrate

    try:
        yield
    except migrate.MigrationError as error:
        title, _, detail = str(error).partition("\n")
        raise PostgresUnavailable(Trouble("schema", title, detail, ("hubbub db status",))) from error
