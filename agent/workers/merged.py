"""What several workers have counted, as one text for Prometheus: each worker's text in, by its name; one text out in
which each series has the label `worker`.

A family is told once, with the samples of all workers behind it, as the format wants it.
"""

from __future__ import annotations

from collections.abc import Mapping

LABEL = "worker"


def merged(texts: Mapping[str, str]) -> str:
    """Those of the workers, by name, in Prometheus' text format. The first one's order and words count."""
    heads: dict[str, dict[str, str]] = {}
    samples: dict[str, list[str]] = {}
    for worker, text in texts.items():
        family = ""
        for line in text.splitlines():
            if line.startswith("#"):
                _, kind, family, *_ = line.split(" ", 3)
                heads.setdefault(family, {}).setdefault(kind, line)
            elif line:
                samples.setdefault(family, []).append(labelled(line, worker))
    lines = ((*heads.get(family, {}).values(), *found) for family, found in samples.items())
    return "".join(f"{line}\n" for family in lines for line in family)


def labelled(sample: str, worker: str) -> str:
    """A sample's line, with this worker's label before its own."""
    name, brace, rest = sample.partition("{")
    if brace and " " not in name:
        comma = "" if rest.startswith("}") else ","
        return f'{name}{{{LABEL}="{worker}"{comma}{rest}'
    name, _, rest = sample.partition(" ")
    return f'{name}{{{LABEL}="{worker}"}} {rest}'
