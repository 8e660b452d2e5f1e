"""The stages of a message: what is observed, and how often."""

from __future__ import annotations

from time import monotonic, perf_counter

from hubbub.stages import Stages


def test_a_batch_is_observed_once_in_each_stage() -> None:
    stages = Stages()
    stages.taken(monotonic() - 0.2)
    stages.committed(perf_counter() - 0.02)
    stages.handed_over()
    assert (stages.queue.count, stages.commit.count, stages.publish.count) == (1, 1, 1)
    assert stages.queue.total >= 0.2
    assert stages.commit.total >= 0.02
    assert stages.publish.total > 0


def test_what_was_not_committed_here_is_no_publishing() -> None:
    stages = Stages()
    stages.handed_over()
    stages.committed(perf_counter())
    stages.handed_over()
    stages.handed_over()
    assert stages.publish.count == 1


def test_commits_that_are_handed_over_together_count_from_the_first() -> None:
    stages = Stages()
    stages.committed(perf_counter())
    until = perf_counter() + 0.02
    while perf_counter() < until:
        pass
    stages.committed(perf_counter())
    stages.handed_over()
    assert stages.publish.count == 1
    assert stages.publish.total >= 0.02
