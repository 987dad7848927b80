"""What several workers have counted, in one text."""

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from agent.metrics import Count, Reading, Times, exposition
from agent.workers.merged import merged
from agent.workers.words import Ask, Charter, Leave, Take, Told, decode, encode


def of_worker(calls: int, extra: bool) -> str:
    registry = CollectorRegistry(auto_describe=True)
    count, times = (
        Count("calls", "Calls.", "ending", registry=registry),
        Times("turn", "Turns.", buckets=(1,), registry=registry),
    )
    count.add(calls, ending='caller {hung} "up" \\ bye')
    times.took(0.5)
    if extra:
        Count("rare", "Rare.", registry=registry).add(2)
    return exposition([Reading("calls_now", "Now.", calls)], registry).decode()


def test_each_family_is_told_once_and_each_series_by_worker() -> None:
    text = merged({"0": of_worker(3, False), "1": of_worker(4, True)})

    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    assert text.count("# HELP") == text.count("# TYPE") == len(families)
    told = {(sample.name, *sorted(sample.labels.items())): sample.value for each in families for sample in each.samples}
    ending = ("ending", 'caller {hung} "up" \\ bye')
    assert told["calling_agent_calls_total", ending, ("worker", "0")] == 3
    assert told["calling_agent_calls_total", ending, ("worker", "1")] == 4
    assert told["calling_agent_calls_now", ("worker", "1")] == 4
    assert told["calling_agent_turn_bucket", ("le", "1.0"), ("worker", "0")] == 1
    assert told["calling_agent_rare_total", ("worker", "1")] == 2


def test_of_one_worker_nothing_is_lost_but_that_it_has_a_name() -> None:
    text = of_worker(1, True)
    assert merged({"0": text}).replace('{worker="0"}', "").replace('worker="0",', "") == text
    assert merged({}) == ""


def test_a_word_is_read_as_it_was_written() -> None:
    words = [Charter(1, 2, 3, 2, 3000, "ab", 0), Take(), Leave(1, replaced=True), Ask(7), Told(7, "1")]
    assert [decode(encode(word)) for word in words] == words
