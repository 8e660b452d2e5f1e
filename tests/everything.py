"""What `make test` runs once the code has been checked: pytest in three parts, and beside them the fault campaigns and the checklist.

Most tests, and nearly all of a campaign, wait: for a server to start, for what was broken to heal. Four streams side by side
keep two cores busy, three do not. The first prints as it goes, the others when they have ended.
The exit code is 0 where all were well.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import IO

# About as long as the other parts, by the clock; what is in none of these folders, and beside them, is the second part.
FIRST = [f"tests/integration/{name}" for name in ("nodes", "schema", "sockets", "workers")]
SECOND = ["tests/integration", "tests/migration"]
STREAMS = (
    ("pytest", "--durations=25", *FIRST),
    ("pytest", "--durations=25", *SECOND, *(f"--ignore={folder}" for folder in FIRST)),
    ("pytest", "--durations=25", *(f"--ignore={folder}" for folder in SECOND)),
    ("tests.fault", "--short"),
    ("tests.checklist",),  # for less than half a minute
)


def main() -> int:
    """The program."""
    running: list[tuple[subprocess.Popen[bytes], IO[str]]] = []
    codes: list[int] = []
    try:
        for stream in STREAMS:
            said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
            out = None if not running else said
            running.append((subprocess.Popen([sys.executable, "-m", *stream], stdout=out, stderr=out), said))
        for process, said in running:
            codes.append(process.wait())
            said.seek(0)
            sys.stdout.write(said.read())
            sys.stdout.flush()
    except BaseException:
        for process, _ in running:
            process.terminate()
            process.wait()
        raise
    finally:
        for _, said in running:
            said.close()
    return 1 if any(codes) else 0


if __name__ == "__main__":
    raise SystemExit(main())
