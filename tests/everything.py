"""What `make test` runs once the code has been checked: pytest, with the fault campaigns beside it, then the checklist.

The campaigns at their short counts mostly wait for what they broke to heal; beside pytest they cost minutes less than
after it. What they said is printed when both have ended. The exit code is 0 where all three were well.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

BESIDE = "2"  # campaigns at a time: more would disturb tests that wait for the clock


def main() -> int:
    """The program."""
    run = [sys.executable, "-m"]
    with tempfile.TemporaryFile("w+") as said:
        campaigns = subprocess.Popen([*run, "tests.fault", "--short", "--jobs", BESIDE], stdout=said, stderr=said)
        try:
            tests = subprocess.run([*run, "pytest"], check=False).returncode
            faults = campaigns.wait()
        except BaseException:
            campaigns.terminate()
            campaigns.wait()
            raise
        said.seek(0)
        sys.stdout.write(said.read())
        sys.stdout.flush()
    checklist = subprocess.run([*run, "tests.checklist"], check=False).returncode
    return 1 if tests or faults or checklist else 0


if __name__ == "__main__":
    raise SystemExit(main())
