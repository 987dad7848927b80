"""Answers to what was not asked just so: the nearest, by what is asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.config import Settings
from agent.replay.events import Asked, Event, Fed, Pass, Value
from agent.replay.overheard import Heard, words_within
from agent.replay.recalled import LATER_S, Recalled
from agent.replay.score import score_of
from nurseries.replay.changed import OF_CALLS, OF_LINES

WORDS = [Heard(1000, 2000, "I want"), Heard(2500, 4500, "to buy a flat"), Heard(6000, 7000, "Hello")]


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (1000, 2000, "I want"),
        (980, 2030, "I want"),
        (1000, 4500, "I want to buy a flat"),
        (1000, 7000, "I want to buy a flat Hello"),
        (2500, 3300, "to buy"),
        (3600, 4500, "a flat"),
        (4600, 5900, ""),
        (8000, 9000, ""),
    ],
)
def test_words_of_a_stretch_of_sound(start: float, end: float, words: str) -> None:
    assert words_within(WORDS, start, end) == words


def test_words_of_what_was_heard_while_it_went_on_are_not_told_twice() -> None:
    growing = [Heard(1000, 2000, "I want"), Heard(1000, 4500, "I want to buy a flat")]
    assert words_within(growing, 1000, 4500) == "I want to buy a flat"
    assert words_within(growing, 1000, 2000) == "I want"


def asked(port: str, what: str, about: str, at: float, *fed: tuple[float, str, object], number: int) -> list[Event]:
    made: list[Event] = [Pass(at), Asked(port, what, about)]
    for after, how, value in fed:
        made += [Pass(at + after), Fed(number, how, value)]  # type: ignore[arg-type]
    return made


def test_a_reply_is_known_by_its_prompt_then_by_the_newest_words_then_by_its_number() -> None:
    events = [
        *asked("think", "p1", "hello", 1, (0.5, "piece", "One."), (0.6, "done", {}), number=0),
        *asked("think", "p2", "a flat", 3, (0.5, "piece", "Two."), (0.6, "done", {}), number=1),
        *asked("think", "p3", "yes", 5, (0.5, "piece", "Three."), (0.6, "done", {}), number=2),
    ]
    recalled = Recalled(score_of(events), 8000)

    said = [
        recalled.ask("think", what, about).pieces[0].value
        for what, about in (("other", "a flat"), ("p1", "hello"), ("other", "never said"))
    ]
    assert said == ["Two.", "One.", "Three."]
    assert recalled.made_up == {"replies to another prompt": 2}


def test_words_that_a_cancellation_forestalled_come_after_it() -> None:
    events = [
        *asked("hear", "0.0 1000.0 x", "", 1, (2.0, "cancelled", None), number=0),
        *asked("hear", "0.0 1500.0 y", "", 5, (0.1, "done", "A flat"), number=1),
    ]
    recalled = Recalled(score_of(events), 8000)

    answer = recalled.ask("hear", "0.0 1000.0 x", "")
    assert answer.end is not None
    assert (answer.end.at - answer.asked_at, answer.end.value) == (2.0 + LATER_S, "A")
    assert recalled.made_up == {"words that were not waited for": 1}


def test_values_are_known_by_what_they_are_about_and_the_last_one_holds() -> None:
    events: list[Event] = [Pass(1), Value("cache", None, "Hello."), Value("cache", "a", "Hello."), Value("vad", 0.5)]
    recalled = Recalled(score_of(events), 8000)

    assert [recalled.value("cache", "Hello.") for _ in range(3)] == [None, "a", "a"]
    assert recalled.value("cache", "Goodbye.") is None
    assert [recalled.value("vad", "") for _ in range(2)] == [0.5, 0.0]
    assert recalled.made_up == {"windows without a voice": 1}


def test_every_setting_that_a_call_reads_can_be_set() -> None:
    rooms = {
        "": "call turn",
        "talk": "dialogue floor speech",
        "line": "silence duration moving closing machine outbox keypad reader writer",
    }
    own = [Path("nurseries", room, f"{name}.py") for room, names in rooms.items() for name in names.split()]
    text = "".join(path.read_text() for path in own)
    read = {name for name in re.findall(r"[sS]ettings\.([A-Z][A-Z0-9_]+)", text) if name in Settings.model_fields}

    assert read
    assert read <= OF_CALLS | OF_LINES
    assert set(Settings.model_fields) >= OF_CALLS | OF_LINES
