"""What was measured, kept beside the benchmark as JSON: one file a label, one entry a workload."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ops.bench.suite.figures import Figure

FOLDER = Path(__file__).resolve().parent.parent / "results"


class Measured(msgspec.Struct):
    """One workload's."""

    day: str
    machine: str
    figures: dict[str, Figure]


Results = dict[str, Measured]


def kept(label: str) -> Results:
    """By workload; nothing where nothing was kept."""
    file = FOLDER / f"{label}.json"
    return msgspec.json.decode(file.read_bytes(), type=Results) if file.is_file() else {}


def keep(label: str, machine: str, found: dict[str, dict[str, Figure]]) -> None:
    """These workloads' figures, in place of those they had."""
    day = datetime.now(UTC).date().isoformat()
    told = kept(label) | {name: Measured(day, machine, figures) for name, figures in found.items()}
    FOLDER.mkdir(exist_ok=True)
    data = msgspec.json.encode(told, order="sorted")
    (FOLDER / f"{label}.json").write_bytes(msgspec.json.format(data, indent=1) + b"\n")
