"""The servers that are measured, each a process of its own: Hubbub whole, and what one would pick instead.

All speak to the same load client. Before: `database.py`. After: `suite.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.support.process import Process, python

from bench.database import BenchDatabase, Person

PEERS: Final = Path(__file__).parent / "peers"
NODE_PEERS: Final = PEERS / "node"
_START_SECONDS: Final = 60.0


class Missing(Exception):
    """A peer cannot run here; the message says what it needs."""


@dataclass(frozen=True, slots=True)
class Target:
    """One server.

    Attributes:
        name: as on the command line and in the results.
        label: as in the table.
        stores: True where a message is committed to PostgreSQL before it is acknowledged.
        prepare: makes it ready to run once, before all rounds; raises `Missing`.
        make: a new process of it.
        auth: what a member says of itself on connecting.
        versions: what is measured.
    """

    name: str
    label: str
    stores: bool
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


def _hubbub(database: BenchDatabase, folder: Path) -> Process:
    """`hubbub serve` with its defaults, on the bench's PostgreSQL."""
    inherited: Mapping[str, str | None] = {name: None for name in os.environ if name.startswith("HUBBUB_")}
    return Process(
        python("-m", "hubbub.cli.main", "serve", "--port", "0"),
        ready=r"ready at http://127\.0\.0\.1:(\d+)",
        start_timeout=_START_SECONDS,
        cwd=folder,  # no `.env` there
        env={
            **inherited,
            "DATABASE_URL": database.url,
            "HUBBUB_DATA_DIR": str(folder / "hubbub"),
            "HUBBUB_LOG_LEVEL": "warning",
            "HUBBUB_SEND_RATE": "0",  # no peer has a limit
            "JWT_SECRET": database.secret,
            "PYTHONPATH": os.pathsep.join(_import_path()),
        },
    )


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


def _node_versions(*packages: str) -> Callable[[], dict[str, str]]:
    def read() -> dict[str, str]:
        node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
        locked = json.loads((NODE_PEERS / "package-lock.json").read_text())["packages"]
        return {"node": node, **{name: locked[f"node_modules/{name}"]["version"] for name in packages}}

    return read


def _python_relay(database: BenchDatabase, folder: Path) -> Process:
    return Process(python(PEERS / "python" / "relay.py"), ready=r"ready on port (\d+)", start_timeout=_START_SECONDS)


def _python_versions() -> dict[str, str]:
    return {name: version(name) for name in ("python-socketio", "uvicorn", "uvloop", "websockets")}


HUBBUB: Final = Target("hubbub", "Hubbub", True, _nothing, _hubbub, _by_token, _hubbub_versions)
NODE_RELAY: Final = Target(
    "node-relay",
    "Node socket.io",
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
    _prepare_node,
    _node("chat.mjs"),
    _by_name,
    _node_versions("socket.io", "ws", "pg"),
)
PYTHON_RELAY: Final = Target(
    "python-relay", "python-socketio", False, _nothing, _python_relay, _by_name, _python_versions
)
TARGETS: Final = (HUBBUB, NODE_RELAY, PYTHON_RELAY, NODE_CHAT)
