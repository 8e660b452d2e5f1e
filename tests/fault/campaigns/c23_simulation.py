"""C23: nodes, their database, their bus and their clients in virtual time: thousands of courses of events, each from a seed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

from tests.fault.harness.campaign import Run, campaign
from tests.support.process import ROOT, python

BATCH = 100  # seeds in one process


@campaign("C23", "simulation in virtual time", short=60, nightly=20_000, unit="seeds", seconds=3_600.0)
async def c23(run: Run) -> None:
    bitten = Counter[str]()
    while run.wants_more:
        count = min(BATCH, run.count - run.bites)
        first = run.chance.randrange(2**31)
        command = python("-m", "tests.fault.simulation", "--first", str(first), "--count", str(count), "--json")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)
        try:
            output, errors = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        *told, last = output.decode().splitlines() or [""]
        if not last.startswith("{"):
            run.violate("I11", f"seeds from {first}: {errors.decode()[-1000:]}")
            return
        result = json.loads(last)
        bitten.update(result["bitten"])
        run.checked["I1"] += result["messages"]
        if result["violated"]:
            run.violate("I1 to I12", "\n".join(told)[-2000:])
        run.bit(count)
    run.figures["faults_within"] = sum(bitten.values())
    assert {"answer lost", "hint lost", "line cut", "node killed"} <= bitten.keys()
