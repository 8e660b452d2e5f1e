"""Roles of least privilege beside the owner of the tables: `roles.sql`, with the names that are asked for.

Before it: `hubbub db roles`. What each role may do, and why, is told in the file, which is also good for psql as it stands.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any, Final

APP: Final = "hubbub_app"
REPORT: Final = "hubbub_report"
REFUSED: Final = "HB002"  # the SQLSTATE with which roles.sql refuses a role that can do more than it is for
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def script(app: str = APP, report: str = REPORT) -> str:
    """The statements that make both roles, or set them right.

    Args:
        app: the role to serve with.
        report: the role for reports.

    Raises:
        ValueError: a name would have to be quoted, or the two are one.
    """
    if app == report or not _NAME.fullmatch(app) or not _NAME.fullmatch(report):
        raise ValueError("two different names, of small letters, digits and _")
    names = {APP: app, REPORT: report}
    text = files("hubbub.store").joinpath("roles.sql").read_text(encoding="utf-8")
    return re.sub(rf"\b({APP}|{REPORT})\b", lambda found: names[found[1]], text)


async def apply(conn: Any, app: str = APP, report: str = REPORT) -> None:
    """Make both roles, or set them right, in one transaction.

    Raises:
        ValueError: as `script`.
        asyncpg.InsufficientPrivilegeError: the connection's role may not.
        asyncpg.PostgresError: with SQLSTATE `REFUSED`, one of them can do more than it is for.
    """
    statements = script(app, report)
    async with conn.transaction():
        await conn.execute(statements)
