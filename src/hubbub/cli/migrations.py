"""The one place of the command line that reaches into `hubbub.store`, loaded when a command needs it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hubbub.postgres import PostgresUnavailable, Trouble
from hubbub.postgres.doctor import Connect, MigrationState


async def upgrade(connect: Connect) -> list[str]:
    """Apply what is pending; the names of what was applied.

    Raises:
        PostgresUnavailable: the database is not one that can be brought to this schema.
    """
    with _migrate() as migrate:
        return list(await migrate.upgrade(connect))


async def status(connect: Connect) -> MigrationState:
    """How far the schema is; raises as `upgrade` does."""
    with _migrate() as migrate:
        state: MigrationState = await migrate.status(connect)
        return state


@contextmanager
def _migrate() -> Iterator[Any]:
    module = importlib.import_module("hubbub.store.migrate")
    try:
        yield module
    except module.MigrationError as error:
        title, _, detail = str(error).partition("\n")
        raise PostgresUnavailable(Trouble("schema", title, detail, ("hubbub db status",))) from error
