"""One finding of `hubbub doctor`: what its parts give, and what is printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hubbub.postgres.troubles import Trouble

OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: the stable word for machines.
        status: ok, warn or fail.
        summary: one sentence.
        trouble: for warn and fail, what it is and what mends it.
    """

    name: str
    status: str
    summary: str
    trouble: Trouble | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "status": self.status,
            "summary": self.summary,
            "trouble": self.trouble.as_json() if self.trouble else None,
        }


def bad(name: str, trouble: Trouble, status: str = FAIL) -> Check:
    """A finding that is not ok, summed up by the trouble's title."""
    return Check(name, status, trouble.title, trouble)
