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

# What stands below which page: captions, and the pages in their order. The one of the first page is the site's.
CONTENTS: dict[str, dict[str, list[str]]] = {
    root_doc: {
        "Learn": ["docs/quickstart", "docs/tutorial"],
        "How to": [
            "docs/howto/README",
            "docs/howto/deploy",
            "docs/howto/secure",
            "docs/howto/operate",
            "docs/howto/watch",
            "docs/howto/backup",
            "docs/howto/upgrade",
            "docs/howto/managed-postgres",
            "docs/howto/database-faults",
            "docs/howto/promote",
            "docs/howto/workers",
            "docs/howto/nodes",
            "docs/howto/proxy",
            "docs/howto/seed",
            "docs/howto/setup-guide",
            "docs/howto/adopt",
            "docs/howto/older-clients",
            "docs/howto/clients",
            "docs/howto/javascript",
            "docs/howto/sql",
        ],
        "Reference": [
            "docs/reference/settings",
            "docs/reference/cli",
            "docs/reference/rest",
            "docs/reference/events",
            "docs/reference/database",
            "docs/reference/errors",
            "docs/reference/limits",
            "docs/reference/metrics",
        ],
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
