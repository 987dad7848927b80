"""What a stretch of a test adds to the counters of the process."""

from __future__ import annotations

from agent.metrics import PREFIX, REGISTRY


class Counted:
    """From its making on."""

    def __init__(self) -> None:
        self._before = _samples()

    def __call__(self, name: str, **labels: str) -> float:
        """By so much the sample of this name and these labels has risen."""
        key = PREFIX + name, frozenset(labels.items())
        return _samples().get(key, 0.0) - self._before.get(key, 0.0)


def _samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
    }
