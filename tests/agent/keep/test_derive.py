"""What follows from a record, and what it costs."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Settings
from agent.errors import ConfigError
from agent.keep.derive import derived
from agent.keep.estimate import Rate
from agent.keep.prices import Price, cost, parse_prices
from agent.keep.record import VERSION, CallRecord, Entry, TurnTimes
from agent.keep.usage import AMOUNTS, METER, Meter, Usage, charged
from agent.providers.own_prices import load_prices

SAID = (
    Entry("agent", "नमस्ते, this is Priya -", 0, 2000, interrupted=True, meant="नमस्ते, this is Priya of Premier."),
    Entry("tool", "noted", 2000, 2000, tool="note_lead", arguments="{}"),
    Entry("caller", "₹80 lakh", 2100, 3000),
)
CALL = CallRecord("CA1", "AC", "", "", "inbound", "2026-11-22T23:59:59.500+00:00", 61_000, "failed", SAID)


def test_what_follows_from_a_record() -> None:
    found = derived(CALL)

    assert found.ended_at == "2026-11-23T00:01:00.500+00:00"
    assert found.full_text == "agent: नमस्ते, this is Priya -\ncaller: ₹80 lakh"
    assert (found.word_count, found.version, found.cost_usd) == (6, VERSION, None)
    assert derived(found) == found
    assert derived(msgspec.structs.replace(CALL, ending="")).ended_at == ""
    assert derived(msgspec.structs.replace(CALL, started_at="once")).ended_at == ""
    assert derived(msgspec.structs.replace(CALL, duration_ms=10**18)).ended_at == ""


def test_what_is_used_outside_of_a_call_counts_for_nobody() -> None:
    charged("llm", "m").told(tokens_in=1)
    meter = Meter([Usage("llm", "m", requests=1, tokens_in=5)])
    told = METER.set(meter)
    try:
        charge = charged("llm", "m")
        charge.guess(tokens_in=6)
        charge.told(tokens_in=7, tokens_out=2)
        charged("tts", "v").guess(characters=9)
        charged("tts", "w").free()
    finally:
        METER.reset(told)

    assert meter.used == (
        Usage("llm", "m", requests=2, tokens_in=12, tokens_out=2),
        Usage("tts", "v", requests=1, untold=1, characters=9, estimated=True),
    )


def test_a_request_is_of_the_turn_it_was_sent_in_whenever_it_is_told() -> None:
    meter = Meter()
    first = meter.charge("llm", "m")
    meter.turn = 1
    second = meter.charge("llm", "m")
    second.guess(tokens_out=3)
    first.told(tokens_out=5)

    assert meter.of_turn(0) == (Usage("llm", "m", requests=1, tokens_out=5),)
    assert meter.of_turn(1) == (Usage("llm", "m", requests=1, untold=1, tokens_out=3, estimated=True),)
    assert {(used.tokens_out, used.estimated) for used in meter.used} == {(5, False), (3, True)}


def test_turns_and_estimates_have_costs_of_their_own() -> None:
    prices = {"m": Price(input=1.0)}
    told, guessed = Usage("llm", "m", tokens_in=5), Usage("llm", "m", untold=1, tokens_in=2, estimated=True)
    turns = (TurnTimes(1, 2, 3, (told,)), TurnTimes(1, 2, 3, (guessed,)), TurnTimes(1, 2, 3))
    found = derived(msgspec.structs.replace(CALL, usage=(told, guessed), turns=turns), prices)

    assert [turn.cost_usd for turn in found.turns] == [5e-6, 2e-6, None]
    assert (found.cost_usd, found.cost_estimated_usd) == (7e-6, 2e-6)
    assert derived(found) == found


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(1, 90)), min_size=1, max_size=30))
def test_a_rate_is_what_has_been_told(told: list[tuple[int, int]]) -> None:
    rate = Rate(0.5)
    assert rate.guess(10) == 5
    for of, made in told:
        rate.learn(of, made)
    rate.learn(0, 5)
    ratios = [made / of for of, made in told]

    assert min(ratios) * 10 - 1e-6 <= rate.guess(10) <= max(ratios) * 10 + 1e-6


def test_a_cost_is_the_sum_of_what_has_a_price() -> None:
    prices = parse_prices("""
        [models.m]
        input = 1.0
        cached_input = 0.1
        output = 10
        [models.w]
        minute = 0.006
        [models.v]
        characters = 15
    """)
    used = [
        Usage("llm", "m-2026-03-17", requests=2, untold=1, tokens_in=1_000_000, tokens_cached=500_000, tokens_out=1000),
        Usage("stt", "w", seconds=90, tokens_in=999),
        Usage("tts", "v", characters=2000),
    ]

    assert cost(used, prices) == pytest.approx(0.5 + 0.05 + 0.01 + 0.009 + 0.03)
    assert derived(msgspec.structs.replace(CALL, usage=tuple(used)), prices).cost_usd == cost(used, prices)


@pytest.mark.parametrize(
    "used",
    [
        Usage("llm", "n", tokens_in=1),
        Usage("llm", "m", tokens_in=1, audio_out=1),
        Usage("stt", "m", requests=1, seconds=2.0),
        Usage("tts", "m", requests=1, characters=2),
    ],
)
def test_what_has_no_known_price_leaves_the_cost_unknown(used: Usage) -> None:
    prices = {"m": Price(input=1.0, output=1.0)}
    assert cost([Usage("llm", "m", tokens_in=1_000_000)], prices) == 1.0
    assert cost([Usage("llm", "m", tokens_in=1_000_000), used], prices) is None
    assert cost([], prices) is None


amounts = st.fixed_dictionaries({name: st.integers(0, 10**6) for name in AMOUNTS})


@given(st.lists(amounts, min_size=1, max_size=4))
def test_a_cost_of_more_is_never_less(each: list[dict[str, int]]) -> None:
    prices = parse_prices("[models.m]\ninput = 2\noutput = 3\naudio_input = 4\naudio_output = 5\ncached_input = 1")
    meter, before = Meter(), 0.0
    for more in each:
        told = more | {"tokens_cached": min(more["tokens_cached"], more["tokens_in"])}
        told |= {"audio_cached": min(more["audio_cached"], more["audio_in"])}
        meter.add("llm", "m", told | {"tokens_in": told["tokens_in"] + 1})
        now = cost(meter.used, prices)
        assert now is not None
        assert now >= before - 1e-6
        before = now


def test_the_packaged_list_counts_at_openai_itself_and_ones_own_everywhere(tmp_path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text("[models.llama-3]\ninput = 0.1\noutput = 0.2\n")

    assert load_prices(Settings(_env_file=None))["gpt-transcribe"].minute == 0.0045
    assert load_prices(Settings(_env_file=None, OPENAI_BASE_URL="http://127.0.0.1:1/v1")) == {}
    assert set(load_prices(Settings(_env_file=None, PRICES_FILE=own))) == {"llama-3"}


@pytest.mark.parametrize(
    "text",
    ["", "[models", "[models.m]\ninpt = 1", '[models.m]\ninput = "1"', "[models.m]\ninput = -1", "models = 1",
     "[models.m]\ninput = nan"],
)  # fmt: skip
def test_a_list_that_cannot_be_used_is_a_fault_in_words(tmp_path, text: str) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(text)

    with pytest.raises(ConfigError, match=r"PRICES_FILE: .*prices.toml cannot be used"):
        load_prices(Settings(_env_file=None, PRICES_FILE=own))
