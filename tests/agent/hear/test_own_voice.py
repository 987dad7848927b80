"""What we said, by the clock: what takes another sound's place, what is cut, and how much is kept."""

from __future__ import annotations

import numpy as np

from agent.hear.own_voice import KEPT, OwnVoice

ONE, OTHER = b"\x10" * 800, b"\x30" * 800
CHANGING = b"\x10\x90" * 500


def changes(voice: OwnVoice, start: int, stop: int) -> list[int]:
    """Where the sound is another than just before."""
    return (np.flatnonzero(voice.steps(start, stop)) + start).tolist()


def test_sound_that_is_to_play_where_other_sound_was_takes_its_place() -> None:
    voice = OwnVoice()
    voice.add(ONE, 0)
    voice.add(OTHER, 400)
    assert changes(voice, 1, 1200) == [400]


def test_between_two_sounds_that_do_not_meet_it_is_silent() -> None:
    voice = OwnVoice()
    voice.add(ONE, 0)
    voice.add(OTHER, 1000)
    assert changes(voice, 1, 1800) == [800, 1000]


def test_what_was_cut_was_not_said() -> None:
    voice = OwnVoice()
    voice.add(ONE, 0)
    voice.cut(300)
    voice.add(OTHER, 800)
    assert changes(voice, 1, 1600) == [300, 800]


def test_so_much_is_kept_and_no_more() -> None:
    voice, said = OwnVoice(), 3 * KEPT // len(CHANGING)
    for n in range(said):
        voice.add(CHANGING, n * len(CHANGING))
    end = said * len(CHANGING)
    assert len(changes(voice, end - KEPT + 1, end)) == KEPT - 1
    assert changes(voice, 1, end - 2 * KEPT) == []
