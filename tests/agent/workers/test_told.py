"""What one worker has counted is read back as it was."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from agent.metrics import PREFIX, Count, exposition, label
from agent.workers.told import samples

words = st.text(max_size=20)


@example({("\\n", '"'): 1, ('a="b"} 7', "\\"): 2})
@given(st.dictionaries(st.tuples(words, words), st.integers(1, 10**9), max_size=8))
def test_labels_and_figures_come_back(counted: dict[tuple[str, str], int]) -> None:
    registry = CollectorRegistry()
    count, other = (Count(name, "What.", "part", "why", registry=registry) for name in ("faults", "faults_later"))
    told: dict[tuple[str, str], int] = {}
    for (part, why), n in counted.items():
        count.add(n, part=part, why=why)
        other.add(n + 1, part=part, why=why)
        key = (label(part), label(why))
        told[key] = told.get(key, 0) + n
    text = exposition([], registry).decode()
    found = {(of["part"], of["why"]): value for of, value in samples(text, f"{PREFIX}faults_total")}

    assert found == told
