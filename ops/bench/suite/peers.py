"""Other stacks, where `ops/bench/peers/install` has made their environments; else they are left out, which is told."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

from ops.bench.suite import server

FOLDER = server.ROOT / ".peers"
NAMES = {"Pipecat": "pipecat", "Pipecat without SmartTurn": "pipecat", "LiveKit Agents": "livekit"}
"""Workloads that are a peer's, and which one's."""


def there(workload: str) -> bool:
    """Whether it can be measured here."""
    name = NAMES.get(workload)
    if name is None or _python(name).is_file():
        return True
    sys.stderr.write(f"{workload} is left out: ops/bench/peers/install brings it.\n")
    return False


def running(name: str, *arguments: str) -> AbstractContextManager[server.Server]:
    """Its server, until the block ends."""
    return server.running(f"ops.bench.peers.{name}_server", *arguments, python=_python(name))


def _python(name: str) -> Path:
    return FOLDER / name / "bin" / "python"
