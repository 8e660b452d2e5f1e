"""A PostgreSQL that somebody else runs, at DATABASE_URL.

Promises: `start` only looks: it connects once, refuses what is older than Hubbub supports, warns of what is newer than
it was tried with, and of a standby that takes no writes. Nothing is started, changed or stopped.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from pathlib import Path

import asyncpg

from hubbub.config import Settings
from hubbub.postgres import binaries, hosts
from hubbub.postgres.address import read_address
from hubbub.postgres.spec import ConnectionSpec
from hubbub.postgres.troubles import PostgresUnavailable, diagnose, version_too_old

_log = logging.getLogger("hubbub.postgres")


class ExternalPostgres:
    """The server of DATABASE_URL."""

    is_managed = False

    def __init__(self, spec: ConnectionSpec, *, chosen_bin: str | None) -> None:
        self.spec = spec
        self._chosen_bin = chosen_bin

    @classmethod
    def from_settings(cls, settings: Settings) -> ExternalPostgres:
        """
        Raises:
            ConfigError: DATABASE_URL cannot be read.
        """
        return cls(read_address(settings), chosen_bin=settings.postgres_bin)

    def bin_dir(self) -> Path:
        return binaries.client_programs(self._chosen_bin)

    async def attach(self) -> ConnectionSpec | None:
        return self.spec

    async def start(self, progress: Callable[[str], None]) -> ConnectionSpec:
        """Connect once, to be sure of the rest."""
        progress(f"Connecting to {self.spec.describe()}")
        try:
            connection = await hosts.connect(**self.spec.asyncpg_kwargs())
            try:
                check_version(connection, self.spec)
                async with connection.transaction():
                    is_standby = await connection.fetchval("SELECT pg_is_in_recovery()")
                if is_standby:
                    raise asyncpg.ReadOnlySQLTransactionError("the server is in recovery and takes no writes")
            finally:
                await connection.close()
        except (
            OSError,
            ssl.SSLError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as error:
            raise PostgresUnavailable(diagnose(error, self.spec)) from error
        return self.spec

    async def stop(self) -> None:
        """Nothing: the server is not ours."""


def check_version(connection: asyncpg.Connection, spec: ConnectionSpec) -> int:
    """The server's major version.

    Raises:
        PostgresUnavailable: it is too old.
    """
    version = connection.get_server_version()
    if version.major < binaries.OLDEST:
        raise PostgresUnavailable(version_too_old(f"{version.major}.{version.minor}", spec, binaries.OLDEST))
    if version.major > binaries.NEWEST:
        _log.warning("PostgreSQL %d is newer than any Hubbub was tried with (%d)", version.major, binaries.NEWEST)
    return int(version.major)
