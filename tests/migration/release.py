"""Writes tests/migration/releases/VERSION.sql: a database as this version makes and fills it. Run once, when it is released.

    python -m tests.migration.release

From a commit on main: the file's first line names it, so that the tests of later versions can run that very code.
"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import asyncpg
from tests.support.cluster import DEBIAN_15, Cluster
from tests.support.database import HEAD, connector
from tests.support.process import ROOT

from hubbub import __version__
from hubbub.store import migrate, seeding

RELEASES = Path(__file__).with_name("releases")
SIZE = seeding.Size(messages=80, rooms=6, users=12)


async def fill(dsn: str) -> None:
    await migrate.upgrade(connector(dsn))
    connection = await asyncpg.connect(dsn)
    try:
        await seeding.sow(connection, SIZE, lambda _: None)
    finally:
        await connection.close()


def main() -> None:
    if subprocess.check_output(["git", "status", "--porcelain", "src"], cwd=ROOT):
        raise SystemExit("Commit src first: the dump has to be of a commit.")
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=ROOT, text=True).strip()
    # An older server's pg_dump, which every server reads.
    with Cluster(DEBIAN_15) as cluster:
        cluster.psql("postgres", "CREATE DATABASE release TEMPLATE template0")
        asyncio.run(fill(cluster.dsn("release")))
        dump = cluster.dump("release", "--no-owner")
    lines = [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    RELEASES.mkdir(exist_ok=True)
    head = f"-- Hubbub {__version__}, schema {HEAD}, commit {commit}"
    (RELEASES / f"{__version__}.sql").write_text("\n".join([head, *lines]) + "\n")


if __name__ == "__main__":
    main()
