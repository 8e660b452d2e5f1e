"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]


def machine(folder: Path) -> dict[str, Any]:
    """The machine, for the results; `folder` is where the database lies."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "virtual": _is_virtual(),
        "filesystem": _filesystem(folder),
        "python": platform.python_version(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
    }


def short_name(facts: dict[str, Any]) -> str:
    """For the name of a file: `2-core-intel-xeon`."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"\((r|tm)\)", "", facts["cpu"].lower()))
    kept = [word for word in words if word not in ("cpu", "processor", "with", "core")][:3]
    return "-".join([f"{facts['cores']}-core", *kept])


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _is_virtual() -> bool:
    try:
        return "hypervisor" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def _filesystem(folder: Path) -> str:
    """Of the longest mount point above the folder: what an fsync costs, or whether it is one at all."""
    place = folder.resolve()
    above = [part for part in psutil.disk_partitions(all=True) if place.is_relative_to(part.mountpoint)]
    return max(above, key=lambda part: len(part.mountpoint)).fstype if above else "unknown"
