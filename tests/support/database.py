"""Databases for tests: a template that was migrated once, and quick copies of it.

A copy is taken by `CREATE DATABASE … TEMPLATE`, some tens of milliseconds, so that every test has a database of its own
and nothing to clean up. Copying files (`STRATEGY`, from PostgreSQL 15 on) is the quicker way where nothing is flushed.
"""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
from tests.support.cluster import Cluster

from hubbub.store import migrate

TEMPLATE = "hubbub_template"
SCHEMA = Path(migrate.__file__).parent / "schema.sql"
# Every migration by name, the first one first. Adoption takes the place of the first.
MIGRATIONS = sorted(path.stem for path in (migrate.MIGRATIONS / "versions").glob("[0-9]*.py"))
HEAD = MIGRATIONS[-1].split("_")[0]
ADOPTION = ["0001_adopt", *MIGRATIONS[1:]]
_numbers = itertools.count(1)


class Databases:
    """The databases of one cluster.

    Args:
        cluster: a running server.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._migrated = False

    def empty(self) -> str:
        """The name of a new database with nothing in it."""
        return self._create("template0")

    def clone(self, template: str = TEMPLATE) -> str:
        """The name of a new database like the template: by default a fresh Hubbub's."""
        if template == TEMPLATE and not self._migrated:
            self.cluster.psql("postgres", f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
            with ThreadPoolExecutor(1) as aside:  # away from the event loop of a test that asks
                aside.submit(lambda: asyncio.run(migrate.upgrade(connector(self.cluster.dsn(TEMPLATE))))).result()
            self._migrated = True
        return self._create(template)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.cluster.psql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _create(self, template: str) -> str:
        name = f"hubbub_test_{next(_numbers)}"
        self.cluster.psql("postgres", f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name


def connector(dsn: str) -> migrate.Connect:
    """What `migrate` takes: opens a connection to an address."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(dsn)

    return connect
