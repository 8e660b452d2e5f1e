"""How many cases property tests run, and from which seed.

`HUBBUB_PROPERTY_CASES` cases for each property (300 by default), drawn from `HUBBUB_PROPERTY_SEED` (random by default;
shown by every failed test).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any, Final

from hypothesis import HealthCheck, seed, settings

CASES: Final = int(os.environ.get("HUBBUB_PROPERTY_CASES", "300"))
SEED: Final = int(os.environ.get("HUBBUB_PROPERTY_SEED") or random.SystemRandom().randrange(2**32))

_SETTINGS: Final = settings(
    max_examples=CASES, deadline=None, print_blob=True, database=None, suppress_health_check=list(HealthCheck)
)


def each_case(test: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a test that has `@given` beneath."""
    decorated: Callable[..., Any] = _SETTINGS(seed(SEED)(test))
    return decorated
