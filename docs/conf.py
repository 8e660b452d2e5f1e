"""The manual as a site: `make docs` builds it with Sphinx, in build/docs; every warning is an error.

The source is the repository itself, not docs/ alone, so that a link in any page is a path between files: it leads to
the same place on the site and where the Markdown is read as it is. For the same reason the tables of contents stand here, and not in
the pages: a directive would show as a block of code there.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from hubbub import __version__

ROOT = Path(__file__).resolve().parents[1]

project = "Hubbub"
author = "Hubbub's authors"
release = version = __version__

extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = ["*.md", "docs/**.md", "bench/*.md", "bench/results/*.md", "tests/fault/*.md"]
exclude_patterns = [".*", "build", "dist", "tmp", "src", "deploy", "**/node_modules"]
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # psql's own commands among SQL, an ellipsis in a program
myst_heading_anchors = 4  # named as code hosts name them
smartquotes = False
highlight_language = "none"  # of a block without a label

html_theme = "furo"
html_title = f"Hubbub {release}"
html_favicon = "../src/hubbub/web/icon.svg"
html_static_path = ["site/manual.css"]
html_css_files = ["manual.css"]
html_extra_path = ["site/index.html"]  # leads to the first page
html_copy_source = False
html_use_index = False
html_theme_options = {  # the colours of Hubbub's page
    "light_css_variables": {"color-brand-primary": "#0c6b60", "color-brand-content": "#0c6b60"},
    "dark_css_variables": {"color-brand-primary": "#53bfae", "color-brand-content": "#53bfae"},
}


def _pages(folder: str, *first: str) -> list[str]:
    """The pages of a folder: these, in this order, and then whatever else is in it."""
    others = sorted(file.stem for file in (ROOT / folder).glob("*.md") if file.stem not in first)
    return [f"{folder}/{name}" for name in (*first, *others)]


# What stands below which page: captions, and the pages in their order. The one of the first page is the site's.
CONTENTS: dict[str, dict[str, list[str]]] = {
    root_doc: {
        "Learn": ["docs/quickstart", "docs/tutorial"],
        "How to": _pages(
            "docs/howto",
            "README",
            "deploy",
            "secure",
            "operate",
            "watch",
            "backup",
            "upgrade",
            "managed-postgres",
            "database-faults",
            "promote",
            "workers",
            "nodes",
            "proxy",
            "seed",
            "setup-guide",
            "adopt",
            "older-clients",
            "clients",
            "javascript",
            "sql",
        ),
        "Reference": _pages(
            "docs/reference", "settings", "cli", "rest", "events", "database", "errors", "limits", "metrics"
        ),
        "Understand": [
            "ARCHITECTURE",
            "docs/explanation/guarantees",
            "docs/explanation/performance",
            "SECURITY",
            "docs/decisions/README",
        ],
        "The project": ["README", "CHANGELOG", "CONTRIBUTING", "bench/README", "tests/fault/README"],
    },
    "docs/explanation/performance": {"": ["docs/explanation/performance/*"]},
    "docs/decisions/README": {"": ["docs/decisions/0*"]},
    "bench/README": {"": ["bench/results/*"]},
}


def _add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """The page with its tables of contents, which only the sidebar shows."""
    for caption, pages in CONTENTS.get(page, {}).items():
        options = ["hidden:", "glob:", *([f"caption: {caption}"] if caption else ())]
        lines = [*(f":{option}" for option in options), "", *(f"/{name}" for name in pages)]
        source[0] += "\n\n```{toctree}\n" + "\n".join(lines) + "\n```\n"


def setup(app: Sphinx) -> None:
    """What Sphinx calls."""
    app.connect("source-read", _add_contents)
