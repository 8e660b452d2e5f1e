"""Rules of this repository that are worth a check."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Files over 500 lines, each with its reason.
LONG = {
    "src/hubbub/store/schema.sql": "the whole database on one page, which is its use",
}
CODE = (".py", ".sql", ".js", ".mjs", ".css", ".html", ".sh")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def is_vendored(path: Path) -> bool:
    return "vendor" in path.parts


def test_no_source_file_is_long_without_a_reason() -> None:
    long = {}
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if (
            name.startswith("src/")
            and path.suffix in CODE
            and not is_vendored(path)
            and "migrations/versions" not in name
        ):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > 500 and name not in LONG:
                long[name] = lines
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path.suffix == ".py"
        and path.read_text(encoding="utf-8").strip()
        and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert not silent


def test_no_address_of_a_registry_and_no_path_of_a_machine() -> None:
    wanted = re.compile(
        r"\"resolved\": *\"http|--(extra-)?index-url|registry\.npmjs|pypi\.org/simple|files\.pythonhosted|"
        r"/work/(main|shared|scratch|wt)|/root/|/home/[a-z]",
    )
    found = []
    for path in tracked():
        if path == Path(__file__).resolve():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in wanted.finditer(text)]
    assert not found


def test_requirements_are_hashed_and_agree_with_the_project() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    listed = [
        line.split("#")[0].strip()
        for line in (ROOT / "requirements/runtime.in").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]

    def plain(lines: list[str]) -> set[str]:
        return {re.split(r"[ ;<>=]", line)[0] for line in lines}

    assert plain(named) == plain(listed)
    for kind in ("build", "runtime", "test", "fuzz"):
        text = (ROOT / f"requirements/{kind}.txt").read_text()
        pins = re.findall(r"^(\S+==\S+)", text, re.MULTILINE)
        assert pins
        assert len(re.findall(r"^\S+==.*\\\n(?: +--hash=sha256:)", text, re.MULTILINE)) == len(pins)


def test_every_dependency_has_its_reason() -> None:
    for kind in ("runtime", "test", "fuzz"):
        for line in (ROOT / f"requirements/{kind}.in").read_text().splitlines():
            if line and not line.startswith(("#", "-c")) and line.strip() not in ("pytest", "mypy", "ruff"):
                assert "#" in line, line


def test_only_the_composition_root_constructs() -> None:
    """The parts that hold connections, queues or sockets are made in `app.py` (and by tests) alone."""
    parts = r"\b(Journal|Chat|ReceiptBook|Presence|TypingBook|Feeds|LocalBus|LineBus|Siblings|Realtime|Roster|Edge|Database)\("
    offenders = []
    for path in (ROOT / "src/hubbub").rglob("*.py"):
        if path.name == "app.py":
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(parts, line) and not re.match(r"\s*class ", line):
                offenders.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not [line for line in offenders if "cls(" not in line]


def test_no_sql_outside_sql_files() -> None:
    """A statement in a string would escape `test_every_statement_can_be_prepared`. `migrate.py` and `postgres/` ask catalogs."""
    wanted = re.compile(r"[\"'](SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER) ", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in ("chat", "domain", "fanout", "realtime", "rest", "sockets", "wire", "store")
        for path in (ROOT / "src/hubbub" / package).rglob("*.py")
        if path.name != "migrate.py"
        for line in path.read_text().splitlines()
        if re.search(wanted, line) and line.strip().startswith(('"', "'", 'f"')) and '"""' not in line
    ]
    assert not found


@pytest.mark.parametrize(
    "name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"]
)
def test_the_documents_are_there(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8").strip()


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in tracked():
        if path.suffix == ".md":
            broken += [
                f"{path.relative_to(ROOT)} -> {target}"
                for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
                if not target.startswith(("http:", "https:", "mailto:")) and not (path.parent / target).exists()
            ]
    assert not broken
