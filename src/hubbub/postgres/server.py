"""The one face of PostgreSQL, whoever owns it: embedded in the data directory, or at DATABASE_URL.

Callers start it, get a `ConnectionSpec`, and stop it; only `is_managed` tells which it is. Nothing here prints: progress
goes to the callback, one sentence at a time, and what happens later goes to the log `hubbub.postgres`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hubbub.config import Settings
from hubbub.postgres.embedded import EmbeddedPostgres
from hubbub.postgres.external import ExternalPostgres
from hubbub.postgres.spec import ConnectionSpec

Progress = Callable[[str], None]


class PostgresServer(Protocol):
    """What both kinds promise."""

    @property
    def is_managed(self) -> bool:
        """True where Hubbub starts and stops the server."""

    async def start(self, progress: Progress) -> ConnectionSpec:
        """Make the database usable, and keep it so until `stop`.

        Raises:
            PostgresUnavailable: it cannot be used; its `trouble` says why and what to do.
        """

    async def attach(self) -> ConnectionSpec | None:
        """The way to a server that runs already, without owning it; None where none runs."""

    async def stop(self) -> None:
        """End what `start` began; harmless otherwise."""

    def bin_dir(self) -> Path:
        """Folder with psql and pg_dump that fit this server."""


def server_for(settings: Settings) -> PostgresServer:
    """The server that the settings ask for; nothing is started yet.

    Raises:
        ConfigError: DATABASE_URL cannot be read.
    """
    if settings.database_url is None:
        return EmbeddedPostgres(settings.data_dir, chosen_bin=settings.postgres_bin, pool_size=settings.db_pool_size)
    return ExternalPostgres.from_settings(settings)
