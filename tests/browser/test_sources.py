"""What must hold for every file of the page, and its DOM-free modules under Node."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.browser.conftest import HERE
from tests.support.process import ROOT

WEB = ROOT / "src" / "hubbub" / "web"
MODULES = sorted((WEB / "js").rglob("*.js"))
PAGES = sorted(WEB.rglob("*.html"))
MOST_LINES = 400


def _name(path: Path) -> str:
    return path.relative_to(WEB).as_posix()


def test_modules_under_node(node: str) -> None:
    """Outbox, sync, timeline, session: with random interruptions. HUBBUB_SEED repeats a failure."""
    tests = sorted((HERE / "modules").glob("*.test.mjs"))
    done = subprocess.run(
        [node, "--test", *map(str, tests)], capture_output=True, text=True, timeout=110, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_types(node: str) -> None:
    """The JSDoc types hold, strictly."""
    compiler = HERE / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        [node, str(compiler), "-p", str(HERE)], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_a_module_says_what_it_is_and_stays_small(module: Path) -> None:
    text = module.read_text()
    assert text.startswith("/**\n * "), "it opens with what it is"
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_no_module_makes_markup_or_code_out_of_text(module: Path) -> None:
    code = module.read_text()
    for forbidden in (
        r"\b(inner|outer)HTML\b",
        r"\binsertAdjacentHTML\b",
        r"\bdocument\.write",
        r"\beval\(",
        r"\bnew Function\b",
        r"\bsetHTMLUnsafe\b",
        r"\bsrcdoc\b",
    ):
        assert not re.search(forbidden, code), forbidden


@pytest.mark.parametrize(
    "module", sorted([*(WEB / "js" / "core").glob("*.js"), *(WEB / "js" / "client").glob("*.js")]), ids=_name
)
def test_core_and_client_know_no_document(module: Path) -> None:
    code = module.read_text()
    assert not re.search(r"\b(document|window)\.", code)
    allowed = ("./", "../client/") if module.parent.name == "core" else ("./",)
    sources = re.findall(r'^(?:import|export) .*from "([^"]+)"', code, re.MULTILINE)
    assert all(name.startswith(allowed) for name in sources), f"it imports {allowed} alone"


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    for file in PAGES:
        page = file.read_text()
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", page)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    addresses = {"http://www.w3.org/2000/svg"}
    for file in [*MODULES, *PAGES, *WEB.glob("css/*.css"), *WEB.glob("*.*")]:
        found = set(re.findall(r"https?://[\w.][^\s\"'`)]*", file.read_text()))
        assert found <= addresses, f"{_name(file)} names {found - addresses}"


def test_everything_the_page_loads_is_there() -> None:
    named = [
        file.parent / name
        for file in PAGES
        for name in re.findall(r'(?:href|src)="(\.\.?/[^"]+\.\w+)"', file.read_text())
    ]
    for module in MODULES:
        page = WEB / "docs" if module.parent.name == "docs" else WEB
        named += [page / name for name in re.findall(r'src: "(\.\.?/[^"]+)"', module.read_text())]
        for target in re.findall(r'from "(\.[^"]+)"', module.read_text()):
            assert (module.parent / target).is_file(), f"{_name(module)} imports {target}"
    served = {WEB / "openapi.json"}  # by no file
    assert [file for path in named if not (file := path.resolve()).is_file() and file not in served] == []


def test_what_is_shipped_of_others_is_what_the_note_says() -> None:
    folder = WEB / "vendor"
    note = (folder / "README.md").read_text()
    client = (folder / "socket.io.esm.min.js").read_bytes()
    assert hashlib.sha256(client).hexdigest() in note
    version = re.search(rb"Socket\.IO v([\d.]+)", client)
    assert version is not None
    assert f"| {version[1].decode()} |" in note
    assert "Permission is hereby granted" in (folder / "socket.io.LICENSE.txt").read_text()
