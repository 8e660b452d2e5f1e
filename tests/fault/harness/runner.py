"""Runs campaigns: each in a process of its own, some side by side; and, in such a process, the one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from tests.fault.harness.campaign import Campaign, Run
from tests.fault.harness.servers import lender
from tests.support.process import ROOT

from hubbub import open_files

SHORT_SECONDS: Final = 300.0  # many times what a short run takes: it shares its cores with others
_END_SECONDS: Final = 30.0


class Result(msgspec.Struct, kw_only=True):
    """What came of one run."""

    campaign: str
    title: str
    kind: str
    seed: int
    wanted: int
    bites: int
    unit: str
    seconds: float
    violations: list[str]
    error: str = ""
    figures: dict[str, float] = {}
    checked: dict[str, int] = {}
    folder: str = ""
    commit: str = ""
    machine: str = ""
    when: str = ""

    @property
    def is_void(self) -> bool:
        """The fault did not bite as often as it was to."""
        return self.bites < self.wanted

    @property
    def passed(self) -> bool:
        return not self.violations and not self.error and not self.is_void


class _Said(msgspec.Struct, omit_defaults=True):
    """A line from a campaign's process."""

    bites: int = 0
    result: Result | None = None


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Said).decode


def run_here(campaign: Campaign, *, nightly: bool, seed: int) -> int:
    """Run one campaign in this process, and say on standard output how it goes: one JSON object a line."""
    logging.disable(
        logging.ERROR
    )  # python-socketio logs what it is told by a server that dies; that is the purpose here
    say, sys.stdout = sys.stdout, sys.stderr
    folder = Path(tempfile.mkdtemp(prefix=f"hubbub-{campaign.name.lower()}-"))

    def tell(said: _Said) -> None:
        say.write(_encode(said).decode() + "\n")
        say.flush()

    count = campaign.nightly if nightly else campaign.short
    run = Run(campaign.name, count, nightly, seed, folder, on_bite=lambda run: tell(_Said(bites=run.bites)))
    error = ""
    open_files.make_room(4_000)
    try:
        asyncio.run(_bounded(campaign, run))
    except (Exception, asyncio.CancelledError):
        error = traceback.format_exc()
    run.figures["cpu_seconds"] = round(sum(map(_cpu_seconds, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))), 1)
    result = Result(
        campaign=campaign.name, title=campaign.title, kind="nightly" if nightly else "short", seed=seed, wanted=count,
        bites=run.bites, unit=campaign.unit, seconds=round(run.elapsed, 1), violations=list(map(str, run.violations)),
        error=error, figures=run.figures, checked=dict(run.checked), folder=str(folder),
    )  # fmt: skip
    if result.passed:
        shutil.rmtree(folder, ignore_errors=True)
        result.folder = ""
    tell(_Said(result=result))
    return 0 if result.passed else 1


def _cpu_seconds(who: int) -> float:
    """Of this process, or of those it has started and seen end."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


async def _bounded(campaign: Campaign, run: Run) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with asyncio.timeout(campaign.seconds if run.nightly else SHORT_SECONDS):
        await campaign.run(run)


class Runner:
    """Runs some campaigns and shows how they come along.

    Args:
        jobs: how many side by side; those that are to be `alone` run after all others, if times are judged (nightly).
        took: given each result as it comes.
    """

    def __init__(self, console: Console, *, nightly: bool, seed: int, jobs: int, took: Callable[[Result], Any]) -> None:
        self._nightly, self._seed, self._took = nightly, seed, took
        self._env: dict[str, str] = {}
        self._turn = asyncio.Semaphore(max(1, jobs))
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip

    async def run(self, chosen: Sequence[Campaign]) -> None:
        """All of them, to their ends; SIGTERM ends them as Ctrl-C does, cleaned up."""
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        with self._progress:
            async with lender() as self._env:
                async with asyncio.TaskGroup() as group:
                    for campaign in chosen:
                        if not campaign.alone or not self._nightly:
                            group.create_task(self._one(campaign))
                for campaign in chosen:
                    if campaign.alone and self._nightly:
                        await self._one(campaign)

    async def _one(self, campaign: Campaign) -> None:
        async with self._turn:
            total = campaign.nightly if self._nightly else campaign.short
            bar = self._progress.add_task(f"{campaign.name} {campaign.title}", total=total, unit=campaign.unit)
            result = await self._child(campaign, bar)
            mark = "ok" if result.passed else "VOID" if result.is_void and not result.error else "FAILED"
            self._console.print(
                f"{mark:6} {campaign.name} {campaign.title}: {result.bites} of {result.wanted} {campaign.unit}, "
                f"{len(result.violations)} violations, {result.seconds:.1f} s",
                highlight=False,
            )
            self._progress.remove_task(bar)
            self._took(result)

    async def _child(self, campaign: Campaign, bar: TaskID) -> Result:
        arguments = ["--one", campaign.name, "--seed", str(self._seed)] + (["--nightly"] if self._nightly else [])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fault", *arguments, cwd=ROOT, limit=1 << 24, env=os.environ | self._env,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        noise = asyncio.create_task(process.stderr.read())
        result: Result | None = None
        try:
            async for line in process.stdout:
                said = _decode(line)
                result = said.result or result
                self._progress.update(bar, completed=said.bites or (result.bites if result else 0))
            await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_END_SECONDS):
                        await process.wait()
        if result is None:
            said_last = (await noise).decode(errors="replace")[-4_000:]
            return Result(
                campaign=campaign.name, title=campaign.title, kind="nightly" if self._nightly else "short",
                seed=self._seed, wanted=1, bites=0, unit=campaign.unit, seconds=0.0, violations=[],
                error=f"it ended with {process.returncode} and without a result:\n{said_last}",
            )  # fmt: skip
        noise.cancel()
        return result
