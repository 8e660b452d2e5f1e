"""A program that holds an embedded PostgreSQL until its standard input ends. Run by tests that kill it, or be somebody else.

    python holder.py DATA_DIR

Prints one JSON line when the database is ready: uid, pid of the postmaster, socket folder, seconds, progress. Or, where it
cannot be used, the trouble.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from hubbub.postgres import PostgresUnavailable
from hubbub.postgres.embedded import EmbeddedPostgres


def say(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def main(folder: str) -> None:
    steps: list[str] = []
    server = EmbeddedPostgres(Path(folder), chosen_bin=os.environ.get("HUBBUB_POSTGRES_BIN"), pool_size=5)
    began = time.monotonic()
    try:
        spec = await server.start(steps.append)
    except PostgresUnavailable as unavailable:
        say({"trouble": unavailable.trouble.as_json()})
        return
    say(
        {
            "uid": os.getuid(),
            "pid": server.pid,
            "socket": spec.hosts[0][0],
            "seconds": time.monotonic() - began,
            "steps": steps,
        }
    )
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
