"""Holds a database against everything that has to be so: what `hubbub verify` does.

Promises: changes nothing; all checks but those of the indexes see one moment, in one REPEATABLE READ, READ ONLY
transaction, beside whoever writes; each check is a named statement of `sql/verify.sql` that reads the tables themselves
and not their indexes; what it says names ids, never what people wrote. A whole table is read several times: minutes for
ten million messages, and VACUUM waits for the transaction meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import asyncpg

from hubbub.store.database import Connection
from hubbub.store.statements import load

SQL: Final = load("verify")
_EXAMPLES: Final = 5  # as many as the statements name
_RESTORE: Final = "Restore the latest backup that is whole: hubbub backups; hubbub verify --backup FOLDER."
_BY_HAND: Final = (
    "Look at the rows named with hubbub db psql, and find out who wrote them; then mend them or restore a backup."
)
_SCHEMA: Final = "Make what is missing again, as store/schema.sql shows it; or restore a backup."


class Rule(NamedTuple):
    """What has to be so.

    Attributes:
        name: of the statement, and for machines.
        sentence: what holds, for people.
        mend: what to do where it does not.
    """

    name: str
    sentence: str
    mend: str


RULES: Final = (
    Rule("constraints", "every constraint, foreign key and index of the schema is there and valid", _SCHEMA),
    Rule("triggers", "every trigger and function of the schema is there, switched on, and as it was made", _SCHEMA),
    Rule("numbers_within", "no place, change or watermark is above the counter of its room", _RESTORE),
    Rule("numbers_once", "no number of a room was given twice", _RESTORE),
    Rule("no_gap", "no number of a room is missing that nothing explains", _RESTORE),
    Rule("counters", "the counters of each room say what its rows say", _BY_HAND),
    Rule("watermarks", "who has read a message was given it", _BY_HAND),
    Rule("receipts", "receipt rows agree with the watermarks of their readers", _BY_HAND),
    Rule("receipts_lead_somewhere", "every receipt is of a message and a person that are there", _BY_HAND),
    Rule("messages_lead_somewhere", "every message has its room and its author, every earlier text its message", _RESTORE),
    Rule("the_rest_leads_somewhere", "memberships, sessions and remembered commands are of people who are there", _BY_HAND),
    Rule("replies", "every reply is to an earlier message of its room", _BY_HAND),
    Rule("tombstones", "deleted messages have no text left, and edits are numbered", _BY_HAND),
    Rule("texts", "texts are those that were sent (SHA-256, where a client id came with them)", _RESTORE),
    Rule("people_once", "no username or e-mail address is used twice", _BY_HAND),
    Rule("rooms_once", "no room, name of a room or membership is there twice", _BY_HAND),
    Rule("messages_once", "no message, receipt or client id is there twice", _RESTORE),
    Rule("messages_view", "messages_with_user_view says what the tables say", _SCHEMA),
    Rule("other_views", "room_stats_view and active_users_view say what the tables say", _SCHEMA),
)  # fmt: skip
INDEXES: Final = Rule(
    "indexes",
    "every index has all rows of its table, in order (amcheck)",
    'Make each index named anew: hubbub db psql -- -c "REINDEX INDEX CONCURRENTLY the_index"',
)
NO_AMCHECK: Final = "amcheck is not there for this role; an administrator adds it with: CREATE EXTENSION amcheck"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one rule.

    Attributes:
        broken: how many rows break it; None where it could not be looked at.
        examples: some of them, or why not.
    """

    rule: Rule
    broken: int | None
    examples: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.rule.name,
            "sentence": self.rule.sentence,
            "broken": self.broken,
            "examples": list(self.examples),
            "mend": self.rule.mend if self.broken else None,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A database, looked at whole.

    Attributes:
        counts: rows by kind.
    """

    counts: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def is_whole(self) -> bool:
        """True where no rule is broken."""
        return not any(finding.broken for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "whole": self.is_whole,
            "counts": self.counts,
            "checks": [finding.as_json() for finding in self.findings],
        }


STEPS: Final = len(RULES) + 2  # of `verify`'s progress: the counts, the rules, the indexes


async def verify(conn: Connection, step: Callable[[str], None]) -> Report:
    """Look at everything; takes minutes on a large database, and no lock that anybody who reads or writes waits for.

    Args:
        conn: outside a transaction; its schema has to be the newest.
        step: called before each of `STEPS` steps, with its sentence.

    Raises:
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: it could not be looked at.
    """
    made = _made()
    arguments: dict[str, tuple[list[str], ...]] = {
        "triggers": (made.triggers, list(made.functions), list(made.functions.values())),
        "constraints": (made.constraints, made.indexes),
    }
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        await conn.execute(SQL["plainly"])
        step("counting")
        counts = {row["name"]: row["count"] for row in await conn.fetch(SQL["counts"], timeout=None)}
        findings = []
        for rule in RULES:
            step(rule.sentence)
            if rule.name == "messages_view":
                await conn.execute(SQL["by_index"])
            row = await conn.fetchrow(SQL[rule.name], *arguments.get(rule.name, ()), timeout=None)
            findings.append(Finding(rule, row["broken"], tuple(row["examples"] or ())))
    step(INDEXES.sentence)
    findings.append(await _indexes(conn))
    return Report(counts, tuple(findings))


async def _indexes(conn: Connection) -> Finding:
    """Each index by itself, so that the first that disagrees does not keep us from the others."""
    schema = await conn.fetchval(SQL["amcheck"])
    if schema is None:
        return Finding(INDEXES, None, (NO_AMCHECK,))
    wrong = []
    for row in await conn.fetch(SQL["btrees"]):
        try:
            async with conn.transaction(readonly=True):
                await conn.execute(SQL["plainly"])
                await conn.execute(SQL["amcheck_path"], schema)
                await conn.fetchval(SQL["check_btree"], row["index"], timeout=None)
        except asyncpg.UndefinedTableError:
            continue  # it was removed meanwhile
        except (asyncpg.IndexCorruptedError, asyncpg.DataCorruptedError):
            wrong.append(f"index {row['name']}")
    return Finding(INDEXES, len(wrong), tuple(wrong[:_EXAMPLES]))


class _Made(NamedTuple):
    """What schema.sql makes, by names with their schema."""

    triggers: list[str]
    functions: dict[str, str]
    constraints: list[str]
    indexes: list[str]


@cache
def _made() -> _Made:
    text = files("hubbub.store").joinpath("schema.sql").read_text(encoding="utf-8")
    statements = re.findall(r"^(?:CREATE TABLE|ALTER TABLE) (\S+)(.*?);$", text, re.MULTILINE | re.DOTALL)
    return _Made(
        [
            f"{table} {name}"
            for name, table in re.findall(r"^CREATE TRIGGER (\w+) .*? ON ([\w.]+)", text, re.MULTILINE | re.DOTALL)
        ],
        dict(re.findall(r"^CREATE FUNCTION ([\w.]+)\(.*?\sAS \$\$(.*?)\$\$", text, re.MULTILINE | re.DOTALL)),
        [f"{table} {name}" for table, body in statements for name in re.findall(r"CONSTRAINT (\w+)", body)],
        [
            f"{schema}.{name}"
            for name, schema in re.findall(r"^CREATE (?:UNIQUE )?INDEX (\w+) ON (\w+)\.", text, re.MULTILINE)
        ],
    )
