"""The machine that was measured, in words that fit a table."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def described() -> str:
    """Processor, cores, memory, system, Python."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.+)", info)
    memory = re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())
    return ", ".join(
        (
            model[1] if model else platform.machine(),
            f"{os.cpu_count()} cores",
            f"{int(memory[1]) / 2**20:.0f} GB" if memory else "",
            f"Linux {platform.release().partition('-')[0]}",
            f"Python {platform.python_version()}",
        )
    )
