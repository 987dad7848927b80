"""One turn's words on their way: what is held, taken back, put in between, and waited for. On the mock clock; whoever
speaks here is scripted piece by piece."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio

from agent.errors import Fault
from agent.model import Emit
from agent.speak.cache import AudioCache
from agent.speak.clips import Clip
from agent.speak.ledger import Ledger
from nurseries.line.outbox import Outbox
from nurseries.live.voiced import Voiced
from nurseries.talk.speech import Failure, Manner, Speech

MESSAGE = bytes(8 * 160)
"""160 ms of mu-law."""


class Pieces:
    """A voice that gives so much sound, in ms, behind such pauses, in seconds; the same for every text."""

    name, rate = "pieces", 8000

    def __init__(self, *pieces: tuple[float, float]) -> None:
        self.pieces = pieces

    async def synthesise(self, _text: str, emit: Emit, *, voice: str = "", language: str = "") -> None:
        for pause_s, ms in self.pieces:
            await trio.sleep(pause_s)
            await emit(bytes(int(16 * ms)))


class Turn:
    """A speech, its outbox, and a socket that takes what is due."""

    def __init__(self, voice: Pieces, *, limit_s: float = 1.0, room_ms: float = 5000) -> None:
        began = trio.current_time()
        self.outbox = Outbox(Ledger(), lead_ms=400, message_ms=160, room_ms=room_ms, began=began)
        manner = Manner(voice, AudioCache(1 << 20), "", "en-IN", limit_s)
        self.speech = Speech(self.outbox, 1, manner)
        self.failure: Failure | None = None
        self.over = trio.Event()

    async def send(self) -> None:
        while await self.outbox.take() is not None:
            pass

    async def say(self, *words: object) -> None:
        self.speech.add(*words)  # type: ignore[arg-type]
        self.speech.finish()
        self.failure = await self.speech.run()
        self.over.set()


def clip(text: str = "One moment.") -> Clip:
    return Clip("filler", text, MESSAGE)


@pytest.mark.parametrize("own", [True, False])
async def test_what_another_voice_has_said_is_not_kept_as_this_one_s(own: bool, autojump_clock, nursery) -> None:
    class Standing(Pieces):
        async def synthesise(self, _text: str, emit: Emit, *, voice: str = "", language: str = "") -> bool:
            await super().synthesise(_text, emit)
            return own

    turn = Turn(Standing((0, 500)))
    nursery.start_soon(turn.send)
    await turn.say("Hello.")

    assert turn.failure is None
    assert turn.speech._manner.cache.statistics().entries == own
    nursery.cancel_scope.cancel()


async def test_a_line_that_gives_way_before_it_has_begun_is_settled(autojump_clock) -> None:
    settled: list[Voiced] = []
    turn = Turn(Pieces((0, 500)))
    line = Voiced(settled.append)
    turn.speech.add("Never said.", line)

    turn.speech.instead("This.")

    assert settled == [line]
    assert turn.speech.left() == ["This."]


async def test_a_filler_goes_before_a_sentence_of_which_there_is_not_sound_enough_to_be_sent(
    autojump_clock, nursery
) -> None:
    turn = Turn(Pieces((0, 40), (0.5, 200), (0.8, 200)))
    nursery.start_soon(turn.say, "Hello there.")
    await trio.sleep(0.3)

    assert turn.speech.interject(clip())
    await trio.sleep(0.3)
    assert not turn.speech.interject(clip())


async def test_a_sentence_shorter_than_a_message_is_said_once_it_is_whole(autojump_clock, nursery) -> None:
    turn = Turn(Pieces((0, 40)))
    nursery.start_soon(turn.send)
    with trio.fail_after(5):
        await turn.say("Hm.")

    assert turn.failure is None
    assert turn.outbox.ledger.end_ms > 0
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("begun", [(), ((0.1, 400),), ((0.1, 400), (0.9, 400))])
async def test_a_voice_that_stalls_is_given_up_wherever_it_does(
    autojump_clock, nursery, begun: Sequence[tuple[float, float]]
) -> None:
    turn = Turn(Pieces(*begun, (60, 400)), limit_s=1.0)
    nursery.start_soon(turn.send)
    nursery.start_soon(turn.say, "Hello there.")

    with trio.fail_after(sum(pause for pause, _ in begun) + 1.1):
        await turn.over.wait()

    assert turn.failure is not None
    assert (turn.failure.stage, turn.failure.fault) == ("speak", Fault.TIMEOUT)
    nursery.cancel_scope.cancel()


async def test_a_voice_that_waits_for_us_has_not_stalled(autojump_clock, nursery) -> None:
    turn = Turn(Pieces(*[(0, 3000)] * 4), limit_s=1.0, room_ms=500)
    nursery.start_soon(turn.send)
    with trio.fail_after(15):
        await turn.say("A long sentence.")

    assert turn.failure is None
    assert turn.outbox.ledger.end_ms >= 12_000
    nursery.cancel_scope.cancel()


async def test_what_was_held_goes_on_by_itself_at_its_time_and_not_before(autojump_clock, nursery) -> None:
    turn = Turn(Pieces((0, 2000)))
    nursery.start_soon(turn.send)
    nursery.start_soon(turn.say, "Hello there.")
    await trio.sleep(0.5)
    turn.outbox.clear()
    turn.speech.hold(turn.outbox.ledger.take())
    turn.speech.let_go_at(trio.current_time() + 3)

    await trio.sleep(2.9)
    assert turn.speech.held
    assert not turn.outbox.speaking
    await trio.sleep(0.2)
    assert not turn.speech.held
    assert turn.outbox.speaking
    nursery.cancel_scope.cancel()


async def test_held_it_is_not_over_though_all_was_sent_and_nothing_is_heard_of_it_until_it_goes_on(
    autojump_clock, nursery
) -> None:
    turn = Turn(Pieces((0, 300)))
    nursery.start_soon(turn.send)
    nursery.start_soon(turn.say, "Hello there.")
    await trio.sleep(0.2)
    assert turn.speech.said_all
    turn.outbox.clear()
    turn.speech.hold(turn.outbox.ledger.take())
    assert not turn.speech.said_all
    await trio.sleep(10)
    assert not turn.over.is_set()
    sent = turn.outbox.ledger.end_ms

    turn.speech.go_on()
    with trio.fail_after(10):
        await turn.over.wait()
    assert turn.outbox.ledger.end_ms > sent
    nursery.cancel_scope.cancel()
