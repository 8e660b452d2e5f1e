"""What grows with the database, with the batch and with the rooms in use, and what does not: `python -m bench.growth`.

Three tables: pages touched by what is asked all day long (`questions.py`) on seeded databases of several sizes; processor
time and pages per row of the journal's statement, by rows in a batch; memory of one `hubbub serve` by rooms in use.
Pages and bytes hold anywhere; microseconds are this machine's. Before: `store/seeding.py` fills the databases.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import psutil  # type: ignore[import-untyped]
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.connects import Client
from bench.database import TOKEN_SECONDS, BenchDatabase, bench_database
from bench.machine import machine, short_name
from bench.memory import held
from bench.questions import MODES, QUESTIONS, Question, cost, landmarks, sends
from bench.suite import ROOT
from bench.targets import HUBBUB
from hubbub.chat.tokens import Tokens
from hubbub.domain.ids import new_id
from hubbub.store import migrate
from hubbub.store.journal import SQL
from hubbub.store.seeding import Size, sow

Row = dict[str, Any]
Lines = tuple[str, list[str], list[list[str]]]  # title, column heads, rows

_RESULTS: Final = Path(__file__).parent / "results" / "growth"
_BATCHES: Final = (1, 10, 50, 100, 400, 1_000)
_ROUNDS: Final = 5
_PEOPLE: Final = 20  # sockets that are in all the rooms together: `ready` tells each of 500 at most
_SETTLE_SECONDS: Final = 4.0  # two looks at the rooms in use, and what connecting set off


def main() -> int:
    """The program. Exit codes: 0 done; 1 a question touched more than its bound."""
    options = _options()
    console = Console() if sys.stdout.isatty() else Console(width=140)
    results = asyncio.run(_measure(options, lambda said: console.print(said, style="dim", markup=False)))
    for title, heads, rows in tables(results):
        table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for index, head in enumerate(heads):
            table.add_column(head, justify="left" if index == 0 else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    _write(results, options, console)
    over = [row["name"] for row in results["questions"] if row["pages"] > row["bound"]]
    if over:
        console.print(f"Over the bound: {', '.join(dict.fromkeys(over))}", style="red", markup=False)
    return 1 if over else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.growth", description=(__doc__ or "").partition("\n")[0])
    whole: Callable[[str], int] = lambda text: int(float(text))  # noqa: E731 - argparse names it in its complaints
    parser.add_argument(
        "--messages", type=whole, nargs="+", default=[10_000, 1_000_000], help="sizes of databases, such as 1e4 1e6 1e7"
    )
    parser.add_argument(
        "--rooms", type=whole, nargs="+", default=[10, 100, 1_000, 10_000], help="rooms in use, up to 10,000"
    )
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="of the journal's statement per batch size and round (1)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument(
        "--record", action="store_true", help="write bench/results/growth/<date>-<machine>.json and .md"
    )
    return parser.parse_args()


async def _measure(options: argparse.Namespace, tell: Callable[[str], None]) -> Row:
    began = time.monotonic()
    (ROOT / "tmp").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="growth-", dir=ROOT / "tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        facts = machine(folder)
        async with bench_database(folder) as database:
            asked: list[Row] = []
            for messages in sorted(options.messages):
                async with seeded(database, messages, tell) as conn:
                    asked += await ask_all(conn, messages)
                    if messages == max(options.messages):
                        tell(f"The journal's statement, {_ROUNDS} rounds")
                        journal = await journal_by_batch(conn, options.seconds)
            memory = [await memory_in_use(database, folder, rooms, tell) for rooms in sorted(options.rooms)]
            postgres = await database.facts()
    return {
        "format": 1,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": time.monotonic() - began,
        "machine": facts,
        "postgres": postgres,
        "questions": asked,
        "journal": journal,
        "memory": memory,
    }


@asynccontextmanager
async def seeded(
    database: BenchDatabase, messages: int, tell: Callable[[str], None]
) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a new database with so many messages; it is dropped afterwards."""
    spec = database.spec.with_database(f"growth_{messages}")
    admin = await database.connect()
    try:
        await admin.execute(f"CREATE DATABASE {spec.database}")
        await migrate.upgrade(lambda: asyncpg.connect(**spec.asyncpg_kwargs()))
        conn = await asyncpg.connect(**spec.asyncpg_kwargs())
        try:
            began = time.monotonic()
            await sow(conn, Size(messages), lambda done: None)
            tell(f"{messages:,} messages sown in {time.monotonic() - began:,.0f} s")
            yield conn
        finally:
            await conn.close()
        await admin.execute(f"DROP DATABASE {spec.database} WITH (FORCE)")
    finally:
        await admin.close()


