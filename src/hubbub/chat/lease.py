"""This process's lease: how long it may still act as the node it is.

Its row in `hubbub.nodes` says so by the database's clock. The process itself knows a moment that is never later, by a
clock of its own that goes on while the process, or the whole machine, is stopped. Once that moment has passed, nothing
more is asked of the database until the lease is renewed (`Database.guard`), and no hint is believed. Where the row still
stands (the database itself was away), it simply goes on; for a second at a time also where the row can be seen but not
written (the disk is full): reads are to go on then. Where another node has swept it, this one has been taken for dead, and what
it held is given up: its sockets are closed, and it comes back as a new node (fencing; reliability D8).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

import structlog

from hubbub.domain.ids import new_id
from hubbub.errors import HubbubError
from hubbub.store import presence
from hubbub.store.database import Database

LEASE_SECONDS: Final = 15.0
RENEW_SECONDS: Final = 5.0
SEEN_SECONDS: Final = 1.0  # for which a row that stands, and cannot be renewed, is good

log = structlog.get_logger("lease")


def now() -> float:
    """Seconds that pass even while the machine sleeps, where the system counts them."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Lease:
    """Take it with `take`, renew it by `run`, give it back with `end`.

    Args:
        address: where other nodes reach this one, as `host:port`; None where there are none.

    Attributes:
        node_id: who this process is; another after it was taken for dead.
        on_fenced: called then; to close every socket, at once.
        on_renewed: called when a lease that had run out goes on; what was told meanwhile has not been heard.
        fenced: times that this process was taken for dead.
    """

    def __init__(self, database: Database, address: str | None = None) -> None:
        self.node_id: UUID = new_id()
        self.on_fenced: Callable[[], None] = _nothing
        self.on_renewed: Callable[[], None] = _nothing
        self.fenced = 0
        self._database = database
        self._address = address
        self._until = float("-inf")
        self._seen_until = float("-inf")
        self._judges_from = float("-inf")
        self._renewal: asyncio.Task[None] | None = None

    @property
    def holds(self) -> bool:
        """Whether this process may act."""
        return now() < max(self._until, self._seen_until)

    @property
    def may_judge(self) -> bool:
        """Whether this process may call others dead. Not when it has just been away itself: they may have been kept from
        renewing by the same, and are given the time for it.
        """
        return self._judges_from <= now() < self._until

    async def take(self) -> None:
        """Begin as a node; from now on the database is used only while the lease holds.

        Raises:
            HubbubError: `unavailable`, `overloaded`.
        """
        asked = now()
        async with self._database.urgent(is_guarded=False) as conn:
            await presence.take_lease(conn, self.node_id, socket.gethostname(), self._address, LEASE_SECONDS)
        self._until = asked + LEASE_SECONDS
        self._database.guard = self.check

    async def run(self) -> None:
        """Renew it again and again; whatever goes wrong is tried again."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._renew_once()
            except HubbubError as error:
                log.warning("the lease could not be renewed yet", error=error.code)
            except Exception as error:
                log.warning("the lease could not be renewed yet", error=type(error).__name__)

    async def check(self) -> None:
        """Return while the lease holds; renew it where it does not.

        Raises:
            HubbubError: `unavailable`, `overloaded`: it could not be renewed, or this process had been taken for dead.
        """
        if self.holds:
            return
        node_id = self.node_id
        try:
            await self._renew_once()
        except HubbubError:
            if self.node_id != node_id or not await self._is_seen():
                raise
        if not self.holds:
            raise HubbubError("unavailable")

    async def _is_seen(self) -> bool:
        """Whether our row stands, where it cannot be renewed."""
        asked = now()
        async with self._database.urgent(is_guarded=False) as conn:
            stands = await presence.node_stands(conn, self.node_id)
        if stands:
            self._seen_until = asked + SEEN_SECONDS
        return stands

    async def _renew_once(self) -> None:
        """Whoever asks while one renewal is under way waits for that one."""
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name="lease")
            self._renewal.add_done_callback(self._renewed)
        await asyncio.shield(self._renewal)

    def _renewed(self, renewal: asyncio.Task[None]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # whoever waited has been told

    async def _renew(self) -> None:
        asked = now()
        had_run_out = not self.holds
        async with self._database.urgent(is_guarded=False) as conn:
            stands = await presence.renew_lease(conn, self.node_id, LEASE_SECONDS)
            if not stands:
                self.fenced += 1
                log.error("this process was taken for dead: it closes its sockets and goes on as a new node")
                self._until = self._seen_until = float("-inf")
                self.node_id = new_id()
                self.on_fenced()
                await presence.take_lease(conn, self.node_id, socket.gethostname(), self._address, LEASE_SECONDS)
        if had_run_out or not stands:
            self._judges_from = now() + LEASE_SECONDS
        self._until = asked + LEASE_SECONDS
        if not stands:
            raise HubbubError("unavailable")
        if had_run_out:
            self.on_renewed()

    async def end(self) -> bool:
        """Give the lease back, and remove the rows of this node's connections.

        Returns:
            Whether other nodes live on.

        Raises:
            HubbubError: `unavailable`, `overloaded`.
        """
        self._database.guard = None
        self._until = self._seen_until = float("-inf")
        async with self._database.connection() as conn:
            return await presence.retire(conn, self.node_id)


def _nothing() -> None:
    pass
