"""`hubbub db stats`, `activity`, `vacuum` and `explain`: how the database does, who does what in it, and what clears it up."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import asyncpg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from hubbub.cli import console, tables
from hubbub.cli.db import with_connection
from hubbub.postgres import PostgresUnavailable, Trouble
from hubbub.store import statements, statistics

_TABLES_MAX: Final = 200
_LIST_MAX: Final = 100
_LOCK_SECONDS: Final = 2
_LARGE: Final = 10_000  # rows from which on it matters whether a table is read whole
_Json = Annotated[bool, typer.Option("--json", help="For machines.")]

_TABLE_COLUMNS: Final = {
    "name": "table",
    "bytes": "size",
    "indexBytes": "indexes",
    "estimatedRows": "rows (estimate)",
    "deadRows": "dead rows",
    "vacuumedAt": "vacuumed (UTC)",
    "analyzedAt": "analysed (UTC)",
}
_ACTIVITY_COLUMNS: Final = {
    "pid": "pid",
    "application": "application",
    "role": "role",
    "client": "client",
    "state": "state",
    "since": "for",
    "waitsIn": "waits in",
    "waitsFor": "waits for",
    "query": "does",
}


def stats(as_json: _Json = False) -> None:
    """Sizes, rows, indexes unused and missing, cache hit rate, dead rows, connections, longest queries, last vacuum.

    From PostgreSQL's own statistics: it reads no rows of the chat, and numbers of rows are estimates.
    """
    settings = console.read_settings(as_json)
    found = console.run(settings, with_connection(settings, as_json, _stats), as_json=as_json)
    if as_json:
        tables.print_json({"ok": True, **found})
        return
    base = found["database"]
    tables.facts(
        {
            "Database": f"{base['name']}, {base['bytes']}, PostgreSQL {base['version']}, up since {tables.shown(base['startedAt'])} UTC",
            "Read from memory": "nothing was read yet"
            if base["hitRate"] is None
            else f"{base['hitRate']:.1%} of pages",
            "Transactions": f"{base['commits']:,} committed, {base['rollbacks']:,} rolled back, {base['deadlocks']:,} deadlocks",
            "Temporary files": base["tempBytes"],
            "Counted since": f"{tables.shown(base['countedSince'])} UTC",
            "Connections": f"{base['connections']:,} of {base['maxConnections']:,}",
        }
    )
    heads = {"database": "database", "application": "application", "role": "role", "state": "state"}
    tables.show(heads | {"connections": "connections"}, found["connections"])
    tables.show(_TABLE_COLUMNS, found["tables"], "Tables, the largest first")
    _findings(found)
    if found["longest"]:
        tables.show(_ACTIVITY_COLUMNS, found["longest"], "Queries that run now, the longest first")
    else:
        tables.say("No other query runs now.")


def _findings(found: dict[str, Any]) -> None:
    """What an operator may want to do something about, or that there is nothing."""
    if found["unindexedKeys"]:
        heads = {
            "table": "table",
            "definition": "foreign key",
            "bytes": "size of the table",
            "isHubbubs": "Hubbub's own",
        }
        title = "Foreign keys without an index: who removes a row they point to reads the table whole (Hubbub does not)"
        tables.show(heads, found["unindexedKeys"], title)
    else:
        tables.say("Every foreign key has an index.")
    if found["readWhole"]:
        heads = {
            "name": "table",
            "wholeReads": "times read whole",
            "rowsPerRead": "rows each",
            "indexReads": "by index",
        }
        tables.show(heads, found["readWhole"], "Large tables that are read whole: an index may be missing")
    else:
        tables.say(f"No table of more than {_LARGE:,} rows is read whole.")
    if found["unusedIndexes"]:
        heads = {"name": "index", "table": "table", "bytes": "size", "isHubbubs": "Hubbub's own"}
        tables.show(heads, found["unusedIndexes"], "Indexes that nothing has read since then (Hubbub's own stay)")
    else:
        tables.say("Every index has been used.")


async def _stats(conn: asyncpg.Connection) -> dict[str, Any]:
    # Asking a table's size waits for whoever has locked the whole table; an operator who looks then must not hang too.
    try:
        async with conn.transaction(readonly=True):
            await conn.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
            return await _read(conn)
    except asyncpg.LockNotAvailableError as error:
        title = "Somebody has locked a whole table, so that not even its size can be read"
        raise PostgresUnavailable(Trouble("locked", title, str(error), ("hubbub db activity --all",))) from error


async def _read(conn: asyncpg.Connection) -> dict[str, Any]:
    base = tables.row(await statistics.database(conn))
    pages = base["pagesInMemory"] + base["pagesRead"]
    base["hitRate"] = round(base["pagesInMemory"] / pages, 4) if pages else None
    connections = tables.rows(await statistics.connections(conn))
    base["connections"] = sum(one["connections"] for one in connections)
    listed = tables.rows(await statistics.tables(conn, _TABLES_MAX))
    return {
        "database": base,
        "tables": listed,
        "unindexedKeys": _whose(await statistics.unindexed_keys(conn, _LIST_MAX)),
        "readWhole": _read_whole(listed),
        "unusedIndexes": _whose(await statistics.unused_indexes(conn, _LIST_MAX)),
        "connections": connections,
        "longest": [doing(one) for one in await statistics.activity(conn, idle=False, limit=10)],
    }


def _whose(records: Sequence[asyncpg.Record]) -> list[dict[str, Any]]:
    """Rows of indexes or keys, each with whether it is of Hubbub's own schema."""
    own = statistics.own()
    return [one | {"isHubbubs": one["name"] in own} for one in tables.rows(records)]


