"""What a campaign is, and what it is given: `@campaign` around a coroutine, and the `Run`.

    @campaign("C1", "kill -9 a node", short=3, nightly=50, unit="kills")
    async def c1(run: Run) -> None:
        async with world(run, nodes=2) as here:
            while run.wants_more:
                ...                      # break something
                run.bit()                # it was broken
            await here.finish()          # heal, drain, read, check

A campaign whose fault did not bite as often as was wanted is void, which counts as failed; so does one that raises.
"""

from __future__ import annotations

import importlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.fault.harness.checker import Violation

CAMPAIGNS: Final = Path(__file__).resolve().parents[1] / "campaigns"


@dataclass
class Run:
    """One run of one campaign.

    Attributes:
        name: the campaign's.
        count: how often the fault is to bite.
        nightly: the long run, with the whole load.
        seed, chance: all that is left to chance comes from here.
        folder: for histories and logs; kept where the run fails.
        bites: how often it bit.
        violations: what the checker found; empty is what is wanted.
        figures: further numbers worth showing, by name.
        checked: how many things each invariant was held against.
    """

    name: str
    count: int
    nightly: bool
    seed: int
    folder: Path
    chance: random.Random = field(init=False)
    bites: int = 0
    violations: list[Violation] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    checked: Counter[str] = field(default_factory=Counter)
    on_bite: Callable[[Run], None] = lambda _: None
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def bit(self, times: int = 1) -> None:
        """The fault bit."""
        self.bites += times
        self.on_bite(self)

    @property
    def wants_more(self) -> bool:
        """It has not bitten often enough yet."""
        return self.bites < self.count

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began

    def violate(self, invariant: str, what: str) -> None:
        """Something that no history shows is not as promised."""
        self.violations.append(Violation(invariant, what))


@dataclass(frozen=True)
class Campaign:
    """One campaign.

    Attributes:
        name: C0 to C29, or A1; several parts of one have a letter behind it.
        title: the fault, in a few words.
        short, nightly: how often it has to bite.
        unit: what is counted.
        seconds: the most that a nightly run may take; a short one takes a fraction.
        alone: it measures times that others on the machine would spoil, so nothing runs beside it.
    """

    name: str
    title: str
    short: int
    nightly: int
    unit: str
    run: Callable[[Run], Awaitable[None]]
    seconds: float
    alone: bool


REGISTRY: Final[dict[str, Campaign]] = {}


def campaign(
    name: str, title: str, *, short: int, nightly: int, unit: str, seconds: float = 1_200.0, alone: bool = False
) -> Callable[[Callable[[Run], Awaitable[None]]], Callable[[Run], Awaitable[None]]]:
    """Register a coroutine as a campaign; see `Campaign` for what the arguments mean."""

    def register(function: Callable[[Run], Awaitable[None]]) -> Callable[[Run], Awaitable[None]]:
        assert name not in REGISTRY, f"two campaigns are called {name}"
        REGISTRY[name] = Campaign(name, title, short, nightly, unit, function, seconds, alone)
        return function

    return register


def all_campaigns() -> dict[str, Campaign]:
    """Every campaign in `tests/fault/campaigns`, by name, in order."""
    for path in sorted(CAMPAIGNS.glob("*.py")):
        importlib.import_module(f"tests.fault.campaigns.{path.stem}")
    return dict(sorted(REGISTRY.items(), key=lambda item: _order(item[0])))


def one_campaign(name: str) -> Campaign:
    """One campaign by its name, without loading the files of others: `C7D` is in `c07_….py`.

    Raises:
        KeyError: there is none.
    """
    letter, number, _ = _order(name)
    for path in sorted(CAMPAIGNS.glob(f"{letter.lower()}{number:02d}_*.py")):
        importlib.import_module(f"tests.fault.campaigns.{path.stem}")
    return REGISTRY[name]


def _order(name: str) -> tuple[Any, ...]:
    digits = "".join(letter for letter in name if letter.isdigit())
    return name[0], int(digits or 0), name
