"""What `make build` makes is the whole of Hubbub: the wheel, alone in an environment, serves.

Its dependencies are lent to that environment from the one of the tests; the checkout, which is in the latter, is not.
"""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import httpx
import pytest
from tests.support.database import HEAD
from tests.support.process import ROOT, Process

from hubbub import __version__

READY = r"Hubbub is ready at (http://\S+)"


def build(source: Path, into: Path, *kinds: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(into), *(f"-t{kind}" for kind in kinds)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder, "wheel", "sdist")
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return dist / f"hubbub-{__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel in it, and dependencies by a path."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, symlinks=True)
    python = place / "bin/python"
    install = ["-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, *install], check=True, timeout=120)
    packages = next(place.glob("lib/python*/site-packages"))
    # A folder that is named so has its own .pth files left unread, the checkout's among them.
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return place / "bin"


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    source = ROOT / "src"
    there = {
        path.relative_to(source).as_posix()
        for path in (source / "hubbub").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == there


def test_the_sdist_makes_the_same_wheel(dist: Path, wheel: Path, tmp_path: Path) -> None:
    """Byte for byte, in another folder at another time: whoever builds it gets what we publish."""
    with tarfile.open(dist / f"hubbub-{__version__}.tar.gz") as archive:
        tops = {name.split("/")[1] for name in archive.getnames()}
        assert tops == {"src", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore", "PKG-INFO"}
        archive.extractall(tmp_path, filter="data")
    build(tmp_path / f"hubbub-{__version__}", tmp_path / "again", "wheel")
    assert filecmp.cmp(tmp_path / "again" / wheel.name, wheel, shallow=False)


def test_the_version_is_the_packages(programs: Path, tmp_path: Path) -> None:
    def ask(*arguments: str) -> str:
        alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [programs / "python", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=alone, check=True, capture_output=True, text=True).stdout

    assert ask("-m", "hubbub", "version").startswith(f"Hubbub {__version__} (schema {HEAD}, Python ")
    said = ask("-c", "import hubbub, importlib.metadata as m; print(hubbub.__file__, m.version('hubbub'))")
    assert said.startswith(str(programs.parent)), "the checkout is not on the path"
    assert said.endswith(f" {__version__}\n")


async def test_it_serves_from_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    """As `pip install hubbub && hubbub serve` does: with its own PostgreSQL, the page, an account and a message."""
    env = {"PORT": "0", "DATABASE_URL": None, "HUBBUB_DATA_DIR": None, "PYTHONPATH": None}
    server = Process(
        [programs / "hubbub", "serve"], ready=READY, start_timeout=90, stop_timeout=30, env=env, cwd=tmp_path
    )
    url = (await server.start())[1]
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            page = await client.get("/")
            assert "<title>" in page.text
            assert (await client.get("/vendor/socket.io.esm.min.js")).is_success
            form = {"username": "ann", "email": "ann@example.org", "password": "correct horse battery"}
            token = (await client.post("/api/auth/register", json=form)).raise_for_status().json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            (await client.post("/api/rooms/general/join")).raise_for_status()
            sent = await client.post("/api/rooms/general/messages", json={"message": "from a wheel"})
            assert sent.raise_for_status().json()["message"]["seq"] > 0
    finally:
        status = await server.stop()
    assert status == 0, server.output
    assert (tmp_path / ".data").is_dir(), "the data is where it was started"