async def ask_all(conn: asyncpg.Connection, messages: int) -> list[Row]:
    """What each question costs here, planned both ways."""
    here = await landmarks(conn)
    found: list[Row] = []
    for question in QUESTIONS:
        for mode in MODES:
            one = await cost(conn, question, here, mode)
            found.append(
                {"name": question.name, "asks": question.asks, "mode": mode, "messages": messages, "rows": one.rows,
                 "pages": one.pages, "bound": question.pages, "milliseconds": one.milliseconds}
            )  # fmt: skip
    return found


async def journal_by_batch(conn: asyncpg.Connection, seconds: float) -> list[Row]:
    """Pages and processor time of PostgreSQL per row, batches of all sizes in turn, each row in a room of its own choice."""
    here = await landmarks(conn)
    senders = await conn.fetch(
        "SELECT DISTINCT ON (room_id) room_id, user_id FROM room_members WHERE room_id = ANY ($1::uuid[]) ORDER BY room_id",
        list(here.rooms),
    )
    backend = psutil.Process(await conn.fetchval("SELECT pg_backend_pid()"))
    took: dict[int, list[float]] = {rows: [] for rows in _BATCHES}
    turn = 0
    for _ in range(_ROUNDS):
        for rows in _BATCHES:
            stored = 0
            before, end = backend.cpu_times(), time.monotonic() + seconds
            while time.monotonic() < end:
                chosen = [senders[(turn + number) % len(senders)] for number in range(rows)]
                turn += rows
                ids = [new_id() for _ in range(rows)]
                answer = await conn.fetch(
                    SQL["append"], ids, [one["user_id"] for one in chosen], [one["room_id"] for one in chosen],
                    ["x" * 100] * rows, [str(one) for one in ids], [None] * rows,
                )  # fmt: skip
                stored += sum(row["outcome"] == "stored" for row in answer)
            after = backend.cpu_times()
            spent = after.user - before.user + after.system - before.system
            took[rows].append(1e6 * spent / stored)
    found = []
    for rows in _BATCHES:
        question = Question("", "messages.append", lambda h, rows=rows: sends(h, rows), 0, None, is_kept=True)  # type: ignore[misc]
        one = await cost(conn, question, here, "generic")
        found.append(
            {"rows": rows, "cpu_us": median(took[rows]), "cpu_us_rounds": took[rows], "pages": one.pages / rows}
        )
    return found


async def memory_in_use(database: BenchDatabase, folder: Path, rooms: int, tell: Callable[[str], None]) -> Row:
    """Memory of a new server with so many rooms in use by twenty sockets, idle."""
    tokens = Tokens(database.secret, TOKEN_SECONDS)
    people = [(uuid4(), uuid4()) for _ in range(_PEOPLE)]
    await _furnish(database, people, rooms)
    await database.calm()
    async with HUBBUB.make(database, folder) as process:
        assert process.match is not None
        port = int(process.match[1])
        loop = asyncio.get_running_loop()
        clients = []
        async with asyncio.timeout(120):
            for user_id, session_id in people:
                auth = {"token": tokens.issue(user_id, session_id)}
                _, client = await loop.create_connection(lambda auth=auth: Client(auth, None), "127.0.0.1", port)  # type: ignore[misc]
                clients.append(client)
                await client.live
        await asyncio.sleep(_SETTLE_SECONDS)
        found = held(process.pid)
        for client in clients:
            client.transport.abort()
    tell(f"{rooms:,} rooms in use: {found / 2**20:.1f} MB")
    return {"rooms": rooms, "bytes": found}


