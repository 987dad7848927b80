"""Sound on its way out, and what is left of it behind a clear, in virtual time. One file: a test for each promise."""

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, assert_checkpoints, assert_no_checkpoints, wait_all_tasks_blocked

from agent.seen.pace import Pace
from agent.speak.ledger import Ledger
from nurseries.line.outbox import Audio, Clear, MarkAfter, Outbox, Outgoing
from tests.examples import examples

MESSAGE = 160 * 8


def outbox(lead_ms: float = 400, room_ms: float = 5000) -> Outbox:
    return Outbox(Ledger(), lead_ms=lead_ms, message_ms=160, room_ms=room_ms, began=trio.current_time())


async def drain(box: Outbox, sent: list[tuple[float, Outgoing]]) -> None:
    while (message := await box.take()) is not None:
        sent.append((round(box.now_ms), message))


async def test_audio_leaves_no_more_than_a_lead_ahead_of_its_playback(autojump_clock, nursery) -> None:
    box = outbox(lead_ms=400)
    track = box.open(1)
    track.begin("Hello.")
    await track.say(b"a" * MESSAGE * 5)
    track.end()
    box.finish()
    sent: list[tuple[float, Outgoing]] = []

    await drain(box, sent)

    times = [at for at, message in sent if isinstance(message, Audio)]
    assert times == [0, 0, 0, 80, 240]
    assert isinstance(sent[-1][1], MarkAfter)
    assert track.first_sent_ms == 0


async def test_after_a_clear_the_old_track_cannot_add_a_byte(autojump_clock, nursery) -> None:
    box = outbox()
    sent: list[tuple[float, Outgoing]] = []
    nursery.start_soon(drain, box, sent)
    old = box.open(1)
    old.begin("Old.")
    await old.say(b"o" * MESSAGE * 20)
    await trio.sleep(0.1)

    with assert_no_checkpoints():
        assert box.clear()
    new = box.open(2)
    new.begin("New.")
    await new.say(b"n" * MESSAGE)
    new.end()
    await old.say(b"o" * MESSAGE * 3)
    old.end()
    await trio.sleep(5)

    after = [m for _, m in sent][[type(m) for _, m in sent].index(Clear) :]
    assert after[0] == Clear()
    assert {m.mulaw[:1] for m in after if isinstance(m, Audio)} == {b"n"}
    assert sum(isinstance(m, MarkAfter) for m in after) == 1
    nursery.cancel_scope.cancel()


async def test_of_a_sentence_that_broke_off_only_words_that_had_sound_are_heard(autojump_clock, nursery) -> None:
    box, text = outbox(), "We have several homes in Whitefield, and some of them are near the lake."
    nursery.start_soon(drain, box, [])
    track = box.open(1)
    track.begin(text)
    await track.say(b"a" * 8000)
    track.break_off()
    await box.heard()
    box.ledger.settle(box.now_ms)

    (heard,) = box.ledger.take()
    assert text.startswith(f"{heard.text} ")
    assert 5 < len(heard.text) < len(text) / 2
    nursery.cancel_scope.cancel()


async def test_silence_needs_no_clear(autojump_clock, nursery) -> None:
    box = outbox()
    sent: list[tuple[float, Outgoing]] = []
    nursery.start_soon(drain, box, sent)

    assert not box.clear()
    await trio.sleep(1)

    assert sent == []
    nursery.cancel_scope.cancel()


async def test_a_clear_is_sent_though_all_audio_has_long_left_us(autojump_clock, nursery) -> None:
    box = outbox(lead_ms=5000)
    sent: list[tuple[float, Outgoing]] = []
    nursery.start_soon(drain, box, sent)
    track = box.open(1)
    track.begin("Hello.")
    await track.say(b"a" * 8 * 3000)
    track.end()
    await trio.sleep(1)
    assert box.empty

    assert box.clear()
    await wait_all_tasks_blocked()

    assert sent[-1] == (1000, Clear())
    nursery.cancel_scope.cancel()


async def test_what_a_slow_socket_has_not_taken_yet_is_cleared_behind_it(autojump_clock) -> None:
    box = outbox()
    track = box.open(1)
    track.begin("Hello.")
    await track.say(b"a" * MESSAGE)
    assert isinstance(await box.take(), Audio)
    await trio.sleep(5)  # the socket takes it now: long after it should have played

    assert box.clear()
    assert await box.take() == Clear()
    box.finish()
    assert not box.clear()
    assert await box.take() is None


async def test_a_full_outbox_makes_its_turn_wait_and_a_clear_lets_it_go(autojump_clock, nursery) -> None:
    box = outbox(room_ms=1000)
    track = box.open(1)
    track.begin("Long.")
    done = trio.Event()

    async def speak() -> None:
        await track.say(b"a" * 8 * 60_000)
        done.set()

    nursery.start_soon(speak)
    await trio.sleep(10)
    assert not done.is_set()

    box.clear()
    await trio.sleep(0.1)

    assert done.is_set()
    assert box.empty


async def test_there_is_room_once_less_than_the_most_is_queued(autojump_clock, nursery) -> None:
    box = outbox(lead_ms=160)
    track = box.open(1)
    track.begin("Long.")
    await track.say(b"a" * 2 * MESSAGE)
    free = trio.Event()

    async def wait() -> None:
        await box.room(track, MESSAGE)
        free.set()

    nursery.start_soon(wait)
    assert isinstance(await box.take(), Audio)
    await wait_all_tasks_blocked()
    assert not free.is_set()  # as much as that is queued

    assert isinstance(await box.take(), Audio)
    await wait_all_tasks_blocked()
    assert free.is_set()


