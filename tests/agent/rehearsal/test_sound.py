"""The rehearsal's own codec, resampler and ear."""

from __future__ import annotations

import hashlib
import io
import struct
import wave

import numpy as np
import pytest

from agent.rehearsal.sound import Span, decode, encode, from_pcm, from_wav, is_audible, resample, spans, tone


def test_the_decoder_is_g711() -> None:
    table = decode(bytes(range(256))).astype("<i2").tobytes()

    assert hashlib.sha256(table).hexdigest() == "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827"


def test_every_code_survives_a_round_trip_but_for_the_second_zero() -> None:
    codes = bytes(range(256))
    again = encode(decode(codes) / 32767)

    assert [code for code, other in zip(codes, again, strict=True) if code != other] == [0x7F]


def test_the_louder_than_possible_is_clipped() -> None:
    assert encode(np.array([2.0, -2.0])) == b"\x80\x00"


@pytest.mark.parametrize("rate", [6000, 16000, 21600, 22050, 24000, 44100, 48000])
def test_a_tone_keeps_its_pitch_and_level_at_every_rate(rate: int) -> None:
    made = resample(0.5 * np.sin(2 * np.pi * 1000 / rate * np.arange(rate)), rate)

    assert abs(len(made) - 8000) <= 1
    spectrum = np.abs(np.fft.rfft(made[200:-200] * np.hanning(len(made) - 400)))
    assert abs(np.argmax(spectrum) * 8000 / (len(made) - 400) - 1000) < 2
    assert np.sqrt(np.mean(made[200:-200] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("frequency", [5000, 6000, 9000])
def test_what_a_telephone_cannot_carry_does_not_fold_back(frequency: int) -> None:
    made = resample(np.sin(2 * np.pi * frequency / 24000 * np.arange(24000)), 24000)

    assert np.abs(made[200:-200]).max() < 0.003


def wav(samples: np.ndarray, rate: int, width: int, channels: int) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        scaled = np.repeat(samples, channels)
        if width == 1:
            file.writeframes((scaled * 127 + 128).astype(np.uint8).tobytes())
        else:
            wide = (scaled * (2**31 - 1)).astype("<i4").view(np.uint8).reshape(-1, 4)
            file.writeframes(wide[:, 4 - width :].tobytes())
    return made.getvalue()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_files_of_every_width(width: int, channels: int) -> None:
    sine = 0.5 * np.sin(2 * np.pi * 440 / 16000 * np.arange(16000))
    mulaw = from_wav(wav(sine, 16000, width, channels))

    assert len(mulaw) == 8000
    assert np.abs(decode(mulaw)).max() == pytest.approx(16384, rel=0.06)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"not sound at all",
        wav(np.zeros(0), 8000, 2, 1),
        wav(np.zeros(8), 8000, 2, 1).replace(struct.pack("<H", 1), struct.pack("<H", 7), 1),
    ],
)
def test_a_file_that_is_no_wav_is_a_clear_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"WAV|sound"):
        from_wav(data)


def test_pcm_of_odd_length_and_none_at_all() -> None:
    assert from_pcm(b"", 24000) == b""
    assert len(from_pcm(bytes(4801), 24000)) == 800


def test_both_kinds_of_silence_are_inaudible_and_a_tone_is_not() -> None:
    assert not is_audible(bytes([0x7F, 0xFF, 0xFE, 0x7E]) * 40)
    assert not is_audible(b"")
    assert is_audible(tone(20))


def test_spans_are_parted_by_long_silences_only() -> None:
    silence = b"\xff" * 8
    sound = silence * 50 + tone(100) + silence * 100 + tone(50) + silence * 300 + tone(40)

    assert spans(sound, 1000, 200) == [Span(1050, 1300), Span(1600, 1640)]
    assert spans(silence * 100, 0, 200) == []
    assert spans(b"", 0, 200) == []
