"""What is counted for Prometheus: names, words and labels in; the text that /metrics answers out. Pure but for memory.

Counters are a process's own, declared once where they are counted, and never go down. What can be read at any moment
(calls now, records that wait) is a `Reading`, made anew at each scrape. A label's value is one of few: no number, no
CallSid and no secret may get into one, whatever a careless line passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

PREFIX = "calling_agent_"
MEDIA_TYPE = CONTENT_TYPE_LATEST

MOST_SERIES = 200
"""Of one counter: further combinations of labels are counted together."""
OTHER = "other"
"""A label's value that may not be told, or is one too many."""

_TELLING = re.compile(
    r"""
      [0-9A-Fa-f]{12}                        # a sid, a hash
    | (?<![0-9])\+?[0-9](?:[\s().-]?[0-9]){7,}  # a telephone number, but for what is plain
    | [^\x20-\x7e]
    | @
    """,
    re.VERBOSE,
)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_PLAIN = re.compile(rf"20[0-9]{{2}}-[01][0-9]-[0-3][0-9]|(?<![0-9.+])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9.])")
"""A model's date, the address of a provider's server: no telephone number."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a time beside each counter, which nobody asks for
REGISTRY = CollectorRegistry(auto_describe=True)
"""Of this process."""
ProcessCollector(registry=REGISTRY)

DECLARED: dict[str, tuple[str, ...]] = {}
"""Of each counter and histogram of this process, by its name without the prefix: the names of its labels."""


class Count:
    """A counter. `labels` are the names of its labels."""

    def __init__(self, name: str, what: str, *labels: str, registry: CollectorRegistry = REGISTRY) -> None:
        """`name` without the prefix; `_total` is appended. Raises ValueError for a name that is taken."""
        self._counter = Counter(PREFIX + name, what, labels, registry=registry)
        if registry is REGISTRY:
            DECLARED[f"{name}_total"] = labels
        self._series = _Series(labels)

    def add(self, amount: float = 1.0, **labels: str) -> None:
        """So much more; nothing where it is less than nothing. Not a checkpoint."""
        if amount > 0:
            told = self._series.told(labels)
            (self._counter.labels(*told) if told else self._counter).inc(amount)

    def told(self) -> Iterator[tuple[dict[str, str], float]]:
        """What has been counted, by labels. Not a checkpoint."""
        for family in self._counter.collect():
            yield from ((dict(sample.labels), sample.value) for sample in family.samples)

    def begin(self, **labels: str) -> None:
        """At nothing, so that the first one is seen as a rise. Not a checkpoint."""
        self._counter.labels(*self._series.told(labels))


class Times:
    """How long something took, in seconds, by buckets."""

    def __init__(
        self, name: str, what: str, *labels: str, buckets: Iterable[float], registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._histogram = Histogram(PREFIX + name, what, labels, buckets=tuple(buckets), registry=registry)
        if registry is REGISTRY:
            DECLARED[name] = labels
        self._series = _Series(labels)

    def begin(self, **labels: str) -> None:
        """At nothing, as for a counter. Not a checkpoint."""
        self._histogram.labels(*self._series.told(labels))

    def took(self, seconds: float, **labels: str) -> None:
        """Once more. Not a checkpoint."""
        told = self._series.told(labels)
        (self._histogram.labels(*told) if told else self._histogram).observe(max(seconds, 0.0))


class Reading(NamedTuple):
    """How something stands."""

    name: str
    """Without the prefix."""
    what: str
    value: float
    labels: Mapping[str, str] = {}


def exposition(readings: Iterable[Reading] = (), registry: CollectorRegistry = REGISTRY) -> bytes:
    """All of it, in Prometheus' text format."""
    now = CollectorRegistry(auto_describe=False)
    now.register(_Readings(tuple(readings)))
    return generate_latest(now) + generate_latest(registry)


def label(value: str) -> str:
    """The value, as it may be told."""
    bare = _PLAIN.sub("", value)
    return OTHER if len(value) > 80 or _TELLING.search(bare) else value


class _Series:
    """The combinations of labels of one counter."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._known: set[tuple[str, ...]] = set()

    def told(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        if set(labels) != set(self._names):
            raise ValueError(f"labels {sorted(labels)} instead of {sorted(self._names)}")
        told = tuple(label(labels[name]) for name in self._names)
        if told not in self._known:
            if len(self._known) >= MOST_SERIES:
                return (OTHER,) * len(self._names)
            self._known.add(told)
        return told


class _Readings(Collector):
    def __init__(self, readings: tuple[Reading, ...]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        told: dict[tuple[str, ...], int] = {}
        for name, what, value, labels in self._readings:
            if name not in families:
                families[name] = GaugeMetricFamily(PREFIX + name, what, labels=tuple(labels))
            values = [label(each) for each in labels.values()]
            nth = told[name, *values] = told.get((name, *values), 0) + 1
            if nth > 1:  # both may not be told, and are two nevertheless: a scraper takes the first of two that are one
                values = [f"{OTHER}-{nth}" if each == OTHER else each for each in values]
            families[name].add_metric(values, value)
        yield from families.values()