async def _furnish(database: BenchDatabase, people: Sequence[tuple[UUID, UUID]], rooms: int) -> None:
    """Person n of twenty is in every twentieth room, and at least in one."""
    places = [uuid4() for _ in range(rooms)]
    ids = [user_id for user_id, _ in people]
    pairs = [(places[number % rooms], ids[number % _PEOPLE]) for number in range(max(rooms, _PEOPLE))]
    conn = await database.connect()
    try:
        async with conn.transaction():
            await conn.execute(
                "INSERT INTO users (user_id, username) SELECT id, id::text FROM unnest($1::uuid[]) AS p (id)", ids
            )
            await conn.execute(
                "INSERT INTO hubbub.auth_sessions (session_id, user_id, expires_at) "
                "SELECT s.id, s.user_id, now() + interval '1 day' FROM unnest($1::uuid[], $2::uuid[]) AS s (id, user_id)",
                [session_id for _, session_id in people],
                ids,
            )
            await conn.execute(
                "INSERT INTO rooms (room_id, room_name) SELECT id, id::text FROM unnest($1::uuid[]) AS r (id)", places
            )
            await conn.execute(
                "INSERT INTO room_members (room_id, user_id) SELECT * FROM unnest($1::uuid[], $2::uuid[])",
                [room_id for room_id, _ in pairs],
                [user_id for _, user_id in pairs],
            )
    finally:
        await conn.close()


def tables(results: Row) -> list[Lines]:
    """Title, column heads and rows of each table."""
    sizes = sorted({row["messages"] for row in results["questions"]})
    asked = []
    for name in dict.fromkeys(row["name"] for row in results["questions"]):
        rows = [row for row in results["questions"] if row["name"] == name]
        cells = [
            " · ".join(f"{row['pages']:,}" for row in rows if row["messages"] == size) for size in sizes
        ]  # custom, then generic
        asked.append([name, *cells, f"{rows[0]['bound']:,}"])
    journal = [[f"{row['rows']:,}", f"{row['cpu_us']:.0f}", f"{row['pages']:.0f}"] for row in results["journal"]]
    memory, first = [], results["memory"][0]
    for row in results["memory"]:
        more = row["rooms"] - first["rooms"]
        each = f"{(row['bytes'] - first['bytes']) / more / 1024:.1f}" if more else ""
        memory.append([f"{row['rooms']:,}", f"{row['bytes'] / 2**20:.1f}", each])
    heads = ["", *(f"{size:,} messages" for size in sizes), "bound"]
    return [
        ("Pages touched, by plans for the values · for any values", heads, asked),
        ("The journal's statement, by rows in a batch", ["rows", "PostgreSQL µs/row", "pages/row"], journal),
        ("Memory of `hubbub serve`, by rooms in use", ["rooms", "MB", "kB for each more"], memory),
    ]


def markdown(results: Row) -> str:
    """The same as a page."""
    facts = results["machine"]
    parts = [f"# Growth, {results['date']}"]
    for title, heads, rows in tables(results):
        lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
        parts.append(f"## {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    parts.append(
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB, {facts['kernel']}; Python {facts['python']}, "
        f"PostgreSQL {results['postgres']['server_version']}; load before: {facts['load_before'][0]}; "
        f"{results['seconds']:.0f} s. A page is 8 kB, in memory or not."
    )
    return "\n\n".join(parts) + "\n"


def _write(results: Row, options: argparse.Namespace, console: Console) -> None:
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    if options.json is not None:
        options.json.write_text(text)
        console.print(f"Written: {options.json}")
    if options.record:
        stem = f"{results['date'][:10]}-{short_name(results['machine'])}"
        _RESULTS.mkdir(parents=True, exist_ok=True)
        (_RESULTS / f"{stem}.json").write_text(text)
        (_RESULTS / f"{stem}.md").write_text(markdown(results))
        console.print(f"Written: bench/results/growth/{stem}.json and .md")


if __name__ == "__main__":
    sys.exit(main())
