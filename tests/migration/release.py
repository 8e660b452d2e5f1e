"""Writes tests/migration/releases/VERSION.sql, a database as this version makes and fills it, and VERSION.tar.xz, its code.

    python -m tests.migration.release

Run once, when it is released, from a commit on main, which the first line of the dump names. The tests of later versions run
that very code; it is kept here because a checkout need not hold the history.
"""

from __future__ import annotations

import asyncio
import lzma
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
    code = subprocess.check_output(["git", "archive", commit, "src"], cwd=ROOT)
    (RELEASES / f"{__version__}.tar.xz").write_bytes(lzma.compress(code, preset=9))


if __name__ == "__main__":
    main()
