"""The simulation finds what is planted in Hubbub's own parts, so that finding nothing (campaign C23) means something."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.fault.simulation.world import simulate

from hubbub.domain.changes import Change
from hubbub.domain.ids import new_id
from hubbub.fanout.feeds import Feeds
from hubbub.fanout.sequencer import RoomFeed
from hubbub.store.journal import Journal

MOST = 150  # seeds within which a planted bug is to be found


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_a_seed_takes_the_same_course_each_time() -> None:
    for seed in (3, 16, 22):
        first, second = simulate(seed), simulate(seed)
        assert (first.bitten, first.messages, first.violations) == (second.bitten, second.messages, second.violations)


def _sends_anew_under_another_id(patch: pytest.MonkeyPatch) -> None:
    commit = Journal._commit

    async def forgetful(self: Journal, batch: list[Any]) -> None:
        await commit(self, [row._replace(message_id=new_id(), client_id=None) for row in batch])

    patch.setattr(Journal, "_commit", forgetful)


def _acks_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    commit = Journal._commit

    async def hasty(self: Journal, batch: list[Any]) -> None:
        try:
            await commit(self, batch)
        except Exception:
            self._refuse([row for row in batch if row.done.done()], None)  # type: ignore[arg-type]
            for row in batch:
                row.done.set_result({"success": True, "id": str(row.message_id), "seq": 1})

    patch.setattr(Journal, "_commit", hasty)


def _never_looks_for_what_no_hint_told(patch: pytest.MonkeyPatch) -> None:
    async def blind(self: Feeds[Any]) -> None:
        return None

    patch.setattr(Feeds, "look", blind)


def _tells_what_is_held_at_once(patch: pytest.MonkeyPatch) -> None:
    def hold(self: RoomFeed[Any], change: Change) -> None:
        if self.position is not None:
            self._tell([change])

    patch.setattr(RoomFeed, "hold", hold)


def _joins_with_a_seam(patch: pytest.MonkeyPatch) -> None:
    def attach(self: RoomFeed[Any], listener: Any, after: int) -> bool:
        self.position = self.position if self.position is not None else after
        self.listeners[listener] = None
        return True

    patch.setattr(RoomFeed, "attach", attach)


def _never_sweeps(patch: pytest.MonkeyPatch) -> None:
    from tests.fault.simulation.truth import Connection

    patch.setattr(Connection, "sweep", lambda self: "DELETE 0")


@pytest.mark.parametrize(
    ("plant", "caught"),
    [
        (_sends_anew_under_another_id, "I1"),
        (_acks_before_the_commit, "I1"),
        (_never_looks_for_what_no_hint_told, "I4"),
        (_tells_what_is_held_at_once, "I4"),
        (_joins_with_a_seam, "I4"),
        (_never_sweeps, "I10"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else value,
)
def test_a_planted_bug_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], caught: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    for seed in range(1, MOST):
        if any(violation.startswith(caught) for violation in simulate(seed).violations):
            return
    pytest.fail(f"{caught} was not violated in {MOST} seeds")
