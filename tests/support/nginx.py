"""Debian's nginx with the configuration that docs/howto ships, in front of nodes that a test has started."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.process import ROOT, Process, free_port

SHIPPED = ROOT / "docs/howto/nginx.conf"
_NODE = re.compile(r"server 10\.0\.0\.\d:3001 (.*)\n")


def program() -> str:
    """nginx's path. Without it a test is skipped, but fails in CI."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs nginx: apt-get install nginx")
        pytest.skip("nginx is not installed")
    return found


def configuration(urls: Sequence[str], port: int, shipped: str | None = None) -> str:
    """The shipped configuration for other addresses; nothing else of it is changed."""
    text = SHIPPED.read_text() if shipped is None else shipped
    options = _NODE.findall(text)
    assert len(options) == 3
    lines = "".join(f"server {url.removeprefix('http://')} {options[0]}\n    " for url in urls)
    text = _NODE.sub("", text)
    assert text.count("listen 80;") == text.count("zone hubbub") == 1
    return text.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("zone hubbub", lines + "zone hubbub")


def nginx(folder: Path, urls: Sequence[str]) -> tuple[Process, str]:
    """nginx in front of nodes, to be started; and its address.

    Args:
        folder: for its files.
        urls: of the nodes.
    """
    port = free_port()
    folder.mkdir(exist_ok=True)
    (folder / "hubbub.conf").write_text(configuration(urls, port))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 2;\npid {folder}/pid;\nevents {{ worker_connections 4096; }}\n"
        f"http {{\n    access_log off;\n{paths}    include {folder}/hubbub.conf;\n}}\n"
    )
    command = [program(), "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr", "-g", "error_log stderr notice;"]
    return Process(list(map(str, command)), ready="start worker process "), f"http://127.0.0.1:{port}"
