"""C2: nodes are restarted in turns while people talk, as an upgrade does it. No send fails, and none is left in doubt."""

from __future__ import annotations

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.nodes import Node
from tests.fault.harness.world import world
from tests.support.process import eventually

END_SECONDS = 20.0


@campaign("C2", "SIGTERM, rolling restart of two nodes", short=2, nightly=20, unit="restarts")
async def c2(run: Run) -> None:
    async with world(run, shared=True, nodes=2) as here:
        await here.start()
        pause = 100 if run.nightly else 15
        longest = 0.0
        while run.wants_more:
            node: Node = here.nodes[run.bites % 2]
            await here.load.acknowledged(run.chance.randrange(pause // 2, pause * 2))
            here.fault(f"SIGTERM {node.name}")
            longest = max(longest, await node.stop())
            run.bit()
            if node.process is None or node.process.returncode != 0:
                run.violate("I11", f"{node.name} did not end in order")
            await node.start()
            await eventually(lambda node=node: is_ready(node), timeout=20)
        run.figures["longest_end_seconds"] = round(longest, 2)
        if longest > END_SECONDS:
            run.violate("I11", f"a node took {longest:.1f} s to end")
        await here.load.acknowledged(pause)
        await here.finish()
        if here.load.repeated:
            run.violate("I1", f"{here.load.repeated} sends were stored, and their acknowledgement did not come")


async def is_ready(node: Node) -> bool:
    """Whether a node says that it should get traffic."""
    return await node.readiness() == 200
