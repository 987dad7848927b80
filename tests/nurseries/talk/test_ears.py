"""Words are of the sound that they were asked for, and no sound is forgotten."""

from __future__ import annotations

import trio

from agent.errors import Fault, ProviderError
from agent.hear.turns import Lasting, Pause, TurnTaken
from agent.model import Utterance
from nurseries.talk.ears import Ears, Words


def turn(letter: bytes, start_ms: float) -> TurnTaken:
    return TurnTaken(Utterance(letter * 8000, start_ms, start_ms + 1000), 1000, start_ms + 1500, paused=False)


class Stubborn:
    """Takes a second to hear a letter, and is not to be interrupted; fails where it is told to."""

    name = "stubborn"

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        with trio.CancelScope(shield=True):
            await trio.sleep(1)
        if self.fails:
            self.fails -= 1
            raise ProviderError(self.name, "hear", Fault.BROKEN, "as told")
        return "".join(sorted({chr(byte) for byte in utterance.mulaw}))


async def heard(recogniser: Stubborn, nursery: trio.Nursery, pause_s: float) -> list[Words]:
    """What is understood of two turns, so far apart."""
    words: list[Words] = []
    ears = Ears(recogniser, "", limit_s=5, early=1, understood=words.append)
    nursery.start_soon(ears.run)
    ears.taken(turn(b"a", 0))
    await trio.sleep(pause_s)
    ears.taken(turn(b"b", 2000))
    await trio.sleep(10)
    nursery.cancel_scope.cancel()
    return words


async def test_a_transcription_that_comes_too_late_is_not_taken_for_the_next(autojump_clock, nursery) -> None:
    words = await heard(Stubborn(), nursery, 0.5)

    assert [each.text for each in words] == ["ab"]


async def test_what_was_not_understood_is_heard_with_what_follows(autojump_clock, nursery) -> None:
    words = await heard(Stubborn(fails=1), nursery, 3)

    assert [(each.text, each.failure is None) for each in words] == [("", False), ("ab", True)]


async def test_what_is_said_behind_a_long_beginning_is_heard_at_its_own_pause(autojump_clock, nursery) -> None:
    words: list[Words] = []
    ears = Ears(Stubborn(), "", limit_s=5, early=1, understood=words.append)
    nursery.start_soon(ears.run)
    ears.paused(Pause(Utterance(b"a" * 32000, 0, 4000), 4000, 4192))
    await trio.sleep(0.2)
    ears.resumed()
    await trio.sleep(1.5)
    ears.paused(Pause(Utterance(b"a" * 32000 + b"b" * 8000, 0, 5000), 5000, 6192))
    await trio.sleep(2)
    nursery.cancel_scope.cancel()

    assert [(each.text, each.pausing) for each in words] == [("a", False), ("ab", True)]


async def test_words_that_were_looked_into_while_the_caller_spoke_are_not_all_of_the_turn(
    autojump_clock, nursery
) -> None:
    words: list[Words] = []
    ears = Ears(Stubborn(), "", limit_s=5, early=1, understood=words.append)
    nursery.start_soon(ears.run)
    whole = Utterance(b"a" * 32000 + b"b" * 8000, 0, 5000)
    ears.paused(Lasting(Utterance(b"a" * 32000, 0, 4000), 4000, 4000))
    await trio.sleep(0.2)
    ears.paused(Pause(whole, 5000, 5200))
    await trio.sleep(0.3)
    ears.taken(TurnTaken(whole, 5000, 5700))
    await trio.sleep(5)
    nursery.cancel_scope.cancel()

    assert [each.text for each in words if each.final] == ["ab"]


async def test_of_sound_that_nobody_comes_to_understand_the_oldest_goes(autojump_clock, nursery, monkeypatch) -> None:
    monkeypatch.setattr("nurseries.talk.ears.LONGEST_UNHEARD_MS", 2500)
    words: list[Words] = []
    ears = Ears(Stubborn(), "", limit_s=5, early=1, understood=words.append)
    nursery.start_soon(ears.run)
    for n, letter in enumerate((b"a", b"b", b"c", b"d")):
        ears.taken(turn(letter, 2000.0 * n))
        await trio.sleep(0.2)
    await trio.sleep(5)
    nursery.cancel_scope.cancel()

    assert [each.text for each in words] == ["cd"]
