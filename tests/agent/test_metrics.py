"""What may be told, and how it reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from agent.keep.record import CallRecord
from agent.keep.tally import tell
from agent.keep.usage import Usage
from agent.metrics import MOST_SERIES, OTHER, Count, Reading, Times, exposition, label

SID = "CA" + "0123456789abcdef" * 2


def read(text: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    samples = (sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples)
    return {(sample.name, tuple(sorted(sample.labels.values()))): sample.value for sample in samples}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=True)


def test_counters_and_readings_come_out_together(registry: CollectorRegistry) -> None:
    count = Count("things", "Things.", "kind", registry=registry)
    count.add(kind="a")
    count.add(2.5, kind="a")
    count.add(-3, kind="a")
    Times("took_seconds", "Time.", buckets=(1, 2), registry=registry).took(1.5)
    readings = [Reading("level", "Level.", 3, {"of": 'x"\\'}), Reading("level", "Level.", 4, {"of": "y"})]

    told = read(exposition(readings, registry))

    assert told["calling_agent_things_total", ("a",)] == 3.5
    assert told["calling_agent_took_seconds_bucket", ("2.0",)] == 1
    assert told["calling_agent_level", ('x"\\',)] == 3
    assert told["calling_agent_level", ("y",)] == 4


def test_two_readings_whose_names_may_not_be_told_stay_two(registry: CollectorRegistry) -> None:
    """Of two lines that are the same, Prometheus takes one: the other budget would be nobody's."""
    readings = [
        Reading("spent", "Spent.", spent, {"budget": f"sale-{date}/day"})
        for date, spent in (("20261101", 1), ("20261201", 49))
    ]

    told = read(exposition(readings, registry))

    assert told == {
        ("calling_agent_spent", (OTHER,)): 1,
        ("calling_agent_spent", (f"{OTHER}-2",)): 49,
    }


def test_labels_are_those_that_were_declared(registry: CollectorRegistry) -> None:
    count = Count("things", "Things.", "kind", registry=registry)

    with pytest.raises(ValueError, match="number"):
        count.add(kind="a", number="1")


@pytest.mark.parametrize(
    "value",
    [
        SID,
        "+919876543210",
        "98765 43210",
        "call from 9876543210",
        "a@example.in",
        "नमस्ते",
        "x" * 81,
        "a\nb",
        "91.98.76.54.32.10",
        "987.654.3210",
        "1.98765.43210.4",
    ],
)
def test_what_may_be_somebodys_is_not_told(value: str) -> None:
    assert label(value) == OTHER


@pytest.mark.parametrize(
    "value",
    [
        *("gpt-realtime-2.1-mini", "gpt-4o-mini-tts-2025-12-15", "caller hung up", "", "campaign/spring-2026/day"),
        *("openai llama at 192.168.100.20:8000", "openai kokoro at 10.110.120.130"),
    ],
)
def test_what_is_one_of_few_is_told(value: str) -> None:
    assert label(value) == value


@given(st.text())
def test_a_number_never_gets_through(text: str) -> None:
    assert "9876543210" not in label(f"{text}9876543210{text}")


def test_there_are_never_more_series_than_may_be(registry: CollectorRegistry) -> None:
    count = Count("things", "Things.", "kind", registry=registry)
    for n in range(MOST_SERIES * 3):
        count.add(kind=f"kind {n}")

    told = read(exposition((), registry))

    assert len(told) == MOST_SERIES + 1
    assert told["calling_agent_things_total", (OTHER,)] == MOST_SERIES * 2


def test_a_call_is_added_up_by_ending_part_and_model() -> None:
    used = (Usage("llm", "m-of-this-test", requests=2, untold=1, tokens_in=1000, tokens_out=10),)
    record = CallRecord(SID, "", "+919876543210", "", "outbound-api", "", 61_000, "of this test", (), usage=used)

    tell(record, {})

    told = exposition().decode()
    assert read(told.encode())["calling_agent_calls_total", ("of this test", "outbound")] == 1
    assert read(told.encode())["calling_agent_model_tokens_total", ("llm", "m-of-this-test", "tokens_in")] == 1000
    assert SID not in told
    assert "9876543210" not in told
