"""Which time of the database a connection sees: the epoch that clients are told.

A cursor means something only in the time it was given in. The epoch changes when
- a backup is restored, by whatever program: the row that holds the stored epoch is then written anew, and PostgreSQL
  stamps each row with the transaction that wrote it (`xmin`); or another database takes its place;
- a standby is promoted, or the server recovered to a moment in the past: each begins a new timeline (PostgreSQL manual,
  25.3.6), and what the old one had beyond it is lost;
- the data are another server's (its system identifier), or `hubbub db new-epoch` says so.
What is not seen, and why a synchronous failover counts too: docs/decisions/0019-the-epoch.md. (Anchor: reliability D11.)
"""

from __future__ import annotations

import contextlib
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import asyncpg

from hubbub.store.statements import load

SQL: Final = load("epoch")
# What a provider says that keeps its server's identity to itself.
_KEPT_FROM_US: Final = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedFunctionError,
    asyncpg.FeatureNotSupportedError,
)


class Epoch(NamedTuple):
    """A time of a database.

    Attributes:
        told: the word that clients keep with their cursors.
        system: the server's identifier; a promoted standby has its primary's. Empty where the role may not read it.
        timeline: counts promotions and recoveries of that system; 0 where the role may not read it.
    """

    told: str
    system: str
    timeline: int


async def read(conn: Any, seconds: float) -> Epoch:
    """The time of the database that a connection sees.

    Raises:
        asyncpg.ReadOnlySQLTransactionError: the server is a standby.
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: it does not answer within `seconds`.
    """
    row = await conn.fetchrow(SQL["stored"], timeout=seconds)
    if row["is_standby"]:
        raise asyncpg.ReadOnlySQLTransactionError("the server is in recovery and takes no writes")
    system, timeline = "", 0
    with contextlib.suppress(*_KEPT_FROM_US):
        system, timeline = await conn.fetchrow(SQL["lineage"], timeout=seconds)
    parts = f"{row['stored']} {system} {timeline}"
    return Epoch(blake2b(parts.encode(), digest_size=16).hexdigest(), system, timeline)


async def bound(conn: Any, seconds: float) -> None:
    """Let no session on this connection hold up others: see the statement."""
    await conn.execute(SQL["bounds"], str(round(seconds * 1000)), str(max(1, round(seconds))), timeout=seconds)


async def renew(conn: Any) -> None:
    """Begin a new epoch: cursors of before mean nothing any more."""
    await conn.execute(SQL["renew"])
