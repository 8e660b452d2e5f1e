"""Where the blocks of one page are run, from top to bottom, as a reader would.

A folder like a checkout's; a PostgreSQL with the database `chatdb`, in which Ann has talked in `general`, named by
DATABASE_URL; and a Hubbub that serves it, from the first block on that speaks to one. What pages say of places
stands for this one's: every address of a database for this server, `/mnt` for a folder, `https://chat.example.org` and
`http://127.0.0.1:3001` for that Hubbub, `…` for an id.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from tests.docs.markdown import Block
from tests.docs.pages import ELSEWHERE, Page
from tests.integration.postgres.conftest import end_everything_in
from tests.migration.test_adoption import build
from tests.support import people
from tests.support.cluster import Cluster
from tests.support.database import Databases
from tests.support.people import SECRET, Person
from tests.support.process import ROOT
from tests.support.server import running

SERVERS = ("https://chat.example.org", "http://127.0.0.1:3001")
# Accounts that pages give rights to.
ROLES = "CREATE ROLE chatuser LOGIN; CREATE ROLE hubbub LOGIN SUPERUSER;"
TALK = """
    INSERT INTO messages (user_id, room_id, message_text)
    SELECT user_id, room_id, text FROM users, rooms, unnest(ARRAY['one', 'two', 'three']) AS text
    WHERE username = 'ann' AND room_name = 'general'
"""
IDS = """
    SELECT room_id, message_id, (SELECT user_id FROM users WHERE username = 'bob') AS user_id
    FROM messages JOIN rooms USING (room_id) ORDER BY seq DESC LIMIT 1
