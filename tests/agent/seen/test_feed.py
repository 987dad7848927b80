"""What a feed keeps, tells to whom, and leaves out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.keep.record import TurnTimes
from agent.seen.feed import LEGS, MOST, Feed
from agent.speak.ledger import Ledger

CARD = "4111 1111 1111 1111"


def told(feed: Feed, *kinds: str) -> list[dict[str, Any]]:
    moments = [json.loads(moment.data) for moment in feed.since(0)]
    return [moment for moment in moments if not kinds or moment["kind"] in kinds]


def test_only_the_newest_are_kept_and_what_is_missing_can_be_told() -> None:
    feed = Feed(1, lambda: 0.0)
    for n in range(MOST + 5):
        feed.tell("silence", what=str(n))

    behind = feed.since(LEGS + 2)
    assert [moment.number for moment in behind] == list(range(LEGS + 6, LEGS + MOST + 6))
    assert [moment.number for moment in feed.since(feed.last - 2)] == [feed.last - 1, feed.last]
    assert feed.since(feed.last) == []


@pytest.mark.parametrize(
    ("seen", "behind"),
    [(0, 2 * LEGS), (LEGS + 700, 2 * LEGS), (2 * LEGS + 1, 2 * LEGS + 1), (10**15, 2 * LEGS)],
)
def test_who_comes_from_another_leg_is_told_all_of_this_one(seen: int, behind: int) -> None:
    feed = Feed(2, lambda: 0.0)
    feed.tell("silence", what="1")
    feed.tell("silence", what="2")

    assert feed.cursor(seen) == behind


def test_of_a_card_s_number_only_the_end_is_told_also_where_it_is_spread() -> None:
    feed = Feed(1, lambda: 0.0)
    feed.tell("partial", text=f"it is {CARD}", start_ms=0)
    feed.tell("turn", turn=2, text="it is 4111 1111", start_ms=0, end_ms=1)
    feed.tell("say", turn=2, piece=1, text="Yes?", ms=100)
    feed.tell("turn", turn=3, text="1111 1111", start_ms=2, end_ms=3)
    feed.tell("keys", keys="41111111")
    feed.tell("keys", keys="11111111")
    feed.cut(3, "I have noted 4111 1111", f"I have noted {CARD}.")
    feed.decided("backchannel", {"words": f"{CARD}"})

    assert [moment.get("text", moment.get("keys")) for moment in told(feed, "partial", "turn", "say", "keys")] == [
        "it is [card ending 1111]",
        "it is [card]",
        "Yes?",
        "[card ending 1111]",
        "[card]",
        "[card ending 1111]",
    ]
    (cut,) = told(feed, "cut")
    assert (cut["heard"], cut["meant"]) == ("I have noted [card]", "I have noted [card ending 1111].")
    assert "4111" not in json.dumps(told(feed))


def test_what_was_understood_of_a_card_s_number_on_the_way_is_taken_back() -> None:
    feed = Feed(1, lambda: 0.0)
    for text in ("hello", "hello there"):
        feed.tell("partial", text=text, start_ms=0)
    feed.tell("turn", turn=1, text="hello there", start_ms=0, end_ms=1)
    feed.tell("partial", text="4111 1111", start_ms=2)
    feed.tell("turn", turn=2, text="4111 1111", start_ms=2, end_ms=3)
    assert "4111" in json.dumps(told(feed, "partial")), "nobody can know yet"
    feed.tell("partial", text="1111 111", start_ms=4)
    feed.tell("turn", turn=3, text="1111 1111", start_ms=4, end_ms=5)

    assert [moment["text"] for moment in told(feed, "partial")] == ["hello", "hello there", "", ""]
    feed.tell("partial", text=CARD[:14], start_ms=6)
    feed.tell("turn", turn=4, text=CARD, start_ms=6, end_ms=7)
    assert told(feed, "partial")[-1]["text"] == ""


def test_half_a_character_is_told_as_one_that_can_be_written() -> None:
    feed = Feed(1, lambda: 0.0)
    feed.tell("say", turn=1, piece=1, text="so \ud83d", ms=100)

    assert [moment["text"] for moment in told(feed)] == ["so ?"]


def test_what_the_ledger_knows_of_sentences_is_told_once_each() -> None:
    clock = [0.0]
    feed = Feed(1, lambda: clock[0])
    ledger = Ledger(feed.says, feed.played)
    one, two = ledger.open(1, "Hello, this is Priya."), ledger.open(1, "How may I help you?")
    for sentence in (one, two):
        ledger.made(sentence, 8000)
        ledger.made(sentence, 0)
        ledger.sent(sentence, 4000, clock[0])
        ledger.sent(sentence, 4000, clock[0])
        ledger.marked(sentence)

    clock[0] = 1100.0
    ledger.returned(one.mark, clock[0])
    ledger.clear(clock[0])

    assert [(moment["kind"], moment["piece"]) for moment in told(feed)] == [("say", 1), ("say", 2), ("mark", 1)]
    assert [moment["ms"] for moment in told(feed, "say")] == [1000, 1000]


def test_words_that_become_known_while_they_are_spoken_are_told_in_parts() -> None:
    feed = Feed(1, lambda: 0.0)
    ledger = Ledger(feed.says, feed.played)
    sentence = ledger.open(1, "")
    ledger.sent(sentence, 800, 0.0)
    for text in ("Lovely.", "Lovely.", "Lovely. What is"):
        sentence.text = text
        ledger.sent(sentence, 800, 0.0)
    sentence.text = "Lovely. What is your budget?"
    ledger.made(sentence, 0)
    ledger.marked(sentence)
    ledger.returned(sentence.mark, 500.0)

    said = [(moment["piece"], moment["text"]) for moment in told(feed, "say")]
    assert said == [(1, "Lovely."), (2, "What is"), (3, "your budget?")]
    assert [moment["piece"] for moment in told(feed, "mark")] == [1, 2, 3]


def test_of_a_sentence_that_the_voice_broke_off_only_what_there_was_is_told_to_be_heard() -> None:
    feed = Feed(1, lambda: 0.0)
    ledger = Ledger(feed.says, feed.played)
    sentence = ledger.open(1, "I am a machine.")
    ledger.sent(sentence, 800, 0.0)
    sentence.text = "I am a"
    ledger.marked(sentence)
    ledger.returned(sentence.mark, 500.0)

    assert [(moment["piece"], moment["text"]) for moment in told(feed, "say")] == [
        (1, "I am a machine."),
        (2, "I am a"),
    ]
    assert [moment["piece"] for moment in told(feed, "mark")] == [2]


def test_a_state_is_told_when_it_changes() -> None:
    feed = Feed(1, lambda: 0.0)
    for state in ("listening", "listening", "hearing", "listening"):
        feed.look(state)  # type: ignore[arg-type]  # one of them

    assert [moment["state"] for moment in told(feed)] == ["listening", "hearing", "listening"]


def test_news_are_told_only_to_who_watches() -> None:
    feed, heard = Feed(1, lambda: 0.0), []
    feed.tell("filler")
    feed.news = lambda: heard.append(feed.last)
    feed.tell("filler")

    assert heard == [feed.last]


def test_where_the_time_of_an_answer_went_is_told_once_also_if_it_goes_on_behind_a_sound() -> None:
    times = TurnTimes(heard_ms=200, first_token_ms=300, first_audio_ms=400)
    feed = Feed(1, lambda: 0.0, stages=lambda _: times)
    for turn in (1, 1, 2):
        feed.decided("speaks", {"turn": turn})

    assert [moment["turn"] for moment in told(feed, "stage")] == [1, 2]
