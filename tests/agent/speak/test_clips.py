"""The packaged recordings say what the transcript will claim they say, at the loudness of the rest."""

import re

import numpy as np
import pytest
import trio

from agent.model import Utterance
from agent.providers.local_stt import load_recogniser
from agent.speak.clips import AGAIN, APOLOGY, CLIPS, CONNECTING, FAREWELL, LOST, MOMENT, STILL, TROUBLE, WELCOME
from agent.wire import mulaw


@pytest.fixture(scope="module")
def recogniser():
    return load_recogniser()


def words(text):
    return re.findall(r"[a-z]+", text.lower().replace("i'm", "i am"))


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_a_recogniser_hears_the_words_that_go_into_the_transcript(clip, recogniser):
    heard = words(trio.run(recogniser.transcribe, Utterance(clip.mulaw, 0, len(clip.mulaw) / 8)))
    missed = [word for word in words(clip.text) if word not in heard]
    assert len(missed) <= 1, f"{missed} in {heard}"


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_a_clip_is_as_loud_as_the_voice_and_begins_and_ends_in_silence(clip):
    sound = mulaw.decode_float(clip.mulaw)
    frames = np.sqrt((sound[: len(sound) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1))
    speaking = frames[frames > frames.max() / 10]
    assert 20 * np.log10(np.sqrt((speaking**2).mean())) == pytest.approx(-23, abs=0.5)
    assert np.abs(sound).max() < 0.99
    assert np.abs(sound[:40]).max() < 0.01
    assert np.abs(sound[-400:]).max() < 0.02


def test_there_is_one_for_each_thing_that_can_fail_to_be_said():
    assert set(CLIPS) == {WELCOME, TROUBLE, APOLOGY, FAREWELL, MOMENT, STILL, CONNECTING, LOST, AGAIN}
    assert "again" in TROUBLE.text
    assert APOLOGY.text.endswith("Goodbye.")
    assert all(1 < len(clip.mulaw) / 8000 < 8 for clip in CLIPS)
