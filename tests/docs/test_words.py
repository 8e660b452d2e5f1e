"""What the manual names is there: commands and their options, settings, files, targets of make; and every block is seen to."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
from dotenv import dotenv_values
from tests.docs import markdown
from tests.docs.markdown import Block
from tests.docs.pages import ELSEWHERE, PAGES, RUN_BY
from tests.docs.stage import LANGUAGES
from tests.integration.packaging.test_deploy import program
from tests.support.process import ROOT

from hubbub.cli.main import app
from hubbub.config import FILE, ConfigError, Settings, load
from hubbub.postgres import PostgresUnavailable
from hubbub.postgres.external import ExternalPostgres

SETTINGS = {spec.metadata["name"]: bool(spec.metadata["secret"] or spec.metadata["show"]) for spec in fields(Settings)}
KNOWN = (*LANGUAGES, "ini")
COMMANDS: Any = typer.main.get_command(app)
LEFT_OUT = "…"


def test_blocks_and_what_is_said_of_them_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`one` and `t``wo`\n\n````sh\na\n```\n````\n\n1. In a list:\n\n   <!-- run by: tests/x.py::test_y -->\n   ```sql title\n   b\n"
        "     c\n   ```\n\n<!-- not run: because -->\n```\nd\n```\n```{toctree}\ne\n```\n`three`\n"
    )
    found = markdown.blocks(str(page))
    assert [(one.line, one.language, one.text, one.run_by, one.not_run) for one in found] == [
        (3, "sh", "a\n```\n", None, None),
        (11, "sql", "b\n  c\n", "tests/x.py::test_y", None),
        (17, "", "d\n", None, "because"),
    ]
    assert markdown.inline_code(str(page)) == [(1, "one"), (23, "three")]
    assert markdown.is_there("tests/docs/test_words.py::test_blocks_and_what_is_said_of_them_are_found")
    assert not markdown.is_there("tests/docs/test_words.py::test_nothing")
    assert not markdown.is_there("tests/docs/nothing.py")


def manual() -> list[Block]:
    """The blocks of all pages that people write."""
    return [
        block
        for page in markdown.pages()
        if not any(page.startswith(place) for place in RUN_BY)
        for block in markdown.blocks(page)
    ]


def test_every_block_is_run_or_says_why_not() -> None:
    wrong = []
    for block in manual():
        if block.run_by is not None:
            if not markdown.is_there(block.run_by):
                wrong.append(f"{block.place}: there is no test {block.run_by}")
        elif block.not_run is None and block.language not in KNOWN:
            wrong.append(
                f"{block.place}: nothing runs {block.language or 'a block without a language'!r}. Languages that are run: "
                f"{', '.join((*LANGUAGES, 'ini'))}. Or put above it `<!-- run by: tests/…::test_… -->` or `<!-- not run: why -->`"
            )
    assert not wrong, "\n".join(wrong)
    assert not [test for test in RUN_BY.values() if not markdown.is_there(test)]


def test_what_is_said_of_pages_is_of_pages_there_are() -> None:
    assert set(PAGES) <= set(markdown.pages())
    unused = [name for name in ELSEWHERE if not any(re.search(rf"\b{name}\b", block.text) for block in manual())]
    assert not unused


def test_shell_blocks_can_be_read_by_a_shell() -> None:
    for block in manual():
        if block.language == "sh" and not block.is_run_here:
            done = subprocess.run(["bash", "-n"], input=block.text, check=False, capture_output=True, text=True)
            assert done.returncode == 0, f"{block.place}: {done.stderr}"


def named(pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Where a pattern is found in what stands as code, in blocks and in sentences."""
    for page in markdown.pages():
        for block in markdown.blocks(page):
            for found in re.finditer(pattern, block.text, re.MULTILINE):
                yield block.place, found
        for line, code in markdown.inline_code(page):
            for found in re.finditer(pattern, code):
                yield f"{page}:{line}", found


def complaint(words: list[str]) -> str | None:
    """What is wrong with the words of a command behind `hubbub`; None: nothing."""
    command = COMMANDS
    while hasattr(command, "commands"):
        if not words or not re.fullmatch(r"[a-z][a-z|-]*", words[0]):
            return None  # `hubbub db …`
        known = command.commands
        names = words.pop(0).split("|")  # `hubbub user create|list`
        unknown = [name for name in names if name not in known]
        if unknown:
            return f"there is no command {unknown[0]}"
        command = known[names[0]]
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    for word in words:
        if word == "--":
            break
        for option in word.split("|"):  # `--print|--apply`
            name = option.partition("=")[0]
            if re.fullmatch(r"--?[a-z][a-z-]*", name) and name not in options:
                return f"there is no option {name}"
    return None


def test_every_command_is_one_of_hubbubs() -> None:
    seen, wrong = 0, []
    for place, found in named(r"(?<!-u )(?<![\w/.@:=-])(?:[\w./]*/bin/)?hubbub ([^\n;&<>#)`]+)"):
        text = re.split(r"\s\|\s|\$\(", found[1])[0]  # what is piped on, or put in, is another command
        try:
            words = shlex.split(re.sub(r"[\[\]…]", " ", text))
        except ValueError:
            words = re.sub(r"[\[\]…'\"]", " ", text).split()
        if words[:1] == ["hubbub"]:  # `docker exec hubbub hubbub doctor`
            words = words[1:]
        seen += 1
        if problem := complaint(words):
            wrong.append(f"{place}: `hubbub {text.strip()}`: {problem}")
    assert not wrong, "\n".join(wrong)
    assert seen > 100


