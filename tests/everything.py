"""What `make test` runs once the code has been checked: pytest in two halves, the fault campaigns beside them, the checklist.

Most tests, and nearly all of a campaign, wait: for a server to start, for what was broken to heal. Three streams side by side
take half the time of one after another on two cores. The first half prints as it goes, the others when they have ended.
The exit code is 0 where all were well.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import IO

# Half of pytest's time, by the clock; what is in none of these folders is the other half.
FIRST = [
    f"tests/integration/{name}" for name in ("fanout", "nodes", "pooler", "postgres", "schema", "sockets", "workers")
]
STREAMS = (
    ("pytest", "--durations=25", *FIRST),
    ("pytest", "--durations=25", *(f"--ignore={folder}" for folder in FIRST)),
    ("tests.fault", "--short"),
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
    codes.append(subprocess.run([sys.executable, "-m", "tests.checklist"], check=False).returncode)
    return 1 if any(codes) else 0


if __name__ == "__main__":
    raise SystemExit(main())
