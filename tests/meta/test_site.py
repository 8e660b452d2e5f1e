"""The manual as a site: it builds without a warning, every link of it leads somewhere, and it loads nothing from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADS = ("script", "img", "link", "iframe", "source")


@dataclass
class Page(HTMLParser):
    """What a page is linked by, links to, and loads."""

    anchors: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if named.get("id"):
            self.anchors.add(str(named["id"]))
        for name in ("href", "src", "action"):
            if value := named.get(name):
                (self.loads if tag in LOADS else self.links).add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    built = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--fail-on-warning", "--keep-going", "-c", "docs"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", str(built)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return built


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    found = {}
    for file in site.rglob("*.html"):
        found[file] = Page()
        found[file].feed(file.read_text(encoding="utf-8"))
    return found


def _beside(file: Path, path: str) -> Path:
    """What a path means on a page; nothing means the page itself."""
    return Path(os.path.normpath(file.parent / unquote(path))) if path else file


@pytest.mark.timeout(300)
def test_every_page_of_the_manual_is_on_the_site(site: Path) -> None:
    sources = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert [one for one in sources if not (site / one.relative_to(ROOT)).with_suffix(".html").exists()] == []


def test_every_link_leads_to_a_file_and_an_anchor(pages: dict[Path, Page]) -> None:
    broken = []
    for file, page in pages.items():
        for link in page.links | page.loads:
            target = urlsplit(link)
            if target.scheme or target.netloc:
                continue
            there = _beside(file, target.path)
            anchors = pages[there].anchors if there in pages else {target.fragment}
            if not there.is_file() or (target.fragment and unquote(target.fragment) not in anchors):
                broken.append((file.name, link))
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    loads = {load for page in pages.values() for load in page.loads}
    assert [load for load in loads if urlsplit(load).netloc] == []
    sheets = "".join(file.read_text(encoding="utf-8") for file in (site / "_static").rglob("*.css"))
    assert "url(http" not in sheets.replace('"', "").replace("'", "")
    assert "@import" not in sheets


def test_everything_is_three_clicks_away(site: Path, pages: dict[Path, Page]) -> None:
    start = site / "index.html"
    seen, reached = {start}, {start}
    for _ in range(3):
        links = {_beside(file, urlsplit(link).path) for file in reached for link in pages[file].links}
        reached = (links & pages.keys()) - seen
        seen |= reached
    assert pages.keys() - seen == set()