def test_every_setting_is_one_of_hubbubs() -> None:
    wrong = []
    for place, found in named(r"\b(?:HUBBUB_[A-Z0-9_]+|JWT_SECRET\w*|DATABASE_URL\w*|DB_(?:SSL|POOL)\w*)"):
        name = found[0].rstrip("_")
        if found[0].endswith("_"):  # `HUBBUB_NATS_…`
            fine = any(setting.startswith(found[0]) for setting in SETTINGS)
        else:
            fine = name in SETTINGS or SETTINGS.get(name.removesuffix(FILE), False)
        if not fine:
            wrong.append(f"{place}: {found[0]}")
    assert not wrong, "\n".join(wrong)


def test_every_value_of_a_setting_can_be_read() -> None:
    """In commands and in sentences; those of whole files have their own test."""
    names = "|".join(SETTINGS)
    among = re.compile(rf"(?<![A-Z_])({names})=([^\s'\"]+)")
    alone = re.compile(rf"({names})=(.+)")  # `HUBBUB_BACKUP_SCHEDULE=daily 02:00`
    said = [
        (block.place, *found) for block in manual() if block.language != "ini" for found in among.findall(block.text)
    ]
    for page in markdown.pages():
        for line, code in markdown.inline_code(page):
            whole = alone.fullmatch(code)
            said += [(f"{page}:{line}", *found) for found in ([whole.groups()] if whole else among.findall(code))]
    wrong = []
    for place, name, value in said:
        if not set(value) & set("…$<"):
            try:
                load({name: value}, dotenv=None)
            except ConfigError as error:
                wrong.append(f"{place}: {error}")
    assert not wrong, "\n".join(wrong)
    assert len(said) > 40


def test_every_file_of_the_repository_is_there() -> None:
    wrong = []
    for place, found in named(r"(?<![\w/.<…-])(?:src|docs|deploy|tests|bench|requirements)/[\w./-]*\w"):
        if not (ROOT / found[0]).exists():
            wrong.append(f"{place}: {found[0]}")
    assert not wrong, "\n".join(wrong)


def test_every_target_and_module_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    programs = "\n".join(path.read_text() for folder in ("bench", "tests") for path in (ROOT / folder).glob("**/*.py"))
    wrong = []
    for place, found in named(r"^make ([a-z-]+)(?: ARGS=\"(.*)\")?|^python -m ((?:bench|tests)[\w.]*)(.*)"):
        target, arguments, module, rest = found.groups()
        if target and not re.search(rf"^{target}:", makefile, re.MULTILINE):
            wrong.append(f"{place}: make {target}")
        if module:
            path = ROOT / module.replace(".", "/")
            if not (path / "__main__.py").exists() and not path.with_suffix(".py").exists():
                wrong.append(f"{place}: {module}")
        options = re.findall(r"--[a-z][a-z-]*", (arguments or rest or "").split("#")[0])
        wrong += [f"{place}: {option}" for option in options if f'"{option}"' not in programs]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "block", [one for one in manual() if one.language == "ini" and one.is_run_here], ids=lambda one: one.place
)
def test_settings_can_be_read_and_units_verified(block: Block, tmp_path: Path) -> None:
    if "[" in block.text.splitlines()[0]:
        verify_unit(block.text, tmp_path)
        return
    given = [line for line in block.text.splitlines() if line.strip() and not line.startswith("#")]
    for line in given:
        ((name, value),) = dotenv_values(stream=io.StringIO(line), interpolate=False).items()
        assert name in SETTINGS or SETTINGS.get(name.removesuffix(FILE), False), f"{block.place}: {name}"
        if name.endswith(FILE) or value is None or value.endswith(LEFT_OUT):
            continue
        read = load({name: value}, dotenv=None)
        if name == "DATABASE_URL":
            try:
                ExternalPostgres.from_settings(read)
            except PostgresUnavailable as error:
                pytest.fail(f"{block.place}: {error}")


def verify_unit(text: str, folder: Path) -> None:
    """A service, or a timer for one."""
    analyze = program("systemd-analyze", "apt-get install systemd")
    service = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
    is_timer = "[Timer]" in text
    units = {"hubbub-backup.service": service if is_timer else text}
    if is_timer:
        units["hubbub-backup.timer"] = text
    for name, unit in units.items():
        # It looks whether the program is there.
        (folder / name).write_text(unit.replace("/opt/hubbub/bin/hubbub", "/bin/true"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(folder / list(units)[-1])], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_tree_is_that_of_the_folder() -> None:
    """ARCHITECTURE.md names every package of `src/hubbub`, and only packages, files and commands there are."""
    (tree,) = [block.text for block in markdown.blocks("ARCHITECTURE.md") if block.text.startswith("src/hubbub/\n")]
    package = ROOT / "src/hubbub"
    folders = set(re.findall(r"^  (\w+)/", tree, re.MULTILINE))
    assert folders == {path.parent.name for path in package.glob("*/__init__.py")} | {"web"}
    assert set(re.findall(r"\b\w+\.py\b", tree)) <= {path.name for path in package.glob("**/*.py")}
    commands = re.search(r"^  cli/ +((?:[a-z]+,?\s+)+)", tree, re.MULTILINE)
    assert commands is not None
    assert set(re.findall(r"[a-z]+", commands[1])) <= set(COMMANDS.commands)
