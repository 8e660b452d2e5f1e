"""The manual's generated pages are what the code makes; the architecture's figures are the files' own."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The path of a message, in reading order. The design's budget: 15 modules, 2,500 lines.
PATH = (
    "realtime/websocket.py",
    "realtime/connection.py",
    "wire/engineio_packet.py",
    "wire/engineio_session.py",
    "wire/socketio_packet.py",
    "wire/socketio_session.py",
    "realtime/dispatch.py",
    "sockets/events.py",
    "sockets/messages.py",
    "chat/send_message.py",
    "store/journal.py",
    "fanout/bus.py",
    "fanout/sequencer.py",
    "sockets/delivery.py",
    "realtime/broadcast.py",
)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages() -> dict[str, str]:
    module = generator()
    return {name: module.NOTE + make() for name, make in module.PAGES.items()}


@pytest.mark.parametrize("name", sorted(pages()))
def test_reference_page_is_up_to_date(name: str) -> None:
    assert (ROOT / "docs/reference" / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`"


def test_the_figures_in_the_readme_are_those_of_the_newest_results() -> None:
    assert (ROOT / "README.md").read_text(encoding="utf-8") == generator().readme(), "run `make docs`"


def lines_of(module: str) -> int:
    return len((ROOT / "src/hubbub" / module).read_text(encoding="utf-8").splitlines())


def test_a_message_crosses_few_lines() -> None:
    counts = {module: lines_of(module) for module in PATH}
    assert len(counts) <= 15
    assert sum(counts.values()) <= 2_500, counts


def test_the_architecture_follows_that_path() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| \d+ \| `([^`]+)` \| (\d+) \|", text, re.MULTILINE))
    assert table == {module: str(lines_of(module)) for module in PATH}
    total = sum(map(lines_of, PATH))
    assert f"{len(PATH)} modules, {total:,} lines" in text
