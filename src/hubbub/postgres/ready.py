"""A server that somebody else has made ready: a worker's parent, which starts, watches and stops it."""

from __future__ import annotations

from pathlib import Path

from hubbub.postgres import binaries
from hubbub.postgres.server import Progress
from hubbub.postgres.spec import ConnectionSpec


class ReadyPostgres:
    """See `server.PostgresServer`; nothing is started and nothing stopped."""

    is_managed = False

    def __init__(self, spec: ConnectionSpec) -> None:
        self._spec = spec

    async def start(self, progress: Progress) -> ConnectionSpec:
        return self._spec

    async def attach(self) -> ConnectionSpec | None:
        return self._spec

    async def stop(self) -> None:
        """Nothing: the server is not ours."""

    def bin_dir(self) -> Path:
        return binaries.client_programs(None)