async def test_a_sentence_is_filled_up_to_whole_frames_with_silence(autojump_clock) -> None:
    box = outbox()
    track = box.open(1)
    track.begin("Hm.")
    await track.say(b"a" * 100)
    track.end()

    assert await box.take() == Audio(b"a" * 100 + b"\xff" * 60)


async def test_what_was_heard_is_waited_for_by_mark_and_no_longer_than_the_clock_allows(autojump_clock) -> None:
    box = outbox(lead_ms=5000)
    track = box.open(1)
    track.begin("Hello.")
    await track.say(b"a" * 8 * 1000)
    track.end()
    box.finish()
    marks: list[tuple[float, Outgoing]] = []
    await drain(box, marks)

    begin = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.heard)
        await trio.sleep(1.2)
        box.returned(marks[-1][1].name)
    assert round(trio.current_time() - begin, 3) == 1.2

    track.begin("Never marked.")
    await track.say(b"a" * 8 * 1000)
    track.end()
    await drain(box, marks)
    begin = trio.current_time()
    await box.heard()
    assert round(trio.current_time() - begin, 3) == 2.0


async def test_checkpoints_are_where_they_are_promised() -> None:
    box = outbox()
    track = box.open(1)
    with assert_no_checkpoints():
        track.begin("x")
        track.end()
        box.finish()
    with assert_checkpoints():
        await track.say(b"")
    with assert_checkpoints():
        await box.take()


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["say", "clear", "open", "wait"]), st.integers(0, 3000)), max_size=30),
    st.random_module(),
)
def test_no_byte_of_a_cleared_track_follows_its_clear(steps: list[tuple[str, int]], _: object) -> None:
    sent: list[tuple[float, Outgoing]] = []
    epochs: list[int] = []

    async def main() -> None:
        box = outbox(room_ms=500)
        epoch = 0

        async def speak(track, sign: int, length: int) -> None:
            track.begin("text")
            with trio.CancelScope(shield=True):  # as stuck as a turn can be
                await track.say(bytes([sign]) * length * 8)
            track.end()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain, box, sent)
            track = box.open(0)
            for step, amount in steps:
                if step == "say":
                    nursery.start_soon(speak, track, epoch, amount)
                elif step == "wait":
                    await trio.sleep(amount / 1000)
                elif step == "clear":
                    mark = len(sent)
                    if box.clear():
                        epochs.append(mark)
                    epoch += 1
                    track = box.open(epoch)
            await trio.sleep(100)
            box.clear()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    newest = 0
    for _, message in sent:
        if isinstance(message, Audio):
            sign = message.mulaw[0]
            assert sign >= newest
            newest = max(newest, sign)


async def test_a_clear_goes_before_what_the_next_turn_has_queued_already(autojump_clock) -> None:
    box = outbox(lead_ms=5000)
    old = box.open(1)
    old.begin("Old.")
    await old.say(b"o" * MESSAGE * 2)
    assert await box.take() == Audio(b"o" * MESSAGE)

    box.clear()
    new = box.open(2)
    new.begin("New.")
    await new.say(b"n" * MESSAGE)

    assert await box.take() == Clear()
    assert await box.take() == Audio(b"n" * MESSAGE)


async def test_what_was_cleared_takes_no_room(autojump_clock) -> None:
    box = outbox(room_ms=320)
    with trio.fail_after(1):
        for n in range(5):
            track = box.open(n)
            track.begin("Hello.")
            await track.say(b"a" * MESSAGE)
            box.clear()


async def test_with_exactly_its_room_queued_it_is_full(autojump_clock, nursery) -> None:
    box = outbox(room_ms=320)
    track = box.open(1)
    track.begin("Hello.")
    done: list[int] = []

    async def say() -> None:
        for n in range(3):
            await track.say(b"a" * MESSAGE)
            done.append(n)

    nursery.start_soon(say)
    await trio.sleep(1)
    assert done == [0]
    await box.take()
    await trio.sleep(1)
    assert done == [0, 1]
    nursery.cancel_scope.cancel()


async def test_to_wait_for_room_is_a_checkpoint_where_there_is_some() -> None:
    box = outbox()
    track = box.open(1)
    with assert_checkpoints():
        await box.room(track)


async def test_what_was_heard_is_measured_by_all_the_sound_that_is_there(autojump_clock, nursery) -> None:
    """A slow voice: by its letters the sentence would be over within two seconds."""
    box = outbox(lead_ms=200)
    track = box.open(1)
    track.begin("one two three four five six")
    nursery.start_soon(drain, box, [])
    await track.say(b"a" * 8 * 4800)
    track.end()
    await trio.sleep(1.7)
    box.clear()

    (heard,) = box.ledger.take()
    assert heard.text == "one two"
    assert heard.rest == "three four five six"
    nursery.cancel_scope.cancel()


class Told(Pace):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def starving(self) -> None:
        self.told.append("starving")

    def handed(self, late_ms: float, hole_ms: float) -> None:
        self.told.append((round(late_ms), round(hole_ms)))

    def said(self) -> None:
        self.told.append("said")


async def test_a_hole_is_laid_to_who_made_it(autojump_clock, nursery) -> None:
    """The voice, where nothing was queued when more was due; else it was us."""
    pace = Told()
    box = Outbox(Ledger(), lead_ms=200, message_ms=160, room_ms=5000, began=trio.current_time(), pace=pace)
    track = box.open(1)
    track.begin("Hello there.")
    await track.say(b"a" * MESSAGE * 3)
    nursery.start_soon(drain, box, [])
    await trio.sleep(1)
    await track.say(b"a" * MESSAGE)
    track.end()
    await trio.sleep(2)

    assert pace.told == [(40, -160), (0, -200), "starving", (720, 520), "said"]
    nursery.cancel_scope.cancel()
