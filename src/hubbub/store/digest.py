"""What a database holds, in a form that two of them can be compared by: for each table its rows and a checksum.

Promises: the same rows have the same checksum in whatever order they stand, on any PostgreSQL from 14 to 18, whatever its
settings and the order of its columns; one pass over each table; all of one moment, the caller's snapshot.
(SHA-256 of each row as text, its first 64 bits summed: a row that is lost, doubled or changed shows; whoever would forge
rows on purpose is not what this is against.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from hubbub.postgres.quoting import quoted
from hubbub.store.database import Connection
from hubbub.store.statements import load

SQL: Final = load("digest")
# Who is connected, and which processes serve: in another database, or later, that is not so.
OF_THE_MOMENT: Final = frozenset({"public.active_sessions", "hubbub.nodes"})


@dataclass(frozen=True, slots=True)
class Table:
    """A table in schema `public` or `hubbub`.

    Attributes:
        columns: their names in alphabetical order, those that are computed left out.
        key: the columns of its primary key, in the key's order.
        has_text_key: one of those is text, which two databases may sort in two ways.
    """

    schema: str
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    has_text_key: bool

    @property
    def full_name(self) -> str:
        """For people, and as a key: `public.users`."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """As an SQL identifier."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


class Digest(NamedTuple):
    """What a table holds: how many rows, and a checksum of them all, in hexadecimal."""

    rows: int
    checksum: str


async def tables(conn: Connection) -> list[Table]:
    """Every table there is, in order of their names."""
    return [
        Table(row["schema"], row["name"], tuple(row["columns"]), tuple(row["key"]), row["has_text_key"])
        for row in await conn.fetch(SQL["tables"])
    ]


async def of(
    conn: Connection, which: list[Table], tell: Callable[[str, int, int], None] = lambda *_: None
) -> dict[str, Digest]:
    """The digest of each table by its full name. Reads all of them: seconds for a million messages.

    Args:
        conn: in a transaction, `repeatable_read` where all are to be of one moment.
        tell: called before each table with its name, how many are done, and how many there are.
    """
    await conn.execute(SQL["plain"])
    found = {}
    for number, table in enumerate(which):
        tell(table.full_name, number, len(which))
        query = SQL["digest"].format(columns=", ".join(map(quoted, table.columns)), table=table.sql)
        # Asked for all rows, not for one: where a client sets a limit, PostgreSQL reads in one process only.
        (row,) = await conn.fetch(query, timeout=None)
        found[table.full_name] = Digest(*row)
    return found


async def snapshot(conn: Connection) -> str:
    """A name by which other sessions may see what this transaction sees, while it lasts."""
    return str(await conn.fetchval(SQL["snapshot"]))
