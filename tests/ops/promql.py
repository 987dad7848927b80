"""Queries held to what there is: an expression and the metrics in; the labels of its result out, or what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import promql_parser as promql

SCRAPED = frozenset({"job", "instance"})
"""Put on everything by Prometheus."""

OF_WORKERS = frozenset({"worker"})
"""Put on all that a server counts, where it has several workers."""

OF_PROMETHEUS = {
    "up": frozenset[str](),
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
}

OF_A_SERVER = ("calling_agent_", "process_")

_KNOWN_BY_USE = frozenset({"provider", "fault", "tool", "model", "budget", "version", "mode", "part", "campaign"})
"""Labels whose values are an installation's own."""

_MADE_UP = {"$__rate_interval": "5m", "$__interval": "1m"}


class WrongError(AssertionError):
    """A query of something that is not there."""


@dataclass(frozen=True)
class There:
    """What can be asked for."""

    labels: Mapping[str, frozenset[str]]
    """Of each name of a sample."""
    series: Mapping[str, list[Mapping[str, str]]]
    """Those that a real server has shown, by name."""

    def check(self, query: str) -> frozenset[str]:
        """The labels that its result has. Raises WrongError, or ValueError where it does not parse."""
        for variable, value in _MADE_UP.items():
            query = query.replace(variable, value)
        return self._labels(promql.parse(query))

    def _labels(self, node: object) -> frozenset[str]:
        found = frozenset[str]()
        match node:
            case promql.VectorSelector():
                found = self._selected(node)
            case promql.MatrixSelector():
                found = self._selected(node.vector_selector)
            case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
                found = self._labels(node.expr)
            case promql.AggregateExpr():
                found = self._aggregated(node)
            case promql.Call():
                found = self._called(node)
            case promql.BinaryExpr():
                found = self._combined(node)
            case promql.NumberLiteral() | promql.StringLiteral():
                pass
            case _:
                raise WrongError(f"what is {type(node).__name__}?")
        return found

    def _called(self, node: promql.Call) -> frozenset[str]:
        found = frozenset[str]().union(*map(self._labels, node.args))
        if node.func.name == "histogram_quantile":
            if "le" not in found:
                raise WrongError(f"histogram_quantile without le: {node}")
            return found - {"le"}
        return frozenset() if node.func.name in {"absent", "vector", "scalar"} else found

    def _aggregated(self, node: promql.AggregateExpr) -> frozenset[str]:
        inner = self._labels(node.expr)
        if node.modifier is None:
            return frozenset()
        named = frozenset(node.modifier.labels)
        if "By" in str(node.modifier.type):
            _are_of(named, inner, node)
            return named
        return inner - named

    def _combined(self, node: promql.BinaryExpr) -> frozenset[str]:
        left, right = self._labels(node.lhs), self._labels(node.rhs)
        if isinstance(node.lhs, promql.NumberLiteral):
            return right
        matching = node.modifier.matching if node.modifier is not None else None
        if matching is not None:
            _are_of(matching.labels, left, node)
            _are_of(matching.labels, right, node)
        elif right and left != right:
            raise WrongError(f"{sorted(left)} never match {sorted(right)}: {node}")
        return left

    def _selected(self, node: promql.VectorSelector) -> frozenset[str]:
        name = node.name
        if name not in self.labels:
            raise WrongError(f"there is no {name}")
        labels = self.labels[name] | SCRAPED | (OF_WORKERS if name.startswith(OF_A_SERVER) else frozenset())
        matchers = list(node.matchers.matchers)
        _are_of((matcher.name for matcher in matchers), labels, node)
        own = [m for m in matchers if m.name not in SCRAPED | _KNOWN_BY_USE]
        series = self.series.get(name, [])
        for matcher in own:
            if "Not" not in str(matcher.op):
                for value in matcher.value.split("|") if "Re" in str(matcher.op) else [matcher.value]:
                    if not any(each.get(matcher.name) == value for each in series):
                        raise WrongError(f"no {name} has {matcher.name}={value}")
        return labels


def _are_of(names: Iterable[str], labels: frozenset[str], what: object) -> None:
    unknown = set(names) - labels
    if unknown:
        raise WrongError(f"no label {sorted(unknown)}: {what}")


def used(text: str, pattern: str = r"\{\{\s*(?:\$labels\.)?(?!end\b)([a-z_]+)\s*\}\}") -> set[str]:
    """Labels that a legend or an annotation shows."""
    return set(re.findall(pattern, text))
