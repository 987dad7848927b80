"""What a sibling has counted, read back: its text for Prometheus in, the samples of one name out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(text: str, name: str) -> Iterator[tuple[dict[str, str], float]]:
    """Labels and value of each. Values of labels are as `agent.metrics.label` lets them be told: without quotes."""
    for found in re.finditer(rf"^{re.escape(name)}\{{(.*)\}} (\S+)$", text, re.MULTILINE):
        yield dict(_LABEL.findall(found[1])), float(found[2])