def _read_whole(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the tables, those that are large and were read whole more than once; those that read them were many rows each."""
    found = [
        {**one, "rowsPerRead": one["rowsOfWholeReads"] // one["wholeReads"]}
        for one in listed
        if one["wholeReads"] > 1 and one["estimatedRows"] > _LARGE
    ]
    return sorted(
        (one for one in found if one["rowsPerRead"] > _LARGE), key=lambda one: one["rowsOfWholeReads"], reverse=True
    )


def doing(record: asyncpg.Record) -> dict[str, Any]:
    """A row of what runs: our own statements by name, others by the beginning of their text."""
    one = tables.row(record)
    query = " ".join((one["query"] or "").split())
    if query.startswith("/* "):
        query = query[3:].split(" */")[0]
    return one | {"query": query[:300]}


def activity(
    everyone: Annotated[bool, typer.Option("--all", help="Idle connections too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Most lines.")] = 50,
    as_json: _Json = False,
) -> None:
    """Who does what in the database now, for how long, and waiting for whom.

    Hubbub's own statements are named as in `hubbub db explain`. Parameters of queries are never shown. A query that has to
    end: `hubbub db psql -- -c "SELECT pg_cancel_backend(PID)"`.
    """
    settings = console.read_settings(as_json)

    async def look(conn: asyncpg.Connection) -> list[dict[str, Any]]:
        return [doing(one) for one in await statistics.activity(conn, idle=everyone, limit=limit)]

    found = console.run(settings, with_connection(settings, as_json, look), as_json=as_json)
    if as_json:
        tables.print_json({"ok": True, "activity": found})
    elif found:
        tables.show(_ACTIVITY_COLUMNS, found)
    else:
        tables.say("Nobody else is connected." if everyone else "Nothing runs now; idle connections: --all")


def vacuum(
    names: Annotated[list[str] | None, typer.Argument(metavar="TABLE", help="Which; all without it.")] = None,
    as_json: _Json = False,
) -> None:
    """VACUUM (ANALYZE), table by table: dead rows make room for new ones, and estimates are taken anew.

    PostgreSQL does so by itself; this is for after a large deletion or import. It blocks neither readers nor writers.
    """
    settings = console.read_settings(as_json)

    async def work(conn: asyncpg.Connection) -> list[dict[str, Any]]:
        listed = await statistics.to_vacuum(conn, names or None)
        known = {name for one in listed for name in (one["name"], one["name"].split(".", 1)[1])}
        if missing := set(names or ()) - known:
            title = f"There is no table {', '.join(sorted(missing))}"
            raise PostgresUnavailable(Trouble("no_table", title, "Nothing was done.", ("hubbub db stats",)))
        refused: list[str] = []
        conn.add_log_listener(lambda _, message: refused.append(message.message))
        done = []
        bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with console.bar(*bars, hidden=as_json) as progress:
            task = progress.add_task("", total=len(listed))
            for table in listed:
                progress.update(task, description=table["name"])
                before, after = await statistics.vacuum(conn, table)
                done.append(
                    {
                        "name": table["name"],
                        "deadRowsBefore": before["dead_rows"],
                        "deadRows": after["dead_rows"],
                        "bytes": tables.Bytes(after["bytes"]),
                        "freedBytes": tables.Bytes(max(0, before["bytes"] - after["bytes"])),
                        "refused": refused.pop() if refused else None,
                    }
                )
                progress.advance(task)
        return done

    done = console.run(settings, with_connection(settings, as_json, work), as_json=as_json)
    refused = [one for one in done if one["refused"]]
    if as_json:
        tables.print_json({"ok": not refused, "tables": done})
    else:
        heads = {"name": "table", "deadRowsBefore": "dead rows before", "deadRows": "after", "bytes": "size"}
        tables.show(heads | {"freedBytes": "given back to the disk"}, done)
        cleared = sum(one["deadRowsBefore"] - one["deadRows"] for one in done)
        freed = tables.Bytes(sum(one["freedBytes"] for one in done))
        tables.say(f"Room of {max(0, cleared):,} dead rows can be used again; {freed} went back to the disk.")
        if refused:
            words = tuple(one["refused"] for one in refused)
            console.show(Trouble("permission", "Not every table was cleared", "Only its owner may.", words))
    if refused:
        raise typer.Exit(console.EXIT_TROUBLE)


def explain(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="As in the list, such as `messages.before`.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="VALUE", help="$1, then $2 and so on; without any, the generic plan is shown."),
    ] = None,
    analyze: Annotated[
        bool, typer.Option("--analyze", help="Run it and show times; only what reads, and with all its --param.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """The plan of one of Hubbub's statements; without a name, the list of them.

    Nothing is written whatever the statement is: it is explained in a read-only transaction that is rolled back.
    """
    settings = console.read_settings(as_json)
    if name is None:
        _list_statements(as_json)
        return
    noun, _, statement = name.partition(".")
    sql = statements.load(noun).get(statement) if noun in statements.nouns() else None
    if sql is None or _is_template(sql):
        console.fail(Trouble("no_statement", f"There is no statement {name}", "", ("hubbub db explain",)), as_json)
    options = ("ANALYZE, BUFFERS, " if analyze else "") + f"FORMAT {'JSON' if as_json else 'TEXT'}"
    if analyze and parameters is None and "$1" in sql:
        raise typer.BadParameter("--analyze runs the statement, and needs all its --param")

    async def work(conn: asyncpg.Connection) -> list[str]:
        try:
            return await statistics.explain(conn, sql, parameters, options)
        except asyncpg.ReadOnlySQLTransactionError as error:
            raise PostgresUnavailable(
                Trouble(
                    "writes", f"{name} writes, and only what reads is run", str(error), (f"hubbub db explain {name}",)
                )
            ) from error
        except (asyncpg.DataError, asyncpg.PostgresSyntaxError, asyncpg.ProtocolViolationError) as error:
            detail = "The parameters do not fit: " + str(error)
            raise PostgresUnavailable(Trouble("parameters", f"{name} cannot be explained so", detail)) from error

    plan = console.run(settings, with_connection(settings, as_json, work), as_json=as_json)
    if as_json:
        facts = {"name": name, "purpose": statements.sentences(noun)[statement], "sql": sql}
        console.print_json({"ok": True, **facts, "plan": json.loads(plan[0])})
        return
    tables.say(statements.sentences(noun)[statement] + "\n\n" + sql + "\n")
    tables.say("\n".join(plan))


def _is_template(sql: str) -> bool:
    """Whether a statement has places for names of tables, and is none before they are filled."""
    return re.search(r"\{\w+\}", sql) is not None


def _list_statements(as_json: bool) -> None:
    listed = [
        {"name": f"{noun}.{name}", "purpose": statements.sentences(noun)[name]}
        for noun in statements.nouns()
        for name, sql in statements.load(noun).items()
        if not _is_template(sql)
    ]
    if as_json:
        console.print_json({"ok": True, "statements": listed})
    else:
        tables.show({"name": "statement", "purpose": "what it is for"}, listed)
