"""What is said of the metrics - in the table, on the dashboard, in the rules - is true of a real server's."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

import nurseries.serve
from agent.metrics import DECLARED, PREFIX
from agent.seen.spans import trace_id
from tests.calls.server import Server, call
from tests.fakes.collector import Collector, attributes
from tests.ops.promql import OF_PROMETHEUS, There, WrongError, used

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS, GRAFANA, DOCS = ROOT / "ops" / "prometheus", ROOT / "ops" / "grafana", ROOT / "docs"
RULES = [
    rule
    for file in ("slo.yaml", "alerts.yaml")
    for group in yaml.safe_load((PROMETHEUS / file).read_text())["groups"]
    for rule in group["rules"]
]
RECORDED = {rule["record"]: rule for rule in RULES if "record" in rule}
ALERTS = [rule for rule in RULES if "alert" in rule]
DASHBOARD = json.loads((GRAFANA / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

assert nurseries.serve, "all that a server counts is declared by now"


@dataclass(frozen=True)
class Seen:
    """What is seen of a call from outside."""

    before: str
    """Its metrics, while nobody has called yet."""
    metrics: str
    spans: list[dict[str, Any]]
    call_sid: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Of a call to a real server, which leaves then."""
    with Collector() as collector:
        server = Server(
            tmp_path_factory.mktemp("seen"),
            PROVIDER="scripted",
            DAY_BUDGET="5",
            CALL_BUDGET="1",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        )
        try:
            before = httpx2.get(f"{server.url}/metrics").text
            code, report = call(server.url, "--say", "Hi.", "--from", "+919876543210")
            assert code == 0, report
            text = httpx2.get(f"{server.url}/metrics").text
            assert server.leave() == 0
        finally:
            server.kill()
        return Seen(before, text, collector.spans, report["call_sid"])


@pytest.fixture(scope="module")
def families(seen: Seen) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(seen.metrics)}


@pytest.fixture(scope="module")
def there(families: dict[str, Metric]) -> There:
    labels: dict[str, frozenset[str]] = dict(OF_PROMETHEUS)
    series: dict[str, list[dict[str, str]]] = {}
    for family in families.values():
        own = labels_of(family)
        match family.type:
            case "counter":
                labels[f"{family.name}_total"] = own
            case "histogram":
                labels |= {f"{family.name}_{each}": own for each in ("sum", "count")}
                labels[f"{family.name}_bucket"] = own | {"le"}
            case _:
                labels[family.name] = own
        for sample in family.samples:
            series.setdefault(sample.name, []).append(sample.labels)
    for name in ("ALERTS", *RECORDED):
        series[name] = [
            {"alertstate": "firing", "severity": "page"},
            *(rule["labels"] for rule in RULES if rule.get("record") == name and "labels" in rule),
        ]
    bare = There(labels, series)
    for name, rule in RECORDED.items():
        labels[name] = bare.check(rule["expr"]) - {"job", "instance"} | set(rule.get("labels", {}))
    return There(labels, series)


def labels_of(family: Metric) -> frozenset[str]:
    """As they were declared, or else as they are: those of a reading."""
    bare = family.name.removeprefix(PREFIX)
    declared = DECLARED.get(f"{bare}_total", DECLARED.get(bare))
    if declared is not None:
        return frozenset(declared)
    return frozenset().union(*(sample.labels for sample in family.samples))


