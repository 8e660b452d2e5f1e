"""Named SQL: each file in `sql/` holds statements that begin with `-- name: <name>` and a sentence about them.

There is no SQL outside those files, so that all of it can be read, explained and tested in one place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

_HEAD: Final = re.compile(r"^-- name: (\w+)\n((?:-- .*\n)+)", re.MULTILINE)


def nouns() -> list[str]:
    """The files there are, by name."""
    return sorted(path.name.removesuffix(".sql") for path in files("hubbub.store").joinpath("sql").iterdir())


def sentences(noun: str) -> Mapping[str, str]:
    """What each statement of `sql/<noun>.sql` is for, by name."""
    text = files("hubbub.store").joinpath("sql", f"{noun}.sql").read_text(encoding="utf-8")
    return {head[1]: " ".join(head[2].replace("-- ", " ").split()) for head in _HEAD.finditer(text)}


def load(noun: str) -> Mapping[str, str]:
    """The statements of `sql/<noun>.sql` by name.

    Raises:
        ValueError: a name stands twice, or a statement has no sentence that says what it is for.
    """
    text = files("hubbub.store").joinpath("sql", f"{noun}.sql").read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    if len(heads) != len(re.findall(r"^-- name:", text, re.MULTILINE)):
        raise ValueError(f"sql/{noun}.sql: a statement lacks its sentence")
    found: dict[str, str] = {}
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        name = head[1]
        if name in found:
            raise ValueError(f"sql/{noun}.sql: {name} stands twice")
        body = text[head.end() : following.start() if following else len(text)]
        # The name stays in front, so that pg_stat_activity and the server's log say which statement runs.
        found[name] = f"/* {noun}.{name} */ {body.strip().rstrip(';')}"
    return found