"""
# A program that would go on for ever, until it has said that it is ready.
UNTIL_READY = r"""#!/bin/sh
mkfifo "said.$$"
PROGRAM >"said.$$" 2>&1 &
tee /dev/stderr <"said.$$" | { grep -q -m 1 "READY"; ready=$?; kill $!; cat >/dev/null; exit $ready; } && wait $!
"""
MAKE = '#!/bin/sh\nunset MAKEFLAGS MAKELEVEL\nexec PROGRAM -n -C ROOT "$@" >/dev/null\n'


class FailedError(Exception):
    """A block did not end well; the message is what it printed."""


@dataclass
class World:
    """What all pages share: a server, a chat to copy, and programs.

    Attributes:
        template: the name of a database in which Ann has talked.
        ids: of the columns that pages leave out as `'…'`: Ann's last message, its room, and Bob, who is no member of it.
    """

    cluster: Cluster
    databases: Databases
    template: str
    ann: Person
    ids: dict[str, str]
    programs: Path

    @classmethod
    async def make(cls, cluster: Cluster, folder: Path) -> World:
        """Args:
        folder: for programs.
        """
        databases = Databases(cluster)
        cluster.psql("postgres", ROLES)
        template = databases.clone()
        conn = await asyncpg.connect(cluster.dsn(template))
        try:
            ann = await people.sign_up(conn, "ann", expires_in=86_400)
            await people.sign_up(conn, "bob")
            await conn.execute(
                "INSERT INTO room_members (room_id, user_id) SELECT room_id, $1 FROM rooms WHERE room_name = 'general'",
                ann.user_id,
            )
            await conn.execute(TALK)
            ids = {name: str(value) for name, value in dict(await conn.fetchrow(IDS)).items()}
        finally:
            await conn.close()
        for name in ELSEWHERE:
            _program(folder / name, "#!/bin/sh\n")
        hubbub = f"{Path(sys.executable).parent}/hubbub"
        others = f'#!/bin/sh\n[ "$1" = serve ] || exec {hubbub} "$@"\n'
        serve = UNTIL_READY.replace("PROGRAM", f'PORT=0 {hubbub} "$@"').replace("READY", "Hubbub is ready at")
        _program(folder / "hubbub", serve.replace("#!/bin/sh\n", others))
        watch = f'{shutil.which("prometheus")} "$@" --web.listen-address=127.0.0.1:0'
        _program(folder / "prometheus", UNTIL_READY.replace("PROGRAM", watch).replace("READY", "Server is ready"))
        _program(folder / "make", MAKE.replace("PROGRAM", shutil.which("make") or "make").replace("ROOT", str(ROOT)))
        return cls(cluster, databases, template, ann, ids, folder)


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@dataclass
class Reader:
    """Somebody who does what a page says."""

    world: World
    page: Page
    folder: Path
    node_modules: Path | None
    stack: AsyncExitStack
    url: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    async def do(self, block: Block) -> str | None:
        """Run one block; what went wrong, with all that was printed, or None."""
        try:
            await getattr(self, f"_{block.language}")(await self._here(block.text))
        except FailedError as failed:
            return str(failed)
        return None

    async def prepare(self) -> None:
        """What somebody did before."""
        if self.page.sql:
            await self._sql(self.page.sql)
        if self.page.shell:
            await self._sh(self.page.shell)

    async def prove(self) -> None:
        """What has to be so after the page."""
        if self.page.proof:
            asked = self._names(self.page.proof)
            assert self.world.cluster.psql("chatdb", asked) == "t\n", asked

    def _names(self, text: str) -> str:
        known = {"root": str(ROOT), "user": f"'{self.world.ann.id}'", "room": f"'{self.world.ids['room_id']}'"}
        for name, value in known.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    async def _here(self, text: str) -> str:
        """A block's text, of this place instead of the manual's."""
        for words, others in self.page.instead.items():
            text = text.replace(words, self._names(others))
        address = rf"postgresql://postgres@127.0.0.1:{self.world.cluster.port}/\1"
        text = re.sub(r"postgres(?:ql)?://[^\s/'\"]*/(\w+)", address, text)
        text = text.replace("/mnt/", f"{self.folder}/mnt/")
        if any(server in text for server in SERVERS):
            url = await self._serving()
            for server in SERVERS:
                text = text.replace(server, url)
        return text

    async def _serving(self) -> str:
        """The address of a Hubbub that serves `chatdb` until the page has ended."""
        if self.url is None:
            dsn = self.world.cluster.dsn("chatdb")
            self.url = (await self.stack.enter_async_context(running(dsn, self.folder / ".data"))).url
        return self.url

    async def _run(self, *argv: str | Path) -> str:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=self.folder, env=self.environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(400):
                printed = (await process.communicate())[0].decode(errors="replace")
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)  # what it has started, too
                await process.wait()
        if process.returncode != 0:
            raise FailedError(f"exit code {process.returncode}:\n{printed}")
        return printed

    async def _sh(self, text: str) -> None:
        await self._run("bash", "-xeuo", "pipefail", "-c", text)

    async def _console(self, text: str) -> None:
        """Commands behind `$ `, and below each what it prints: in these lines, with anything before, after and for `…`."""
        for command, shown in re.findall(r"^\$ (.*\n)((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            printed = await self._run("bash", "-euo", "pipefail", "-c", command)
            if not re.search(".*".join(map(re.escape, shown.split("…"))), printed):
                raise FailedError(f"{command}should print:\n{shown}It printed:\n{printed}")

    async def _sql(self, text: str) -> None:
        text = re.sub(r"(\w+_id) = '…'", lambda one: f"{one[1]} = '{self.world.ids[one[1]]}'", text)
        text = re.sub(r"\((\w+, \w+)\) VALUES \('…', '…'\)", self._values, text)
        await self._run(
            "psql", "-X", "-a", "-v", "ON_ERROR_STOP=1", "-d", "chatdb", "-f", self._file("block.sql", text)
        )

    def _values(self, insert: re.Match[str]) -> str:
        ids = ", ".join(f"'{self.world.ids[name]}'" for name in insert[1].split(", "))
        return f"({insert[1]}) VALUES ({ids})"

    def _file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    async def _js(self, text: str) -> None:
        assert self.node_modules is not None
        await self._serving()
        known = "" if "import { io }" in text else 'import { io } from "socket.io-client";\n'
        before, after = self.page.around.get("js", ("", ""))
        code = f"{known}const token = {json.dumps(self.world.ann.token)};\n{self._names(before)}\n{text}\n{after}\nprocess.exit();\n"
        modules = self.folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(self.node_modules)
        await self._run("node", self._file("block.mjs", code))

    async def _python(self, text: str) -> None:
        await self._serving()
        before, after = self.page.around.get("python", ("", "await client.disconnect()"))
        lines = f"{before}\n{text}\n{after}\n".replace("\n", "\n    ")
        code = f"import asyncio\nimport socketio\ntoken = {self.world.ann.token!r}\nasync def main():\n    {lines}\nasyncio.run(main())\n"
        await self._run(sys.executable, self._file("block.py", code))


LANGUAGES = ("sh", "console", "sql", "js", "python")


@asynccontextmanager
async def reader(world: World, page: Page, node_modules: Path | None) -> AsyncIterator[Reader]:
    """A reader who is about to begin a page, with what the page needs, all of which is taken away in the end.

    Args:
        node_modules: of the official client for Node, where the page has code for it.
    """
    databases = set(world.cluster.psql("postgres", "SELECT datname FROM pg_database").split())
    folder = Path(tempfile.mkdtemp(prefix="hb-docs-", dir="/tmp"))  # a socket's path may be 107 bytes long
    (folder / "mnt").mkdir()
    (folder / "deploy").symlink_to(ROOT / "deploy")
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
        "PATH": f"{world.programs}:{world.cluster.bin_dir}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1", "PGPORT": str(world.cluster.port), "PGUSER": "postgres", "PSQLRC": os.devnull,
        "JWT_SECRET": SECRET,
    }  # fmt: skip
    if page.begins == "chat":
        world.cluster.psql("postgres", f"CREATE DATABASE chatdb TEMPLATE {world.template} STRATEGY file_copy")
    elif page.begins == "older":
        world.cluster.psql("postgres", "CREATE DATABASE chatdb TEMPLATE template0")
        build(world.databases, "chatdb", "pg18", messages=100)
    if page.begins != "nothing":
        environment["DATABASE_URL"] = world.cluster.tcp_dsn("chatdb")
    try:
        async with AsyncExitStack() as stack:
            here = Reader(world, page, folder, node_modules, stack, environment=environment)
            await here.prepare()
            yield here
    finally:
        for data in folder.glob(".data*/**/data/PG_VERSION"):
            end_everything_in(data.parent)
        shutil.rmtree(folder)
        for name in set(world.cluster.psql("postgres", "SELECT datname FROM pg_database").split()) - databases:
            world.databases.drop(name)
