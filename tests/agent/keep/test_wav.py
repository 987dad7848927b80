"""WAV files of calls: what others can read of them, and what is made of torn ones."""

import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.keep import wav
from agent.wire import mulaw

LABEL = wav.Label("CA1", "2026-11-27T10:00:00.000+00:00")


def completed(data: bytes) -> bytes:
    made = bytearray(data)
    length, patches = wav.sizes(wav.read(data)[1], len(data))
    del made[length:]
    for at, patch in patches:
        made[at : at + len(patch)] = patch
    return bytes(made)


@given(st.text(max_size=40), st.binary(max_size=100), st.integers(0, 3))
def test_any_player_finds_both_sides(call_sid: str, caller: bytes, torn: int) -> None:
    agent = caller[::-1]
    frames = wav.frames(caller, agent) + b"\x01" * torn
    data = completed(wav.header(wav.Label(call_sid, LABEL.started_at)) + frames)

    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        assert file.getnframes() == len(caller)
        sides = np.frombuffer(file.readframes(len(caller)), "<i2").reshape(-1, 2)
    assert sides[:, 0].tolist() == mulaw.decode(caller).tolist()
    assert sides[:, 1].tolist() == mulaw.decode(agent).tolist()
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200),
    st.integers(1, 10**9 - 1),
    st.integers(0, 10**12 - 1),
)
def test_a_file_says_which_call_and_leg_it_is_of(call_sid: str, leg: int, began_ms: int) -> None:
    label = wav.Label(call_sid, LABEL.started_at, leg, began_ms)
    start = wav.header(label)
    assert wav.read(start + bytes(50)) == (label, len(start))


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda b: b"RIFF\0\0\0\0WAVE" + b))
def test_what_is_none_of_ours_is_told(data: bytes) -> None:
    try:
        _, start = wav.read(data)
    except ValueError:
        return
    assert start <= len(data)


def test_a_file_that_has_only_begun_is_none() -> None:
    with pytest.raises(ValueError, match="without sound"):
        wav.read(wav.header(LABEL)[:-8])
