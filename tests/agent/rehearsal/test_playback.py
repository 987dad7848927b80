"""Twilio's playback: what is played when, and when marks come back."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.rehearsal.playback import LIMIT, Clear, Cleared, Mark, Media, Overflowed, Playback, Played, Returned


def audio(ms: int, code: int = 1) -> Media:
    return Media(bytes([code]) * (ms * 8))


def test_audio_plays_from_the_moment_it_arrives_in_real_time() -> None:
    playback = Playback()
    assert playback.receive(audio(100), 30) == []

    events = playback.advance(90)

    assert events == [Played(bytes([1]) * 480, 30.0)]
    assert playback.waiting_ms == 40


def test_audio_that_arrives_late_leaves_a_gap() -> None:
    playback = Playback()
    playback.receive(audio(20), 0)
    events = playback.receive(audio(20), 100) + playback.advance(200)

    assert [(piece.at_ms, len(piece.mulaw)) for piece in events if isinstance(piece, Played)] == [(0, 160), (100, 160)]


def test_a_mark_comes_back_at_once_where_nothing_waits() -> None:
    assert Playback().receive(Mark("a"), 12) == [Returned("a", 12, cleared=False)]


def test_a_mark_comes_back_when_the_sound_before_it_has_been_played() -> None:
    playback = Playback()
    playback.receive(audio(100), 0)
    playback.receive(Mark("a"), 1)
    playback.receive(audio(100), 2)

    assert playback.due_ms == 100
    assert [event for event in playback.advance(99.9) if isinstance(event, Returned)] == []
    assert [event for event in playback.advance(250) if isinstance(event, Returned)] == [Returned("a", 100, False)]


def test_a_clear_drops_the_sound_and_returns_every_waiting_mark_in_order() -> None:
    playback = Playback()
    for message in (audio(100), Mark("a"), audio(100), Mark("b")):
        playback.receive(message, 0)

    events = playback.receive(Clear(), 50)

    assert events == [
        Played(bytes([1]) * 400, 0),
        Cleared(50, 150),
        Returned("a", 50, cleared=True),
        Returned("b", 50, cleared=True),
    ]
    assert playback.advance(500) == []


def test_what_follows_a_clear_plays() -> None:
    playback = Playback()
    playback.receive(audio(100), 0)
    playback.receive(Clear(), 40)
    playback.receive(audio(20, 2), 60)

    assert playback.advance(100) == [Played(bytes([2]) * 160, 60)]


def test_more_than_ten_minutes_are_discarded_and_told_once() -> None:
    playback = Playback()
    playback.receive(Media(bytes(LIMIT)), 0)

    assert playback.receive(audio(20), 0) == [Overflowed(0)]
    assert playback.receive(audio(20), 0) == []
    assert playback.waiting_ms == 600_000


MESSAGES = st.one_of(
    st.integers(1, 300).map(audio),
    st.text(max_size=3).map(Mark),
    st.just(Clear()),
)
STEPS = st.lists(st.tuples(st.integers(0, 400), st.one_of(st.none(), MESSAGES)), max_size=40)


def run(steps: list[tuple[int, Media | Mark | Clear | None]]) -> tuple[list[object], float]:
    playback, now, events = Playback(), 0.0, []
    for wait, message in steps:
        now += wait
        events += playback.advance(now) if message is None else playback.receive(message, now)
    return [*events, *playback.advance(now + 60_000)], now


@given(STEPS)
def test_everything_received_is_played_or_dropped(steps: list[tuple[int, Media | Mark | Clear | None]]) -> None:
    events, _ = run(steps)
    received = sum(len(message.mulaw) for _, message in steps if isinstance(message, Media)) / 8
    played = sum(len(event.mulaw) for event in events if isinstance(event, Played)) / 8
    dropped = sum(event.dropped_ms for event in events if isinstance(event, Cleared))

    assert played + dropped == received


@given(STEPS)
def test_marks_all_come_back_once_and_in_order(steps: list[tuple[int, Media | Mark | Clear | None]]) -> None:
    events, _ = run(steps)

    sent = [message.name for _, message in steps if isinstance(message, Mark)]
    assert [event.name for event in events if isinstance(event, Returned)] == sent


@given(STEPS)
def test_sound_never_overlaps_and_nothing_goes_back_in_time(
    steps: list[tuple[int, Media | Mark | Clear | None]],
) -> None:
    events, _ = run(steps)
    pieces = [event for event in events if isinstance(event, Played)]

    assert all(one.end_ms <= other.at_ms for one, other in pairwise(pieces))
    times = [event.at_ms for event in events]  # type: ignore[attr-defined]  # every event has one
    assert times == sorted(times)


@given(STEPS, st.integers(1, 7))
def test_looking_more_often_changes_nothing(steps: list[tuple[int, Media | Mark | Clear | None]], often: int) -> None:
    split = [part for wait, message in steps for part in [*[(wait / often, None)] * often, (0, message)]]

    def heard(events: list[object]) -> tuple[bytes, list[object]]:
        channel = bytearray(200_000)
        for event in events:
            if isinstance(event, Played):
                channel[round(event.at_ms * 8) : round(event.end_ms * 8)] = event.mulaw
        return bytes(channel), [event for event in events if isinstance(event, Returned)]

    assert heard(run(split)[0])[0] == heard(run(steps)[0])[0]  # type: ignore[arg-type]
