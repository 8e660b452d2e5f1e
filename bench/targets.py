"""The servers that are measured, each a process of its own: Hubbub whole, and what one would pick instead.

All speak to the same load client. Before: `database.py`. After: `suite.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.support.process import Process, python

from bench.database import BenchDatabase, Person
from hubbub.config import Settings

PEERS: Final = Path(__file__).parent / "peers"
NODE_PEERS: Final = PEERS / "node"
_START_SECONDS: Final = 60.0
_SEND_RATE: Final = "HUBBUB_SEND_RATE"


class Missing(Exception):
    """A peer cannot run here; the message says what it needs."""


@dataclass(frozen=True, slots=True)
class Target:
    """One server.

    Attributes:
        name: as on the command line and in the results.
        label: as in the table.
        stores: True where a message is committed to PostgreSQL before it is acknowledged.
        syncs: True where who comes back is told what it missed.
        prepare: makes it ready to run once, before all rounds; raises `Missing`.
        make: a new process of it.
        auth: what a member says of itself on connecting.
        versions: what is measured.
    """

    name: str
    label: str
    stores: bool
    syncs: bool
    prepare: Callable[[], None]
    make: Callable[[BenchDatabase, Path], Process]
    auth: Callable[[Person], dict[str, str]]
    versions: Callable[[], dict[str, str]]


def _nothing() -> None:
    """Nothing to prepare."""


def _by_token(person: Person) -> dict[str, str]:
    return {"token": person.token}


def _by_name(person: Person) -> dict[str, str]:
    return {"username": person.username}


def _hubbub(*more: str) -> Callable[[BenchDatabase, Path], Process]:
    """`hubbub serve` on the bench's PostgreSQL, with its defaults, but without a limit on how fast one may send."""
    inherited: Mapping[str, str | None] = {name: None for name in os.environ if name.startswith("HUBBUB_")}
    unlimited = {_SEND_RATE: "0"} if any(field.metadata["name"] == _SEND_RATE for field in fields(Settings)) else {}

    def make(database: BenchDatabase, folder: Path) -> Process:
        return Process(
            python("-m", "hubbub.cli.main", "serve", "--port", "0", *more),
            ready=r"ready at http://127\.0\.0\.1:(\d+)",
            start_timeout=_START_SECONDS,
            cwd=folder,  # no `.env` there
            env={
                **inherited,
                **unlimited,
                "DATABASE_URL": database.url,
                "HUBBUB_DATA_DIR": str(folder / "hubbub"),
                "HUBBUB_LOG_LEVEL": "warning",
                "JWT_SECRET": database.secret,
                "PYTHONPATH": os.pathsep.join(_import_path()),
            },
        )

    return make


def _prepare_workers() -> None:
    """That this Hubbub can run several processes.

    Raises:
        Missing: it cannot.
    """
    said = subprocess.run(
        python("-m", "hubbub.cli.main", "serve", "--help"),
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120", "NO_COLOR": "1"},
    )
    if "--workers" not in said.stdout:
        raise Missing("needs `hubbub serve --workers`, which this version does not have")


def _import_path() -> list[str]:
    """This process's, made absolute, because the server starts in another folder."""
    return [str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


def _hubbub_versions() -> dict[str, str]:
    return {name: version(name) for name in ("hubbub", "uvicorn", "uvloop", "asyncpg", "msgspec")}


def _node(program: str) -> Callable[[BenchDatabase, Path], Process]:
    def make(database: BenchDatabase, folder: Path) -> Process:
        return Process(
            ["node", NODE_PEERS / program],
            ready=r"ready on port (\d+)",
            start_timeout=_START_SECONDS,
            env={"NODE_ENV": "production", **database.peer_spec.libpq_env()},
        )

    return make


def _prepare_node() -> None:
    """`npm ci` where it is still to be done.

    Raises:
        Missing: no Node, or its packages cannot be had.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Missing("needs Node.js 18 or newer with npm (Debian: apt-get install nodejs npm)")
    done = NODE_PEERS / "node_modules" / ".package-lock.json"
    wanted = NODE_PEERS / "package-lock.json"
    if done.exists() and done.stat().st_mtime >= wanted.stat().st_mtime:
        return
    command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=NODE_PEERS, check=True, capture_output=True, text=True, timeout=300)
    except subprocess.CalledProcessError as error:
        raise Missing(f"`npm ci` in bench/peers/node failed: {error.stderr.strip()[-500:]}") from None
    except subprocess.TimeoutExpired:
        raise Missing("`npm ci` in bench/peers/node did not end in five minutes") from None
    done.touch()


def _prepare_uws() -> None:
    """Its packages, and that its binaries know this machine and this Node.

    Raises:
        Missing: they do not, or it cannot be had.
    """
    _prepare_node()
    command = ["node", "--input-type=module", "-e", 'import "uwebsockets"']
    tried = subprocess.run(command, cwd=NODE_PEERS, check=False, capture_output=True, text=True)
    if tried.returncode != 0:
        raise Missing(f"has no binary for this machine and this Node: {tried.stderr.strip()[-300:]}")


def _node_versions(*packages: str) -> Callable[[], dict[str, str]]:
    def read() -> dict[str, str]:
        node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
        locked = json.loads((NODE_PEERS / "package-lock.json").read_text())["packages"]
        return {"node": node, **{name: locked[f"node_modules/{name}"]["version"] for name in packages}}

    return read


def _python(module: str) -> Callable[[BenchDatabase, Path], Process]:
    def make(database: BenchDatabase, folder: Path) -> Process:
        return Process(
            python("-m", f"bench.peers.python.{module}"), ready=r"ready on port (\d+)", start_timeout=_START_SECONDS
        )

    return make


def _python_versions() -> dict[str, str]:
    return {name: version(name) for name in ("python-socketio", "uvicorn", "uvloop", "websockets")}


HUBBUB: Final = Target("hubbub", "Hubbub", True, True, _nothing, _hubbub(), _by_token, _hubbub_versions)
WORKERS: Final = Target(
    "hubbub-2",
    "Hubbub, 2 workers",
    True,
    True,
    _prepare_workers,
    _hubbub("--workers", "2"),
    _by_token,
    _hubbub_versions,
)
CORE: Final = Target("core", "Hubbub's core alone", False, False, _nothing, _python("core"), _by_name, _hubbub_versions)
NODE_RELAY: Final = Target(
    "node-relay",
    "Node socket.io",
    False,
    False,
    _prepare_node,
    _node("relay.mjs"),
    _by_name,
    _node_versions("socket.io", "ws"),
)
NODE_CHAT: Final = Target(
    "node-chat",
    "Node socket.io + pg",
    True,
    False,
    _prepare_node,
    _node("chat.mjs"),
    _by_name,
    _node_versions("socket.io", "ws", "pg"),
)
PYTHON_RELAY: Final = Target(
    "python-relay", "python-socketio", False, False, _nothing, _python("relay"), _by_name, _python_versions
)
UWS: Final = Target(
    "uws", "uWebSockets (C++)", False, False, _prepare_uws, _node("uws.mjs"), _by_name, _node_versions("uwebsockets")
)
TARGETS: Final = (HUBBUB, WORKERS, CORE, UWS, NODE_RELAY, PYTHON_RELAY, NODE_CHAT)
OURS: Final = (HUBBUB, WORKERS, CORE)  # what has to be there is no peer's matter
