"""Pieces of sound in, windows out; told to the model ahead, taken when they can matter."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import assert_no_checkpoints, wait_all_tasks_blocked

from agent.hear.turns import WINDOW_BYTES
from agent.model import Frame
from nurseries.line.windows import Window, Windows


class Told:
    """A `VoiceActivity` that remembers what it is told."""

    def __init__(self) -> None:
        self.windows: list[bytes] = []
        self.left = False

    def ahead(self, window, known) -> None:
        self.windows.append(window)
        self.known = known

    def __call__(self, window) -> float:
        raise NotImplementedError

    def leave(self) -> None:
        self.left = True


def sound(ms: int) -> bytes:
    return bytes(n % 251 for n in range(ms * 8))


@settings(max_examples=50)
@given(st.lists(st.integers(1, 1000), max_size=20))
def test_pieces_of_any_length_become_windows_that_begin_where_their_sound_did(lengths: list[int]) -> None:
    vad, whole, begins = Told(), sound(3000), 0
    windows = Windows(60_000, vad)
    for length in lengths:
        windows.put(Frame(whole[begins : begins + length], begins / 8))
        begins += length

    left = windows.close()

    assert [window.sound for window in left] == vad.windows
    assert left == [Window(whole[n * 256 : n * 256 + 256], n * 32.0) for n in range(min(begins, len(whole)) // 256)]


def test_behind_a_gap_sound_has_the_time_of_what_came_last() -> None:
    windows = Windows(5000, Told())
    windows.put(Frame(sound(20), 0.0))
    windows.put(Frame(sound(20), 1000.0))

    assert [window.at_ms for window in windows.close()] == [980.0]


async def test_the_oldest_goes_and_is_counted_in_frames() -> None:
    windows = Windows(160, Told())
    with assert_no_checkpoints():
        for n in range(15):
            windows.put(Frame(bytes([n]) * WINDOW_BYTES, n * 32.0))

    assert windows.dropped == 16  # ten windows
    assert (await windows.get(1)).at_ms == 320.0


@pytest.mark.parametrize("known", [False, True])
async def test_who_waits_for_three_takes_two_that_are_known(known: bool, autojump_clock, nursery) -> None:
    vad, taken = Told(), []
    windows = Windows(5000, vad)

    async def take() -> None:
        taken.append(await windows.get(3))

    nursery.start_soon(take)
    for ms in (32, 32):
        await wait_all_tasks_blocked()
        assert not taken
        windows.put(Frame(sound(ms), trio.current_time()))
        if known:
            vad.known()
    await wait_all_tasks_blocked()

    assert len(taken) == known
    windows.put(Frame(sound(32), 64.0))
    await wait_all_tasks_blocked()
    assert len(taken) == 1
    assert len(windows) == 2


async def test_once_closed_it_takes_nothing_and_the_model_knows() -> None:
    vad = Told()
    windows = Windows(5000, vad)
    windows.put(Frame(sound(64), 0.0))

    assert len(windows.close()) == 2
    windows.put(Frame(sound(64), 64.0))

    assert (len(windows), windows.close(), windows.dropped, len(vad.windows)) == (0, [], 0, 2)
    assert vad.left
