"""Which caps may be set, and what a turn is reckoned to cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import config
from agent.config import Settings
from agent.errors import ConfigError
from agent.fallbacks_file import Fallback, Fallbacks
from agent.guard.budget import Campaign, Caps
from agent.keep.prices import Price
from agent.lines import load_lines
from agent.providers.own_budgets import Budgeting, load_budgets
from agent.providers.own_prices import load_prices


def load(**changes: object) -> Budgeting:
    settings = Settings(_env_file=None, **changes)  # type: ignore[arg-type]
    return load_budgets(settings, load_prices(settings), load_lines(settings))


def faults(**changes: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(**changes)
    return caught.value.faults


def test_without_a_cap_nobody_asks_what_calls_cost() -> None:
    assert not load().wanted
    assert not load(OPENAI_API_KEY="sk", OPENAI_LLM_MODEL="unknown").wanted


def test_embedded_models_cost_nothing() -> None:
    made = load(DAY_BUDGET=1)

    assert made.caps == Caps(day=1_000_000)
    assert (made.needs.call, made.needs.turn) == (0, 0)


@pytest.mark.parametrize("pipeline", ["cascade", "realtime"])
def test_the_packaged_list_has_every_model_that_is_used_by_default(pipeline: str) -> None:
    made = load(CALL_BUDGET=1, DAY_BUDGET=20.5, OPENAI_API_KEY="sk", PIPELINE=pipeline)

    assert made.caps == Caps(call=1_000_000, day=20_500_000)
    assert 1000 < made.needs.turn < 250_000
    assert 0 < made.needs.call < 100_000


def test_a_model_without_a_price_is_named_and_so_is_the_list(tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text("[models.llama-3]\ninput = 1\noutput = 2\n")
    told = faults(DAY_BUDGET=1, OPENAI_API_KEY="sk", PRICES_FILE=own, OPENAI_LLM_MODEL="llama-3")

    assert not any("llama-3" in fault for fault in told)
    expected = f"DAY_BUDGET: OPENAI_STT_LIVE_MODEL=gpt-live-transcribe has no price in PRICES_FILE {own}"
    assert any(fault.startswith(expected) for fault in told)
    (told, *_) = faults(CALL_BUDGET=1, OPENAI_BASE_URL="http://127.0.0.1:1/v1")
    assert told.startswith("CALL_BUDGET: ")
    assert "any price list, as the packaged one counts at OpenAI itself only" in told


def test_models_that_stand_by_need_prices_too_and_the_dearest_counts(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, CALL_BUDGET=1, OPENAI_API_KEY="sk")  # type: ignore[call-arg]
    prices, lines = load_prices(settings), load_lines(settings)
    cheap = load_budgets(settings, prices, lines).needs
    by = Fallbacks(llm=(Fallback(base_url="http://127.0.0.1:1/v1", model="big"),))
    with pytest.raises(ConfigError, match="model=big has no price"):
        load_budgets(settings, prices, lines, by)
    dear = load_budgets(settings, {**prices, "big": Price(input=30.0, output=60.0)}, lines, by).needs

    assert dear.turn > cheap.turn
    assert dear.call > cheap.call


def test_of_two_models_that_may_be_asked_at_once_both_are_put_by() -> None:
    settings = Settings(_env_file=None, CALL_BUDGET=1, OPENAI_API_KEY="sk")  # type: ignore[call-arg]
    prices, lines = load_prices(settings), load_lines(settings)
    by = Fallbacks(llm=(Fallback(base_url="http://127.0.0.1:1/v1", model=settings.OPENAI_LLM_MODEL),))
    both = settings.model_copy(update={"LLM_HEDGE_S": 0.5})
    alone, one, two = (
        load_budgets(how, prices, lines, standing).needs
        for how, standing in ((both, Fallbacks()), (settings, by), (both, by))
    )

    assert one == alone
    assert two.turn > one.turn
    assert two.call == one.call


def test_who_stands_by_on_this_machine_needs_no_price() -> None:
    settings = Settings(_env_file=None, CALL_BUDGET=1, OPENAI_API_KEY="sk")  # type: ignore[call-arg]
    prices, lines = load_prices(settings), load_lines(settings)
    local = (Fallback(provider="local"),)
    by = Fallbacks(local, local, local)

    assert load_budgets(settings, prices, lines, by) == load_budgets(settings, prices, lines)


def test_campaigns_have_caps_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    file.write_text('[campaign.spring]\nday = 2.5\ntotal = 100\n[campaign."sales-hindi"]\ncall = 0.1\n')
    caps = load(BUDGETS_FILE=file, CALL_BUDGET=0.5).caps

    assert caps.campaigns["spring"] == Campaign(day=2_500_000, total=100_000_000)
    assert caps.campaigns["sales-hindi"] == Campaign(call=100_000)
    assert caps.all_pots == ("spring/day", "spring/total")
    assert caps.pots("spring") == ("spring/day", "spring/total")
    assert caps.pots("nobody") == ()
    assert [caps.of_call(key) for key in ("spring", "sales-hindi", "")] == [500_000, 100_000, 500_000]
    assert [caps.of(pot) for pot in caps.all_pots] == [2_500_000, 100_000_000]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[campaign.a]\nday = 0\n", "day must be more than 0"),
        ("[campaign.a]\nday = -1\ntotal = inf\n", "total must be more than 0"),
        ("[campaign.a]\ncall = nan\n", "call must be more than 0"),
        ("[campaign.a]\n", "set day, total or call"),
        ("[campaign.a]\nweek = 1\n", "week"),
        ('[campaign."a/b"]\nday = 1\n', "a name has"),
        ('[campaign.a]\nday = "1"\n', "day must be more than 0"),
        ("[campaign]\na = 3\n", "cannot be used"),
        ("a = " + "[" * 100_000, "cannot be used"),
        ("[campaign", "cannot be used"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_fault_in_words(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "budgets.toml"
    file.write_text(text)
    told = faults(BUDGETS_FILE=file)

    assert all(fault.startswith(f"BUDGETS_FILE: {file}") for fault in told)
    assert any(word in fault for fault in told)


def test_everything_wrong_is_told_at_once_also_where_the_prices_are(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    file.write_text('[campaign.a]\nday = "x"\nweek = 1\n[campaign.b]\ntotal = true\n')
    settings = Settings(_env_file=None, BUDGETS_FILE=file)  # type: ignore[call-arg]
    with pytest.raises(ConfigError) as caught:
        load_budgets(settings, None, None)

    where = f"BUDGETS_FILE: {file} [campaign"
    expected = [f"{where}.a]: day must", f"{where}.a]: week is not known", f"{where}.b]: total must"]
    assert [fault[: len(start)] for fault, start in zip(caught.value.faults, expected, strict=True)] == expected


def test_a_cap_that_is_too_small_for_one_turn_is_refused() -> None:
    (told,) = faults(CALL_BUDGET=0.001, OPENAI_API_KEY="sk", OPENAI_STT_API="file", OPENAI_TTS_API="speech")

    assert told.startswith("CALL_BUDGET ($0.001) does not suffice for one turn")


def test_settings_are_checked_at_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"CALL_BUDGET": "2", "DAY_BUDGET": "1", "BUDGETS_FILE": "none.toml"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        config.load()

    assert any("there is no file" in fault for fault in caught.value.faults)
    assert any(fault.startswith("CALL_BUDGET (2) must not exceed DAY_BUDGET (1)") for fault in caught.value.faults)
