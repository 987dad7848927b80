"""How long models will be there: the server's word, the table's, and neither."""

from __future__ import annotations

from datetime import date

import pytest

from agent.config import Settings
from agent.doctor.retirement import announced, ending_soon, outlook
from agent.doctor.uses import Use, models_in_use, where

TODAY = date(2026, 11, 24)


def configured(**changes: object) -> Settings:
    return Settings(_env_file=None, APP_ENV="test", **changes)  # type: ignore[call-arg]


def tts(model: str) -> Use:
    return Use("TTS", "OPENAI_TTS_MODEL", model)


@pytest.mark.parametrize(
    ("model", "last_day"),
    [
        ("gpt-4o-mini-tts", "2027-01-06"),
        ("gpt-4o-mini-tts-2025-12-15", "2027-01-06"),
        ("tts-1-hd", "2027-01-06"),
        ("whisper-1", "2027-02-26"),
        ("gpt-4o-transcribe-diarize", "2027-02-26"),
        ("gpt-4o", "2027-01-14"),
        ("gpt-4o-mini-2024-07-18", "2027-01-14"),
        ("gpt-4.1-nano", "2027-01-14"),
        ("ft:gpt-4o-mini-2024-07-18:us::abc", "2027-01-14"),
        ("gpt-5-mini", "2026-12-11"),
        ("gpt-5.1", "2027-04-01"),
        ("gpt-realtime-mini", "2027-01-20"),
    ],
)
def test_the_table_knows_a_model_and_its_snapshots(model: str, last_day: str) -> None:
    found = announced(model)

    assert found is not None
    assert found.last_day == date.fromisoformat(last_day)
    assert found.instead


@pytest.mark.parametrize(
    "model", ["gpt-transcribe", "gpt-live-transcribe", "gpt-realtime-2.1-mini", "gpt-5.4-mini", "gpt-5.2", "llama-3"]
)
def test_the_table_does_not_take_a_longer_name_for_a_shorter_one(model: str) -> None:
    assert announced(model) is None


def test_what_the_table_has_instead_lasts() -> None:
    for model in ("tts-1", "whisper-1", "gpt-4o", "gpt-5", "gpt-5.1", "gpt-realtime"):
        found = announced(model)
        assert found is not None
        assert announced(found.instead.split()[0]) is None


@pytest.mark.parametrize(
    ("told", "days", "state", "left"),
    [
        ("2026-11-23", 0, "failure", -1),
        ("2026-11-24", 0, "failure", 0),
        ("2026-11-25", 0, "warning", 1),
        ("2026-12-24", 30, "failure", 30),
        ("2026-12-25", 30, "warning", 31),
        ("2027-02-21", 30, "warning", 89),
        ("2027-02-22", 30, "fine", 90),
    ],
)
def test_days_left_decide(told: str, days: int, state: str, left: int) -> None:
    made = outlook(tts("m"), {"m": date.fromisoformat(told)}, TODAY, fail_days=days, openai_itself=False)

    assert (made.state, made.days_left) == (state, left)
    assert told in made.says


def test_the_servers_word_comes_before_the_tables() -> None:
    listed = {"tts-1": date(2027, 6, 1)}

    assert outlook(tts("tts-1"), listed, TODAY, fail_days=30, openai_itself=True).last_day == date(2027, 6, 1)


def test_the_table_counts_where_openai_tells_nothing_and_says_how_old_it_is() -> None:
    made = outlook(tts("tts-1"), {"tts-1": None}, TODAY, fail_days=30, openai_itself=True)

    assert (made.state, made.days_left) == ("warning", 43)
    assert "table of 2026-11-22" in made.says
    assert "gpt-realtime-2.1-mini" in made.instead


def test_a_compatible_servers_model_of_the_same_name_is_its_own() -> None:
    made = outlook(tts("tts-1"), {"tts-1": None}, date(2028, 1, 1), fail_days=30, openai_itself=False)

    assert made.state == "fine"


@pytest.mark.parametrize(("itself", "state"), [(True, "failure"), (False, "warning")])
def test_a_model_missing_from_the_list_is_said(itself: bool, state: str) -> None:
    made = outlook(tts("tts-1"), {"other": None}, TODAY, fail_days=30, openai_itself=itself)

    assert made.state == state
    assert "not in the server's list" in made.says


def test_a_list_that_could_not_be_read_proves_nothing() -> None:
    assert outlook(tts("gpt-6-luna"), None, TODAY, fail_days=30, openai_itself=True).state == "fine"


def test_live_models_are_used_at_openai_itself() -> None:
    used = [(use.setting, use.model) for use in models_in_use(configured(OPENAI_API_KEY="sk-x"))]

    assert used == [
        ("OPENAI_STT_LIVE_MODEL", "gpt-live-transcribe"),
        ("OPENAI_STT_MODEL", "gpt-transcribe"),
        ("OPENAI_LLM_MODEL", "gpt-5.4-mini"),
        ("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini"),
    ]


def test_files_and_speech_are_used_at_a_compatible_server_and_only_where_it_serves() -> None:
    settings = configured(OPENAI_BASE_URL="http://here:8000/v1", LLM_PROVIDER="local")

    assert [use.setting for use in models_in_use(settings)] == ["OPENAI_STT_MODEL", "OPENAI_TTS_MODEL"]


def test_a_voice_that_stands_in_is_used_where_it_was_named() -> None:
    settings = configured(OPENAI_API_KEY="sk-x", TTS_FALLBACK="openai")
    assert models_in_use(settings)[-1] == Use("TTS", "OPENAI_TTS_MODEL", "gpt-4o-mini-tts")
    assert [one.model for one in ending_soon(settings, date(2027, 1, 7))] == ["gpt-4o-mini-tts"]
    assert "OPENAI_TTS_MODEL" not in {use.setting for use in models_in_use(configured(OPENAI_API_KEY="sk-x"))}


def test_a_start_warns_of_configured_models_only_and_in_time() -> None:
    settings = configured(OPENAI_API_KEY="sk-x", OPENAI_TTS_API="speech", OPENAI_LLM_MODEL="gpt-5.1")

    assert [one.model for one in ending_soon(settings, TODAY)] == ["gpt-4o-mini-tts"]
    assert [one.model for one in ending_soon(settings, date(2027, 1, 2))] == ["gpt-5.1", "gpt-4o-mini-tts"]
    assert [one.state for one in ending_soon(settings, date(2027, 4, 2))] == ["failure", "failure"]


def test_a_start_warns_of_nothing_elsewhere() -> None:
    assert ending_soon(configured(), date(2030, 1, 1)) == ()
    named = configured(OPENAI_BASE_URL="http://here:8000/v1", OPENAI_STT_MODEL="whisper-1")
    assert ending_soon(named, date(2030, 1, 1)) == ()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("", "api.openai.com"),
        ("http://user:secret@here:8000/v1", "here:8000"),
        ("https://voice.example.in/v1", "voice.example.in"),
    ],
)
def test_where_is_the_host_and_nothing_secret(url: str, host: str) -> None:
    assert where(configured(OPENAI_API_KEY="sk-x", OPENAI_BASE_URL=url), "LLM", "openai gpt-5.4-mini") == host
