"""C1: one node after the other dies at any moment, and comes back."""

from __future__ import annotations

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.world import world

BACK_SECONDS = 10.0


@campaign("C1", "kill -9 a node at random", short=2, nightly=50, unit="kills")
async def c1(run: Run) -> None:
    async with world(run, shared=True, nodes=2) as here:
        await here.start()
        pause = 60 if run.nightly else 12
        longest = 0.0
        while run.wants_more:
            await here.load.acknowledged(run.chance.randrange(pause // 2, pause * 2))
            node = run.chance.choice(here.nodes)
            here.fault(f"kill {node.name}")
            await node.kill()
            run.bit()
            longest = max(longest, await node.start())
        run.figures["longest_start_seconds"] = round(longest, 2)
        if run.nightly and longest > BACK_SECONDS:  # several short runs share two cores
            run.violate("I11", f"a node was ready only {longest:.1f} s after its start")
        await here.load.acknowledged(pause)
        await here.finish()
