"""The fenced blocks of the manual, and what their writers say of them.

A block runs by its language, unless the line above it says by whom it is run, or why it is not:

    <!-- run by: tests/folder/test_file.py::test_name -->
    <!-- not run: a reason -->
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from tests.support.process import ROOT

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,}) *(?P<info>.*)$")
_MARK = re.compile(r"^ *<!-- (?P<what>run by|not run): (?P<why>.+) -->$")
_CODE_BLOCK = re.compile(r"^\{code(?:-block)?\} *(\w*)")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: its page, from the repository's root.
        line: of its fence, from 1.
        language: the first word behind the fence; "" where there is none.
        text: what is in it, without the indentation of its list.
        run_by: the test that its writer names, or None.
        not_run: the reason that its writer gives, or None.
    """

    page: str
    line: int
    language: str
    text: str
    run_by: str | None
    not_run: str | None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run_here(self) -> bool:
        return self.run_by is None and self.not_run is None


def pages() -> list[str]:
    """Every Markdown file of the repository, from its root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return sorted(line for line in listed.splitlines() if (ROOT / line).is_file())


def blocks(page: str) -> list[Block]:
    """The blocks of a page, from top to bottom. A directive of the site's (`{toctree}` and its like) is none.

    Raises:
        AssertionError: a fence is never closed.
    """
    found = []
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if opened:
            start, indent = number, len(opened["indent"])
            number += 1
            while number < len(lines) and lines[number].strip() != opened["fence"]:
                number += 1
            assert number < len(lines), f"{page}:{start + 1}: the block has no end"
            info = opened["info"]
            language = _CODE_BLOCK.sub(r"\1", info).split(" ")[0]
            mark = _MARK.match(lines[start - 1]) if start else None
            said = {mark["what"]: mark["why"]} if mark else {}
            if not language.startswith("{"):
                text = "\n".join(line[indent:] for line in lines[start + 1 : number]) + "\n"
                found.append(
                    Block(page, start + 1, language, text, run_by=said.get("run by"), not_run=said.get("not run"))
                )
        number += 1
    return found


def inline_code(page: str) -> list[tuple[int, str]]:
    """What stands `so` in a page outside its blocks, with its line."""
    text = (ROOT / page).read_text(encoding="utf-8")
    # Blocks are blanked, so that lines keep their numbers.
    text = re.sub(
        r"^ *(`{3,}|~{3,}).*?^ *\1$", lambda block: "\n" * block[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL
    )
    return [(text.count("\n", 0, one.start()) + 1, one[1]) for one in re.finditer(r"(?<!`)`([^`\n]+)`(?!`)", text)]


def is_there(test: str) -> bool:
    """Whether a test that is named as `path` or `path::function` exists."""
    path, _, name = test.partition("::")
    file = ROOT / path
    return file.is_file() and (
        not name or re.search(rf"^(async )?def {name}\(", file.read_text(), re.MULTILINE) is not None
    )
