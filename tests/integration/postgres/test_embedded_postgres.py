"""The embedded PostgreSQL: made once, found again, one at a time, and brought back from every death."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.integration.postgres.operators_server import environment, system_bin

from hubbub.postgres import ConnectionSpec, PostgresUnavailable, account, directory, postmaster
from hubbub.postgres.embedded import EmbeddedPostgres

HOLDER = Path(__file__).with_name("holder.py")
MakeServer = Callable[..., EmbeddedPostgres]

pytestmark = pytest.mark.timeout(60)


def quiet(_: str) -> None:
    """Progress that nobody watches."""


async def query(spec: ConnectionSpec, sql: str) -> Any:
    connection = await asyncpg.connect(**spec.asyncpg_kwargs())
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def until_answers(spec: ConnectionSpec, sql: str = "SELECT 1", limit: float = 30.0) -> Any:
    """The answer, once the database gives one again; fails after `limit` seconds."""
    async with asyncio.timeout(limit):
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return await query(spec, sql)
            await asyncio.sleep(0.02)


class Holder:
    """`holder.py` as a process."""

    def __init__(self, root: Path, uid: int | None = None, prefix: Sequence[str] = ()) -> None:
        command = [*prefix, sys.executable, str(HOLDER), str(root)]
        if uid is not None:
            command = account.Account(uid, uid, "ordinary", drops=True).command(
                *command, needs=(Path(sys.executable).resolve().parent, HOLDER.parent, Path(sys.prefix), root.parent)
            )
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(PYTHONPATH=os.pathsep.join(p for p in sys.path if p)),
        )  # fmt: skip
        assert self.process.stdout is not None
        self.said: dict[str, Any] = json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """Let it stop its server and end; harmless once killed."""
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate(timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    held: list[Holder] = []

    def make(root: Path, uid: int | None = None, prefix: Sequence[str] = ()) -> Holder:
        held.append(Holder(root, uid, prefix))
        return held[-1]

    yield make
    for holder in held:
        holder.close()


async def test_first_start_makes_a_database_and_the_second_finds_it(folder: Path, embedded: MakeServer) -> None:
    steps: list[str] = []
    server = embedded()
    spec = await server.start(steps.append)
    assert [step.split()[0] for step in steps] == ["Making", "Starting", "Creating"]
    assert (spec.database, spec.user, spec.is_managed) == ("chatdb", "hubbub", True)
    shown = {name: await query(spec, f"SHOW {name}") for name in (
        "data_checksums", "fsync", "synchronous_commit", "listen_addresses", "server_encoding", "max_connections",
    )}  # fmt: skip
    assert shown == {
        "data_checksums": "on", "fsync": "on", "synchronous_commit": "on", "listen_addresses": "",
        "server_encoding": "UTF8", "max_connections": "25",
    }  # fmt: skip
    assert await query(spec, "SELECT lower('ÄÖ') || ('B' < 'a' COLLATE \"default\")") == "äötrue"
    await query(spec, "CREATE TABLE kept AS SELECT 42 AS answer")
    await server.stop()
    assert not postmaster.running(server.layout().data)

    steps.clear()
    again = await embedded().start(steps.append)
    assert [step.split()[0] for step in steps] == ["Starting"]
    assert await query(again, "SELECT answer FROM kept") == 42
    assert "hubbub.lock" in (folder / "data" / "README.txt").read_text()


async def test_the_way_in_is_closed_to_other_accounts(embedded: MakeServer) -> None:
    server = embedded()
    await server.start(quiet)
    layout = server.layout()
    assert stat.S_IMODE(layout.home.stat().st_mode) == 0o700
    assert stat.S_IMODE(layout.socket_dir.stat().st_mode) == 0o700
    assert server.pid is not None
    assert Path(f"/proc/{server.pid}").stat().st_uid == layout.home.stat().st_uid
    assert layout.home.stat().st_uid != 0


async def test_a_long_path_gets_a_socket_elsewhere(folder: Path, embedded: MakeServer) -> None:
    server = embedded(folder / ("long" * 25) / "data")
    spec = await server.start(quiet)
    socket_dir = Path(spec.hosts[0][0])
    try:
        assert socket_dir.name.startswith("hubbub-")
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        assert await query(spec, "SELECT 1") == 1
    finally:
        await server.stop()
        socket_dir.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="is an ordinary user already: every other test shows it")
async def test_as_an_ordinary_user(folder: Path, hold: Callable[..., Holder]) -> None:
    root = folder / "home" / "data"
    root.parent.mkdir()
    os.chown(root.parent, 65534, 65534)
    folder.chmod(0o755)
    holder = hold(root, uid=65534)
    assert holder.said["uid"] == 65534
    assert Path(f"/proc/{holder.said['pid']}").stat().st_uid == 65534
    holder.close()
    # Root finds the data later, and runs PostgreSQL as its owner.
    server = EmbeddedPostgres(root, chosen_bin=None, pool_size=5)
    await server.start(quiet)
    try:
        assert Path(f"/proc/{server.pid}").stat().st_uid == 65534
    finally:
        await server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of somebody else's")
def test_somebody_elses_data_is_refused_by_name(folder: Path, hold: Callable[..., Holder]) -> None:
    root = folder / "data"
    home = root / "postgres" / "18"
    home.mkdir(parents=True, mode=0o700)
    for path in (folder, root, home.parent):
        path.chmod(0o777)
    holder = hold(root, uid=65534)
    assert holder.said["trouble"]["kind"] == "data_directory"


async def test_a_second_server_is_refused_and_told_who_holds_it(
    folder: Path, embedded: MakeServer, hold: Callable[..., Holder]
) -> None:
    holder = hold(folder / "data")
    with pytest.raises(PostgresUnavailable) as refused:
        await embedded().start(quiet)
    assert refused.value.trouble.kind == "in_use"
    assert str(holder.process.pid) in refused.value.trouble.detail
    # Commands work beside the one that runs.
    spec = await embedded().attach()
    assert spec is not None
    assert await query(spec, "SELECT 1") == 1
    holder.close()
    assert await query(await embedded().start(quiet), "SELECT 1") == 1


async def test_a_killed_hubbubs_server_is_taken_over(
    folder: Path, embedded: MakeServer, hold: Callable[..., Holder]
) -> None:
    holder = hold(folder / "data")
    orphan = holder.said["pid"]
    holder.kill()
    assert postmaster.is_alive(orphan)
    steps: list[str] = []
    server = embedded()
    spec = await server.start(steps.append)
    assert server.pid == orphan
    assert steps[0].startswith("Taking over")
    # It is watched over like a child ...
    os.kill(orphan, signal.SIGKILL)
    await until_answers(spec)
    assert server.pid != orphan
    # ... and stopped like one.
    await server.stop()
    assert not postmaster.leftovers(server.layout().data)


# What Docker leaves to root.
_KEPT = "+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+setfcap"
_LACKING = ("setpriv", f"--bounding-set=-all,{_KEPT}", "--inh-caps=-all")
_root_only = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root has capabilities to lack"
)


@_root_only
@pytest.mark.parametrize("prefix", [(), _LACKING], ids=["root", "container"])
def test_programs_in_a_closed_folder_find_each_other(folder: Path, prefix: tuple[str, ...]) -> None:
    """In an environment below /root, say: PostgreSQL's look for each other by access(2), which forgets capabilities."""
    program = folder / "initdb"
    program.touch(0o755)
    ordinary = account.Account(65534, 65534, "ordinary", drops=True)
    asked = f"import os; print(os.geteuid(), os.access({str(program)!r}, os.R_OK | os.X_OK))"
    command = ordinary.command(sys.executable, "-I", "-c", asked, needs=(folder,))
    answer = subprocess.run([*prefix, *command], capture_output=True, text=True, timeout=30, check=False)
    assert answer.stdout == "65534 True\n", answer.stderr


