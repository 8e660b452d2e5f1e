"""C20: the protocol suites with strict and official clients, again and again, straight and behind nginx.

The short run is behind nginx alone, without the bytes of Engine.IO: the tests run all of it straight anyway.
"""

from __future__ import annotations

import asyncio
import os
import re

from tests.conformance.conftest import PROXIED
from tests.fault.harness.campaign import Run, campaign
from tests.support.nginx import program
from tests.support.process import ROOT, python

SUITES = ("test_socketio.py", "test_clients.py", "test_engineio.py")
RUN_SECONDS = 240.0


@campaign("C20", "protocol suites and official clients, behind nginx as well", short=1, nightly=20, unit="runs")
async def c20(run: Run) -> None:
    program()  # nothing to be skipped
    passed = 0
    while run.wants_more:
        is_proxied = not run.nightly or run.bites % 2 == 1
        suites = [ROOT / "tests/conformance" / name for name in (SUITES if run.nightly else SUITES[:1])]
        process = await asyncio.create_subprocess_exec(
            *python("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *suites),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {PROXIED: "1" if is_proxied else ""},
        )  # fmt: skip
        try:
            async with asyncio.timeout(RUN_SECONDS):
                said = (await process.communicate())[0].decode(errors="replace")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        (run.folder / f"run{run.bites}.txt").write_text(said)
        found = re.search(r"^(\d+) passed(?!.*failed)", said, re.MULTILINE)
        if process.returncode != 0 or found is None:
            where = "behind nginx" if is_proxied else "straight"
            run.violate("I11", f"{where}: " + " ".join(re.findall(r"^(?:FAILED|ERROR) .*", said, re.MULTILINE)))
        passed += int(found[1]) if found else 0
        run.bit()
    run.figures["tests_passed"] = passed
