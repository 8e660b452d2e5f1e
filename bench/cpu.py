"""CPU taken by a process and all it started, and by the whole machine."""

from __future__ import annotations

import psutil  # type: ignore[import-untyped]


def taken(pid: int) -> dict[str, float]:
    """Seconds of CPU by now, `user` and `system`; children that have ended are in their parent's account.

    Raises:
        psutil.NoSuchProcess: the process itself is gone.
    """
    user = system = 0.0
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        user += times.user + times.children_user
        system += times.system + times.children_system
    return {"user": user, "system": system}


def since(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """The difference of two answers of `taken`."""
    return {kind: after[kind] - before[kind] for kind in after}


def machine() -> dict[str, float]:
    """Seconds of CPU by now of everybody: all processes, interrupts, and other guests of the same host (`steal`)."""
    times = psutil.cpu_times()
    system = sum(getattr(times, kind, 0.0) for kind in ("system", "irq", "softirq", "steal"))
    return {"user": times.user + getattr(times, "nice", 0.0), "system": system}
