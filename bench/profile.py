"""`make profile`: where the server's time goes, as a flame graph and a table for each case of the bench.

    make profile                                   # all cases, about two minutes
    make profile ARGS="--case delivery-8 connects"
    make profile ARGS="--native"                   # what runs below Python too: slower, for questions about C

Each case starts `hubbub serve` on the bench's PostgreSQL, puts the load client to it, and lets py-spy look at the
server from outside, 250 times a second, twice: once for `tmp/profile/<case>.svg`, once for `tmp/profile/<case>.txt`.
Only time in which the server runs is counted; waiting is not. Reading another process's memory takes the right to do
so: root, or `sysctl kernel.yama.ptrace_scope=0`, in a container `--cap-add SYS_PTRACE`.
Before: `database.py`, `targets.py`, `load/client.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from bench.database import BenchDatabase, Room, bench_database
from bench.load.client import MemberPlan, Phase, Plan
from bench.targets import HUBBUB

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "tmp" / "profile"
RATE: Final = 250  # looks a second
TOP: Final = 30  # functions in a table
_CLIENT_SECONDS: Final = 180.0
_PY_SPY: Final = Path(sys.executable).with_name("py-spy")


@dataclass(frozen=True, slots=True)
class Case:
    """What the load client does meanwhile.

    Attributes:
        rooms, members: how many rooms, and members of each.
        senders: how many of them send; 0: only connecting and joining is looked at.
        window: messages in flight for each.
    """

    doc: str
    rooms: int
    members: int
    senders: int
    window: int


CASES: Final = {
    "delivery-1": Case("500 in one room, one sends", 1, 500, 1, 4),
    "delivery-8": Case("500 in one room, eight send", 1, 500, 8, 4),
    "sends-1": Case("50 senders in rooms of two, one message in flight each", 50, 2, 50, 1),
    "sends-8": Case("50 senders in rooms of two, eight in flight each", 50, 2, 50, 8),
    "connects": Case("500 clients connect and join", 1, 500, 0, 0),
}


class ProfileError(Exception):
    """A profile could not be made; the message says why."""


def main() -> int:
    """The program. Exit codes: 0 done; 1 a profile could not be made."""
    parser = argparse.ArgumentParser(prog="bench.profile", description="Flame graphs of the server under load.")
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES), help="all by default")
    parser.add_argument("--seconds", type=float, default=6.0, help="of load that is looked at (6)")
    parser.add_argument("--native", action="store_true", help="look below Python too")
    options = parser.parse_args()
    try:
        asyncio.run(profile(options.case, options.seconds, options.native))
    except ProfileError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def profile(names: list[str], seconds: float, native: bool) -> None:
    """Make the graph and the table of each case.

    Raises:
        ProfileError: see there.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="profile-", dir=ROOT / "tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        async with bench_database(folder) as database:
            for number, case in enumerate(names):
                rooms = await database.furnish(f"profile{number}", CASES[case].rooms, CASES[case].members)
                for form, file in (("flamegraph", RESULTS / f"{case}.svg"), ("raw", folder / f"{case}.raw")):
                    await _record(CASES[case], database, folder, rooms, seconds, form, file, native)
                text = table((folder / f"{case}.raw").read_text())
                (RESULTS / f"{case}.txt").write_text(text)
                print(f"{case}: {CASES[case].doc}\n{text}Written: {RESULTS.relative_to(ROOT)}/{case}.svg and .txt\n")


async def _record(
    case: Case, database: BenchDatabase, folder: Path, rooms: list[Room], seconds: float, form: str, file: Path,
    native: bool,
) -> None:  # fmt: skip
    """A fresh server under the case's load, and py-spy's answer in `file`."""
    people = [(person, room.name) for room in rooms for person in room.people]
    senders = [index * len(people) // case.senders for index in range(case.senders)]
    phases = [Phase("load", senders, case.window, 1.0, seconds, own_copy=case.rooms == 1)] if senders else []
    async with HUBBUB.make(database, folder) as server:
        assert server.match is not None
        members = [MemberPlan(HUBBUB.auth(person), room) for person, room in people]
        plan = Plan(port=int(server.match[1]), members=members, phases=phases, body_bytes=100, watch={})
        connecting, loading = (_watching, _unwatched) if not senders else (_unwatched, _watching)
        async with _client(plan) as lines:
            async with connecting(server.pid, form, file, native):
                await _until(lines, "connected", len(people))
            async with loading(server.pid, form, file, native):
                if phases:
                    await _until(lines, "phase", "load")


@asynccontextmanager
async def _client(plan: Plan) -> AsyncIterator[asyncio.StreamReader]:
    """The load client as a process of its own, and what it says."""
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load.client", cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(msgspec.json.encode(plan))
    client.stdin.close()
    try:
        yield client.stdout
    finally:
        if client.returncode is None:
            client.kill()
        await client.wait()


async def _until(lines: asyncio.StreamReader, key: str, value: object) -> None:
    """Read on until the client says so."""
    async with asyncio.timeout(_CLIENT_SECONDS):
        async for line in lines:
            if json.loads(line).get(key) == value:
                return
    raise ProfileError("the load client ended early; what it said stands above")


@asynccontextmanager
async def _watching(pid: int, form: str, file: Path, native: bool) -> AsyncIterator[None]:
    """py-spy looks at a process for as long as the block lasts.

    Raises:
        ProfileError: it may not, or made nothing.
    """
    spy = await asyncio.create_subprocess_exec(
        _PY_SPY, "record", "--pid", str(pid), "--format", form, "--output", file, "--rate", str(RATE), "--function",
        *(["--native"] if native else []), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert spy.stdout is not None
    said = b""
    try:
        while b"Sampling process" not in said:
            line = await spy.stdout.readline()
            if not line:
                advice = "It takes root, or `sysctl kernel.yama.ptrace_scope=0`; in a container, --cap-add SYS_PTRACE."
                raise ProfileError(f"py-spy could not look at the server.\n{said.decode()}{advice}")
            said += line
        yield
        spy.send_signal(signal.SIGINT)  # it writes its file, and ends
        said += (await spy.communicate())[0]
    finally:
        if spy.returncode is None:
            spy.kill()
            await spy.wait()
    if spy.returncode != 0 or not file.exists():
        raise ProfileError(f"py-spy made nothing:\n{said.decode()}")


@asynccontextmanager
async def _unwatched(pid: int, form: str, file: Path, native: bool) -> AsyncIterator[None]:
    yield


def table(raw: str) -> str:
    """The functions in which most time was spent, from py-spy's folded stacks: `outer;…;inner count` a line.

    `self`: the share of looks that found the server in this very function; `with calls`: in it or in what it called.
    """
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_short(frame) for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        whole.update(dict.fromkeys(frames, int(count)))
    looks = own.total()
    if not looks:
        raise ProfileError("the server did nothing while it was looked at")
    rows = [f"{looks} looks\n  self  with calls  function"]
    rows += [f"{n / looks:6.1%}  {whole[name] / looks:10.1%}  {name}" for name, n in own.most_common(TOP)]
    return "\n".join(rows) + "\n"


def _short(frame: str) -> str:
    """A function and its file, without the way there and the line."""
    return re.sub(r"\((?:.*/(?:site-packages|src|lib/python[0-9.]+)/)?([^()]*?)(?::\d+)?\)$", r"(\1)", frame)


if __name__ == "__main__":
    sys.exit(main())