def test_the_table_has_every_metric_and_no_others(families: dict[str, Metric]) -> None:
    told = dict(re.findall(r"^\| `(calling_agent_[a-z_]+)` (\|.*)$", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    real = {}
    for family in families.values():
        if family.name.startswith(PREFIX):
            labels = ", ".join(f"`{label}`" for label in sorted(labels_of(family)))
            name = f"{family.name}_total" if family.type == "counter" else family.name
            real[name] = f"| {family.type} | {labels} | {family.documentation} |"

    missing = [f"| `{name}` {row}" for name, row in real.items() if told.get(name) != row]
    assert not missing, "docs/metrics.md is to have these rows:\n" + "\n".join(missing)
    assert not told.keys() - real.keys()


def test_the_page_tells_what_each_label_may_be(families: dict[str, Metric]) -> None:
    """All of what a server has shown, and nothing else where that is the program's to say."""
    shown: dict[tuple[str, str], set[str]] = {}
    for family in families.values():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        for label in labels_of(family):
            shown[name, label] = {sample.labels[label] for sample in family.samples if label in sample.labels}
    told: dict[tuple[str, str], str] = {}
    page = (DOCS / "metrics.md").read_text().partition("## Labels")[2]
    for label, of, what in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", page, re.MULTILINE):
        for pattern in re.findall(r"`([a-z_*]+)`", of):
            found = [(name, own) for name, own in shown if own == label and fnmatch(name, PREFIX + pattern)]
            assert found, f"there is no {label} of {pattern}"
            told |= dict.fromkeys(found, what)

    assert told.keys() == shown.keys()
    for (name, label), what in told.items():
        if label not in {"budget", "model", "provider", "tool", "version"}:  # an installation's own
            values = set(re.findall(r"`([a-z_ -]+)`", what)) - {"fault"}
            assert shown[name, label] <= values, name
            if label not in {"part", "mode"} and shown[name, label]:
                assert shown[name, label] == values, name


def test_a_call_is_seen_from_its_first_word_to_its_last(families: dict[str, Metric]) -> None:
    samples = [sample for family in families.values() for sample in family.samples]
    told = {sample.name: sample.value for sample in samples if not sample.labels}
    by = {(sample.name, *sample.labels.values()): sample.value for sample in samples}
    name = PREFIX.__add__

    assert told[name("greeting_seconds_count")] == told[name("turn_seconds_count")] == 1
    assert 0.2 < told[name("turn_seconds_sum")] < 5
    assert told[name("frames_total")] > 200
    assert told[name("loop_lag_seconds_count")] > 5
    assert 0 < told[name("loop_busy_seconds_total")] < told["process_cpu_seconds_total"]
    assert by[name("calls_begun_total"), "inbound"] == 1
    assert by[name("spans_total"), "failed"] + by[name("spans_total"), "dropped"] == 0


def test_what_is_counted_was_there_at_nothing_before_anybody_called(seen: Seen) -> None:
    """Else Prometheus sees no rise in the first one, and `increase` does not know of it."""
    before, after = (
        {
            (sample.name, *sorted(sample.labels.items()))
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        for text in (seen.before, seen.metrics)
    )
    assert not after - before


def test_a_call_to_a_real_server_is_one_trace(seen: Seen) -> None:
    """All of it, though the process leaves right behind the call; and nobody's number in it."""
    assert {base64.b64decode(span["traceId"]) for span in seen.spans} == {trace_id(seen.call_sid).to_bytes(16, "big")}
    names = [span["name"] for span in seen.spans]
    assert names.count("call") == 1
    assert names.count("turn") == names.count("hear") == names.count("speak") == 1
    (call,) = (span for span in seen.spans if span["name"] == "call")
    assert attributes(call)["call.ending"] == "caller hung up"
    assert {span.get("parentSpanId") for span in seen.spans if span["name"] == "turn"} == {call["spanId"]}
    assert "9876543210" not in repr(seen.spans)
    assert seen.call_sid not in repr(seen.spans)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_asks_for_what_there_is(panel: dict[str, Any], there: There) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        labels = there.check(target["expr"])
        assert used(target["legendFormat"]) <= labels, target


def test_the_dashboards_variables_and_annotations_ask_for_what_there_is(there: There) -> None:
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
            assert label in there.check(selector)
    for annotation in DASHBOARD["annotations"]["list"]:
        assert used(annotation["titleFormat"]) <= there.check(annotation["expr"])


def test_the_dashboard_can_be_shown() -> None:
    """Panels have their own places and numbers, and read from the data source that was chosen."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    for panel in PANELS:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"][0]
    assert source["type"] == "prometheus"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_rule_asks_for_what_there_is(rule: dict[str, Any], there: There) -> None:
    labels = there.check(rule["expr"])

    for text in rule.get("annotations", {}).values():
        assert used(text) <= labels | {"value"} | set(rule["labels"]), text


def limits_of_quantiles() -> Iterator[tuple[str, str, float]]:
    """Each limit that a quantile is held against, by a rule or on a panel: where, the histogram's name, the limit."""
    quantile = re.compile(r"histogram_quantile\(.*?(calling_agent_\w+)_bucket")
    recorded = {name: found[1] for name, rule in RECORDED.items() if (found := quantile.search(rule["expr"]))}
    for rule in ALERTS:
        above = re.search(r"> ([0-9.]+)$", rule["expr"])
        names = [*quantile.findall(rule["expr"]), *(own for name, own in recorded.items() if name in rule["expr"])]
        for name in names:
            assert above, rule["alert"]
            yield rule["alert"], name, float(above[1])
    for panel in PANELS:
        asked = " ".join(target["expr"] for target in panel["targets"])
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", ())
        for name in {*quantile.findall(asked), *(own for name, own in recorded.items() if name in asked)}:
            yield from ((panel["title"], name, step["value"]) for step in steps if step["value"] is not None)


@pytest.mark.parametrize(("where", "name", "limit"), [*limits_of_quantiles()])
def test_a_limit_of_a_quantile_is_a_bound_of_a_bucket(
    where: str, name: str, limit: float, families: dict[str, Metric]
) -> None:
    """Within a bucket Prometheus guesses: all of it could be below the limit, or above."""
    bounds = {float(sample.labels["le"]) for sample in families[name].samples if "le" in sample.labels}
    assert limit in bounds, where


def test_every_alert_has_a_section_that_says_what_to_do_and_the_other_way_round() -> None:
    page = (DOCS / "runbook.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))

    assert set(sections) == {alert["alert"] for alert in ALERTS}
    for alert in ALERTS:
        assert alert["annotations"]["runbook"] == f"docs/runbook.md#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in {"page", "ticket"}
    for name, text in sections.items():
        for part in ("Callers", "Look", "Do"):
            assert f"**{part}**" in text, name


def test_the_runbook_sends_nobody_to_a_panel_that_is_not_there() -> None:
    page = " ".join((DOCS / "runbook.md").read_text().split())
    sought = set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", page))

    assert len(sought) > 20
    assert sought <= {panel["title"].removesuffix(" (p95)").removesuffix(" (p99)") for panel in PANELS}


def test_every_alert_fires_in_a_test_of_its_own_and_is_silent_on_a_good_day() -> None:
    tests = yaml.safe_load((PROMETHEUS / "tests" / "alerts.yaml").read_text())["tests"]
    expected = [
        sample["labels"] for test in tests for each in test["promql_expr_test"] for sample in each["exp_samples"]
    ]

    for alert in ALERTS:
        labels = f'{{alertname="{alert["alert"]}", severity="{alert["labels"]["severity"]}"}}'
        assert labels in expected, f"ops/prometheus/tests/alerts.yaml does not let {labels} fire"
    good = next(test for test in tests if test["name"] == "a good day")
    assert good["promql_expr_test"][0]["exp_samples"] == []


def test_what_is_promised_is_what_is_measured() -> None:
    """The page of objectives tells those of the rules, with their shares."""
    told = dict(re.findall(r"^\| `([a-z-]+)` \| ([0-9.]+) % \|", (DOCS / "slo.md").read_text(), re.MULTILINE))
    rules = {
        rule["labels"]["slo"]: f"{float(rule['expr'][7:-1]) * 100:g}"
        for rule in RULES
        if rule.get("record") == "calling_agent:slo_objective"
    }
    assert told == rules


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("sum(rate(calling_agent_turn_second_bucket[5m]))", "there is no"),
        ('calling_agent_turns_total{kind="answered"}', "no label"),
        ('calling_agent_turns_total{outcome="anwered"}', "no calling_agent_turns_total has"),
        ("sum by (ending) (calling_agent_turns_total)", "no label"),
        ("histogram_quantile(0.9, sum(rate(calling_agent_turn_seconds_bucket[5m])))", "without le"),
        ("calling_agent_calls_now / sum by (job) (calling_agent_calls_most)", "never match"),
    ],
)
def test_a_query_of_what_is_not_there_is_found(query: str, what: str, there: There) -> None:
    with pytest.raises(WrongError, match=what):
        there.check(query)