@_root_only
def test_root_of_a_container_knows_its_server(folder: Path, hold: Callable[..., Holder]) -> None:
    """Without CAP_SYS_PTRACE a running server must not be taken for a stale number; the closed folder is passed through."""
    first = hold(folder / "data", prefix=_LACKING)
    assert first.said["uid"] == 0
    answer = subprocess.run(
        [*_LACKING, sys.executable, "-m", "hubbub.cli.main", "db", "psql", "--", "-tAc", "SELECT 42"],
        env=environment(PYTHONPATH=os.pathsep.join(p for p in sys.path if p), HUBBUB_DATA_DIR=str(folder / "data")),
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert answer.stdout.strip() == "42", answer.stderr
    first.kill()
    second = hold(folder / "data", prefix=_LACKING)
    assert second.said["pid"] == first.said["pid"]


async def test_an_orphan_with_other_settings_is_replaced(
    folder: Path, embedded: MakeServer, hold: Callable[..., Holder]
) -> None:
    holder = hold(folder / "data")
    holder.kill()
    server = embedded(pool_size=30)
    spec = await server.start(quiet)
    assert server.pid != holder.said["pid"]
    assert await query(spec, "SHOW max_connections") == "50"


async def test_a_killed_postmaster_comes_back_while_old_backends_hold_its_memory(embedded: MakeServer) -> None:
    server = embedded()
    spec = await server.start(quiet)
    await query(spec, "CREATE TABLE kept AS SELECT 42 AS answer")
    # A backend that computes does not notice for a while that its postmaster is gone.
    busy = await asyncpg.connect(**spec.asyncpg_kwargs())
    work = asyncio.create_task(busy.execute("SELECT count(*) FROM generate_series(1, 1000000000)"))
    deadline = time.monotonic() + 10
    while not await query(
        spec,
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND state = 'active' AND pid <> pg_backend_pid()",
    ):
        assert time.monotonic() < deadline
    killed = server.pid
    assert killed is not None
    began = time.monotonic()
    os.kill(killed, signal.SIGKILL)
    assert await until_answers(spec, "SELECT answer FROM kept") == 42
    assert server.pid not in (None, killed)
    assert time.monotonic() - began < 20
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await work
    busy.terminate()


async def test_five_deaths_in_a_row_lose_nothing(embedded: MakeServer) -> None:
    server = embedded()
    spec = await server.start(quiet)
    await query(spec, "CREATE TABLE kept (n int)")
    for n in range(5):
        await until_answers(spec, f"INSERT INTO kept VALUES ({n}) RETURNING n")
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await postmaster.wait_gone(pid, 10)
    assert await until_answers(spec, "SELECT array_agg(n ORDER BY n) FROM kept") == [0, 1, 2, 3, 4]


async def test_hubbub_and_postmaster_killed_together(
    folder: Path, embedded: MakeServer, hold: Callable[..., Holder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubbub.postgres.embedded._USUAL", -1.0)  # every start takes longer
    holder = hold(folder / "data")
    holder.kill()  # first: it would start another
    os.kill(holder.said["pid"], signal.SIGKILL)
    steps: list[str] = []
    server = embedded()
    assert await query(await server.start(steps.append), "SELECT 1") == 1
    cut_off = "PostgreSQL was not stopped cleanly and replays its log; this may take a while"
    assert cut_off in steps
    # What was stopped is not called cut off, however long its start takes.
    await server.stop()
    steps.clear()
    await embedded().start(steps.append)
    assert "PostgreSQL is starting" in steps
    assert cut_off not in steps


async def test_a_stale_pid_file_with_a_living_number_is_passed_over(
    folder: Path, embedded: MakeServer, hold: Callable[..., Holder]
) -> None:
    """As after a restart of a container, where the old number belongs to another program."""
    holder = hold(folder / "data")
    data = folder / "data" / "postgres" / "18" / "data"
    holder.kill()  # first: it would start another
    os.kill(holder.said["pid"], signal.SIGKILL)
    await asyncio.to_thread(lambda: _wait_alone(data))
    pidfile = data / "postmaster.pid"
    owner = data.stat()
    # An unrelated process of PostgreSQL's account: as another account's it would be passed over anyway.
    bystander = subprocess.Popen(
        account.Account(owner.st_uid, owner.st_gid, "owner", drops=os.geteuid() == 0).command("/bin/sleep", "60")
    )
    try:
        lines = pidfile.read_text().splitlines()
        pidfile.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
        assert await query(await embedded().start(quiet), "SELECT 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def _wait_alone(data: Path) -> None:
    deadline = time.monotonic() + 20
    while postmaster.leftovers(data):
        assert time.monotonic() < deadline


async def test_an_initialisation_cut_off_half_way_is_begun_anew(folder: Path, embedded: MakeServer) -> None:
    server = embedded()
    start = asyncio.create_task(server.start(quiet))
    home = folder / "data" / "postgres" / "18"
    deadline = time.monotonic() + 20
    while not list(home.glob("data.new-*/global")):
        assert not start.done()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    start.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await start
    assert not (home / "data").exists()
    half = list(home.glob("data.new-*"))
    assert half, "the cut left nothing behind, so nothing is tested"
    assert await query(await embedded().start(quiet), "SELECT 1") == 1
    assert not list(home.glob("data.new-*"))


async def test_data_of_another_version_is_never_passed_over(folder: Path, embedded: MakeServer) -> None:
    data = folder / "data" / "postgres" / "13" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("13\n")
    with pytest.raises(PostgresUnavailable) as refused:
        await embedded().start(quiet)
    assert refused.value.trouble.kind == "data_version"
    assert "13" in refused.value.trouble.title


async def test_a_postgresql_of_the_system_serves_as_well(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "data", chosen_bin=str(system_bin()), pool_size=5)
    try:
        spec = await server.start(quiet)
        assert await query(spec, "SELECT lower('ÄÖ')") == "äö"
    finally:
        await server.stop()


async def test_the_log_stays_bounded(embedded: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LOG_MAX_BYTES", 2_000)
    server = embedded()
    spec = await server.start(quiet)
    layout = server.layout()
    for _ in range(30):
        with contextlib.suppress(asyncpg.PostgresError):
            await query(spec.with_database("no_such_database"), "SELECT 1")
    assert layout.log.stat().st_size > 2_000
    directory.trim_log(layout)
    assert layout.log.stat().st_size == 0
    with contextlib.suppress(asyncpg.PostgresError):
        await query(spec.with_database("no_such_database"), "SELECT 1")
    # Appended at the new end, not after a hole.
    assert layout.log.read_bytes().startswith(b"2")


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 160 MB."""
    mount = folder / "disk"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", str(mount)], capture_output=True, check=False
    )
    if done.returncode != 0:
        assert os.environ.get("CI") != "true", f"a small file system is needed: {done.stderr.decode()}"
        pytest.skip("needs the right to mount a small file system")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


async def test_a_full_disk_that_is_emptied_again(small_disk: Path) -> None:
    server = EmbeddedPostgres(small_disk / "data", chosen_bin=None, pool_size=5)
    ballast = small_disk / "ballast"
    try:
        spec = await server.start(quiet)
        await query(spec, "CREATE TABLE kept (n int, filler text)")
        await query(spec, "INSERT INTO kept VALUES (1, '')")
        fill(ballast)
        connection = await asyncpg.connect(**spec.asyncpg_kwargs())
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await write_much(connection)
        connection.terminate()
        ballast.unlink()
        # The same server object goes on by itself, whether PostgreSQL survived or panicked.
        await until_answers(spec, "INSERT INTO kept VALUES (3, '') RETURNING n")
        assert await query(spec, "SELECT count(*) FROM kept WHERE n = 1") == 1
        await server.stop()

        fill(ballast)
        starved = EmbeddedPostgres(small_disk / "data", chosen_bin=None, pool_size=5)
        with pytest.raises(PostgresUnavailable) as refused:
            await starved.start(quiet)
        assert refused.value.trouble.kind == "disk_full"
        ballast.unlink()
        assert await query(await starved.start(quiet), "SELECT count(*) FROM kept WHERE n = 1") == 1
        await starved.stop()
    finally:
        await server.stop()


async def write_much(connection: asyncpg.Connection) -> None:
    """More than fits on the small disk."""
    for _ in range(200):
        await connection.execute(
            "INSERT INTO kept SELECT 2, repeat(md5(random()::text), 50) FROM generate_series(1, 1000)"
        )


def fill(path: Path) -> None:
    """Leave no byte."""
    with open(path, "wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(1_000_000))
    with open(path, "ab", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(512))
