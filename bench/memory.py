"""Memory held by a process and all it started."""

from __future__ import annotations

import psutil  # type: ignore[import-untyped]


def held(pid: int) -> int:
    """Bytes now: the proportional set size (PSS), in which what several processes share is counted once in all.

    Raises:
        psutil.NoSuchProcess: the process itself is gone.
    """
    parent = psutil.Process(pid)
    total = int(parent.memory_full_info().pss)
    for child in parent.children(recursive=True):
        try:
            total += child.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total
