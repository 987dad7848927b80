"""Resampling loses no speech, folds nothing back into it, and does not care how the sound was cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.resample import Decimator, Doubler


def tone(hz, rate, seconds=0.5, level=16000):
    return np.rint(level * np.sin(2 * np.pi * hz / rate * np.arange(int(rate * seconds)))).astype(np.int16)


def noise(samples, seed=7):
    return np.random.default_rng(seed).integers(-32768, 32768, samples).astype(np.int16)


def streamed(stream, samples, sizes):
    """Feed in chunks of the sizes given, in turn, then finish."""
    out, at, turn = [], 0, 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        out.append(stream.feed(samples[at : at + size]))
        at, turn = at + size, turn + 1
    return np.concatenate([*out, stream.finish()])


def loss_db(out, level=16000):
    """How far the loudness of the middle of `out` lies below that of the tone that went in."""
    middle = out[len(out) // 4 : -len(out) // 4].astype(float)
    return 20 * np.log10(level / np.sqrt(2) / max(np.sqrt(np.mean(middle**2)), 1e-9))


def strength(out, hz, rate):
    middle = out[len(out) // 4 : -len(out) // 4].astype(float)
    window = np.hanning(len(middle))
    wave = np.exp(-2j * np.pi * hz / rate * np.arange(len(middle)))
    return 2 * abs(np.sum(middle * window * wave)) / window.sum()


@pytest.mark.parametrize("rate", [24000, 16000])
@pytest.mark.parametrize("hz", [100, 300, 1000, 2000, 3000])
def test_speech_passes_unharmed(rate, hz):
    assert abs(loss_db(streamed(Decimator(rate), tone(hz, rate), [37, 481, 1, 1000]))) < 0.1


@pytest.mark.parametrize(("rate", "hz"), [(24000, 5000), (24000, 6000), (24000, 9000), (24000, 11500), (16000, 6000)])
def test_what_would_fold_back_into_speech_is_gone(rate, hz):
    assert loss_db(streamed(Decimator(rate), tone(hz, rate), [37, 481, 1, 1000])) > 80


def test_the_edge_of_the_telephone_band_loses_one_decibel_at_most():
    assert loss_db(streamed(Decimator(24000), tone(3400, 24000), [480])) < 1


@pytest.mark.parametrize("hz", [300, 1000, 3000, 3400])
def test_doubling_keeps_speech_and_leaves_no_mirror_image(hz):
    out = streamed(Doubler(), tone(hz, 8000), [160, 1, 7])
    assert abs(loss_db(out)) < 0.1
    assert strength(out, 8000 - hz, 16000) < 16000 / 10 ** (60 / 20)


@pytest.mark.parametrize("make", [lambda: Decimator(24000), lambda: Decimator(16000), lambda: Decimator(8000), Doubler])
@given(sizes=st.lists(st.integers(0, 700), min_size=1, max_size=20).filter(any), samples=st.integers(0, 3000))
def test_chunks_of_any_size_give_the_same_bits(make, sizes, samples):
    sound = noise(samples)
    assert np.array_equal(streamed(make(), sound, sizes), streamed(make(), sound, [max(samples, 1)]))


@pytest.mark.parametrize("make", [lambda: Decimator(24000), Doubler])
def test_one_sample_at_a_time_gives_the_same_bits(make):
    sound = noise(2000)
    assert np.array_equal(streamed(make(), sound, [1]), streamed(make(), sound, [2000]))


@pytest.mark.parametrize(("rate", "factor"), [(24000, 3), (16000, 2), (8000, 1)])
@pytest.mark.parametrize("samples", [0, 1, 2, 3, 47, 48, 49, 480, 481])
def test_no_sample_is_lost_or_invented(rate, factor, samples):
    assert len(streamed(Decimator(rate), noise(samples), [5])) == -(-samples // factor)
    assert len(streamed(Doubler(), noise(samples), [5])) == 2 * samples


def test_8_khz_passes_untouched():
    assert np.array_equal(streamed(Decimator(8000), noise(500), [7]), noise(500))


def test_output_lines_up_with_input():
    click = np.zeros(2400, np.int16)
    click[1200] = 30000
    assert np.argmax(streamed(Decimator(24000), click, [100])) == 400
    assert np.argmax(streamed(Doubler(), click, [100])) == 2400


def test_no_more_than_two_milliseconds_are_held_back():
    assert len(Decimator(24000).feed(noise(2400))) >= 800 - 16
    assert len(Doubler().feed(noise(800))) >= 1600 - 32


@pytest.mark.parametrize("make", [lambda: Decimator(24000), Doubler])
def test_after_finish_a_new_stream_begins(make):
    stream = make()
    first = streamed(stream, noise(1000), [100])
    assert np.array_equal(streamed(stream, noise(1000), [100]), first)


def test_full_scale_does_not_wrap_around():
    square = np.where(np.arange(4800) % 48 < 24, 32767, -32768).astype(np.int16)
    out = streamed(Decimator(24000), square, [480]).astype(int)
    assert np.abs(np.diff(out[100:-100])).max() < 50000
    assert out.max() == 32767
    assert out.min() == -32768


@pytest.mark.parametrize("rate", [0, 11025, 22050, 44100, 48000])
def test_other_rates_are_refused_in_plain_words(rate):
    with pytest.raises(ValueError, match=f"cannot bring {rate} Hz down"):
        Decimator(rate)
