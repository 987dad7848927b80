"""The latency budget: what overlaps with what, and what the parts add up to."""

from __future__ import annotations

import pytest

from agent.config import Settings
from agent.doctor import budget as b
from agent.doctor.budget import budget
from agent.doctor.figures import Measured, figures


def configured(**changes: object) -> Settings:
    return Settings(_env_file=None, APP_ENV="test", **changes)  # type: ignore[call-arg]


def measured(
    *, final: float = 200, token: float = 300, sentence: float = 330, sound: float = 90, message: float = 100
) -> tuple[Measured, ...]:
    return (
        Measured("STT", "ears", "here", figures([{b.FINAL: final}, {b.FINAL: final * 2}, {b.FINAL: final}])),
        Measured("LLM", "mind", "here", figures([{b.TOKEN: token, b.SENTENCE: sentence}])),
        Measured("TTS", "voice", "here", figures([{b.SOUND: sound, b.MESSAGE: message}])),
    )


def rows(settings: Settings, **changes: float) -> dict[str, b.Row]:
    made = budget(settings, measured(**changes))
    return {row.stage: row for row in (*made.rows, made.total)}


def test_the_targets_of_the_parts_are_the_target() -> None:
    made = budget(configured(), measured())

    assert sum(row.budget for row in made.rows) == made.total.budget == 1115
    assert made.total.limit == 1400


def test_the_parts_that_were_measured_add_up() -> None:
    made = rows(configured())

    # 230 network, 448 silence, nothing more for words, 300 + 30 thinking, 90 + 10 speaking
    assert made[b.TOTAL].median == 1108
    assert made[b.TOTAL].verdict == "met"
    assert made[b.SENTENCE].median == 30
    assert made[b.MESSAGE].median == 10


@pytest.mark.parametrize(
    ("final", "beyond", "verdict"), [(200, 0, "met"), (256, 0, "met"), (300, 44, "within limit"), (700, 444, "over")]
)
def test_transcription_has_the_silence_behind_the_pause(final: float, beyond: float, verdict: str) -> None:
    made = rows(configured(PAUSE_MS=192, END_SILENCE_MS=448), final=final)

    assert made[b.WAIT].median == 448
    assert made[b.WORDS].median == beyond
    assert made[b.WORDS].worst == max(0, final * 2 - 256)
    assert made[b.WORDS].verdict == verdict


def test_without_early_transcription_the_wait_is_the_long_one_and_nothing_overlaps() -> None:
    made = rows(configured(EARLY_TRANSCRIPTIONS=0, END_SILENCE_LONG_MS=1400), final=300)

    assert made[b.WAIT].median == 1400
    assert made[b.WORDS].median == 300


def test_over_a_socket_words_are_looked_for_at_every_pause() -> None:
    made = rows(configured(EARLY_TRANSCRIPTIONS=0, OPENAI_API_KEY="sk-x"), final=300)

    assert (made[b.WAIT].median, made[b.WORDS].median) == (448, 44)


def test_of_two_recognisers_the_first_is_waited_for() -> None:
    file = Measured("STT", "file", "here", figures([{b.FINAL: 900}]))
    one, *rest = measured(final=300)
    made = budget(configured(), (one, file, *rest))

    assert made.rows[2].median == 44


def test_a_pause_longer_than_the_end_gives_nothing_to_overlap() -> None:
    assert rows(configured(PAUSE_MS=600, END_SILENCE_MS=448), final=300)[b.WORDS].median == 300


@pytest.mark.parametrize(
    ("token", "verdict", "whole"),
    [(375, "met", "within limit"), (376, "within limit", "within limit"), (751, "over", "over")],
)
def test_a_part_and_the_whole_have_a_target_and_a_limit(token: float, verdict: str, whole: str) -> None:
    made = rows(configured(), token=token, sentence=token)

    assert made[b.TOKEN].verdict == verdict
    assert made[b.TOTAL].verdict == whole


def test_what_is_not_measured_leaves_the_sum_open_and_says_what_it_lacks() -> None:
    made = budget(configured(), measured()[1:])

    assert made.total.median is None
    assert made.total.verdict == "not measured"
    assert b.WORDS in made.total.note
    assert [row.stage for row in made.rows if row.verdict == "not measured"] == [b.WORDS]
