"""PCM of any cut becomes the same mu-law."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.speak.telephone import Telephone
from agent.wire import mulaw


def spoken(hz=440, rate=24000, seconds=0.3, level=12000):
    return np.rint(level * np.sin(2 * np.pi * hz / rate * np.arange(int(rate * seconds)))).astype("<i2").tobytes()


def sent(pcm, cuts, rate=24000):
    telephone = Telephone(rate)
    out, at, turn = b"", 0, 0
    while at < len(pcm):
        out += telephone.feed(pcm[at : at + cuts[turn % len(cuts)]])
        at, turn = at + cuts[turn % len(cuts)], turn + 1
    return out + telephone.finish()


@given(st.lists(st.integers(0, 999), min_size=1, max_size=8).filter(any))
def test_chunks_cut_anywhere_also_inside_a_sample_sound_the_same(cuts):
    assert sent(spoken(), cuts) == sent(spoken(), [len(spoken())])


@pytest.mark.parametrize("rate", [24000, 16000, 8000])
def test_a_tone_arrives_at_its_pitch_and_loudness(rate):
    heard = mulaw.decode(sent(spoken(440, rate, 0.5), [333], rate)).astype(float)
    assert len(heard) == 4000
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert np.argmax(spectrum) * 8000 / len(heard) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(heard[400:-400] ** 2)) == pytest.approx(12000 / np.sqrt(2), rel=0.02)


def test_hiss_above_the_telephone_band_is_not_folded_into_it():
    heard = mulaw.decode(sent(spoken(6000), [777]))
    assert np.abs(heard[100:-100]).max() <= 12000 / 1000  # 60 dB down


def test_sound_leaves_while_it_still_comes_in():
    telephone = Telephone(24000)
    assert len(telephone.feed(spoken(seconds=0.1))) >= 800 - 16


def test_nothing_in_nothing_out():
    telephone = Telephone(24000)
    assert telephone.feed(b"") == b""
    assert telephone.finish() == b""


def test_half_a_sample_at_the_end_is_dropped_and_harms_nothing_after_it():
    telephone = Telephone(8000)
    assert telephone.feed(b"\x00\x00\x01") + telephone.finish() == mulaw.SILENCE
    assert telephone.feed(b"\x00\x00") + telephone.finish() == mulaw.SILENCE


def test_other_rates_are_refused():
    with pytest.raises(ValueError, match="22050"):
        Telephone(22050)
