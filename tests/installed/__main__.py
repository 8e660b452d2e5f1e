"""`make installed`: the wheel as a stranger gets it: how large it is with all that it needs, and how long a start takes.

    python -m tests.installed [--json]

The wheel is built, installed with pip into an empty environment (from wherever pip is set up to get packages), and served
from an empty folder, twice: the first start makes the database. A start lasts from the command until the page is there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from tests.support.process import ROOT, Process

READY: Final = r"Hubbub is ready at (http://\S+)"
LARGEST: Final = 5


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def install(folder: Path) -> tuple[Path, Path]:
    """The wheel, and an environment with it."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder, "-t", "wheel"], cwd=ROOT, check=True, capture_output=True
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    place = folder / "environment"
    venv.create(place, with_pip=True)
    # Outside the checkout, whose own settings of pip do not count for a stranger.
    subprocess.run([place / "bin/python", "-m", "pip", "install", "-qq", wheel], cwd=folder, check=True)
    return wheel, place


def largest(place: Path) -> dict[str, float]:
    """The largest packages of an environment, in MB; pip, which every environment has, aside."""
    (packages,) = place.glob("lib/python*/site-packages")
    found = {
        package.name: sum(os.path.getsize(file.locate()) for file in package.files or () if file.locate().exists())
        / 1e6
        for package in distributions(path=[str(packages)])
        if package.name not in ("pip", "setuptools")
    }
    return dict(sorted(found.items(), key=lambda one: -one[1])[:LARGEST])


async def start(place: Path, folder: Path) -> float:
    """Serve, until the page is there; how many seconds that took."""
    env = {"PORT": "0", "DATABASE_URL": None, "HUBBUB_DATA_DIR": None, "PYTHONPATH": None}
    server = Process(
        [place / "bin/hubbub", "serve"], ready=READY, start_timeout=300, stop_timeout=60, env=env, cwd=folder
    )
    began = time.monotonic()
    try:
        url = (await server.start())[1]
        async with httpx.AsyncClient() as client:
            (await client.get(url)).raise_for_status()
        return round(time.monotonic() - began, 2)
    finally:
        await server.stop()


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.installed", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="the figures on standard output, and nothing else")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory(prefix="hubbub-installed-") as name:
        folder = Path(name)
        wheel, place = install(folder)
        data = folder / "empty"
        data.mkdir()
        sizes = {"wheel": wheel.stat().st_size / 1e6, "environment": size_of(place) / 1e6}
        starts = {which: asyncio.run(start(place, data)) for which in ("first", "second")}
        packages = largest(place)
    if as_json:
        print(json.dumps({"megabytes": sizes, "largest": packages, "seconds": starts}))  # noqa: T201
        return
    most = ", ".join(f"{package} {size:.0f}" for package, size in packages.items())
    Console(highlight=False, soft_wrap=True).print(
        f"  {sizes['wheel']:8.2f} MB  the wheel\n"
        f"  {sizes['environment']:8.0f} MB  an environment with it: {most}\n"
        f"  {starts['first']:8.2f} s   the first start, until the page is there\n"
        f"  {starts['second']:8.2f} s   the second"
    )


if __name__ == "__main__":
    main()
