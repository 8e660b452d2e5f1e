"""C0, before all others: bugs are planted, and each has to be found, by the name of the invariant that it breaks. The
server without any passes the same probes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.checker import by_invariant
from tests.fault.harness.load import Size
from tests.fault.harness.world import world
from tests.fault.mutants.planted import MUTANTS, Mutant
from tests.fault.mutants.probes import OUTBOX, PROBES

SIZE = Size(senders=4, rooms=2, rate=20, listeners=4)
ENV = {"HUBBUB_OUTBOX_BYTES": str(OUTBOX), "HUBBUB_PING_INTERVAL_MS": "30000", "HUBBUB_SEND_RATE": "0"}
QUICK = [mutant for mutant in MUTANTS.values() if mutant.quick]
AT_ONCE = 2


async def trial(run: Run, probes: Sequence[str], mutant: Mutant | None, number: int = 0) -> Run:
    """Some probes under one mutant, or none: a run of its own, with what was violated."""
    name = mutant.name if mutant is not None else f"no bug {number}"
    folder = run.folder / name.replace(" ", "-")
    folder.mkdir()
    sub = Run(name, len(probes), run.nightly, run.seed, folder)
    nodes = mutant.nodes if mutant is not None else 2
    planted = mutant.name if mutant is not None else None
    async with world(
        sub, shared=True, nodes=nodes, size=SIZE, env=ENV, mutant=planted, library=False, receipts=False
    ) as here:
        await here.load.prepare()
        if mutant is not None and mutant.sql:
            async with here.sql() as db:
                await db.execute(mutant.sql)
        await here.start()
        for probe in probes:
            await PROBES[probe](sub, here)
        await here.finish(presence="crash" in probes)
    return sub


async def hunt(run: Run, mutant: Mutant) -> None:
    """Plant one bug, and see whether it is found."""
    try:
        sub = await trial(run, [mutant.probe], mutant)
    except Exception as error:
        run.violate("C0", f"`{mutant.name}`: the probe ended with {error!r}")
        return
    found = by_invariant(sub.violations)
    if any(name in found for name in mutant.caught_by):
        run.bit()
    else:
        run.violate("C0", f"`{mutant.name}` is to be found by {mutant.caught_by}, and was by {dict(found)}")


@campaign("C0", "planted bugs", short=len(QUICK), nightly=len(MUTANTS), unit="bugs found by name")
async def c0(run: Run) -> None:
    mutants = list(MUTANTS.values()) if run.nightly else QUICK
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(mutant: Mutant) -> None:
        async with turn:
            await hunt(run, mutant)

    await asyncio.gather(*(one(mutant) for mutant in mutants))
    probes = [probe for probe in PROBES if any(mutant.probe == probe for mutant in mutants)]
    for number, group in enumerate(_groups(probes)):
        sub = await trial(run, group, None, number)
        run.violations += sub.violations
        run.checked.update(sub.checked)


def _groups(probes: Sequence[str]) -> list[list[str]]:
    """Which probes one server takes after each other: `rewind` takes back what was acknowledged, `quiet` ends the talk."""
    alone = [[probe] for probe in probes if probe in ("quiet", "rewind")]
    return [[probe for probe in probes if [probe] not in alone], *alone]
