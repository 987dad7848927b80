import itertools
from dataclasses import replace

import numpy as np
import pytest
import trio

from agent.errors import Fault, ProviderError
from agent.model import Utterance
from agent.providers.scripted import (
    Script,
    ScriptedLanguageModel,
    ScriptedRecogniser,
    ScriptedVoice,
    Trouble,
    samples,
    tone,
)
from agent.rehearsal import codewords, spelling
from agent.rehearsal.playback import Played
from agent.rehearsal.sound import encode, from_pcm
from agent.think.ports import Message, Prompt
from agent.wire import mulaw


def spoken(ms: int) -> Utterance:
    return Utterance(mulaw.encode((8000 * np.sin(np.arange(ms * 8) / 5)).astype(np.int16)), 0, ms)


def prompt(*said: str) -> Prompt:
    return Prompt("Be brief.", tuple(Message("caller", text) for text in said))


class Heap(list):
    """Collects what is emitted, and when."""

    async def put(self, piece) -> None:
        self.append((round(trio.current_time() - self.began, 6), piece))

    def __init__(self) -> None:
        super().__init__()
        self.began = trio.current_time()


async def test_hearing_takes_its_time_and_goes_through_the_script(autojump_clock):
    recogniser = ScriptedRecogniser(Script(hear_s=0.5, heard=("Yes.", "No.")))
    began = trio.current_time()

    utterances = [replace(spoken(300), start_ms=start) for start in (0.0, 1000.0, 1000.0, 2000.0)]
    heard = [await recogniser.transcribe(utterance) for utterance in utterances]

    assert heard == ["Yes.", "No.", "No.", "No."]
    assert trio.current_time() - began == pytest.approx(2.0)


async def test_without_a_script_it_hears_how_long_the_caller_spoke(autojump_clock):
    assert await ScriptedRecogniser().transcribe(spoken(640)) == "I have spoken for 640 milliseconds."


@pytest.mark.parametrize("sound", [b"", spoken(99).mulaw, mulaw.SILENCE * 8000])
async def test_nothing_worth_hearing_takes_no_request(autojump_clock, sound):
    recogniser = ScriptedRecogniser()

    assert await recogniser.transcribe(Utterance(sound, 0, 0)) == ""
    assert recogniser.requests == 0


async def test_words_come_one_by_one_at_the_scripts_pace(autojump_clock):
    heap = Heap()

    reply = await ScriptedLanguageModel(Script(first_token_s=0.4, token_gap_s=0.1, replies=("A nice flat.",))).reply(
        prompt("Hello"), heap.put
    )

    assert heap == [(0.4, "A"), (0.5, " nice"), (0.6, " flat.")]
    assert not reply.says_goodbye


async def test_the_prompt_alone_decides_which_reply_comes(autojump_clock):
    model = ScriptedLanguageModel(Script(replies=("First.", "Second.")))
    for said, expected in [(("a", "b"), "Second."), (("a",), "First."), (("a", "b", "c"), "Second.")]:
        heap = Heap()
        await model.reply(prompt(*said), heap.put)
        assert "".join(word for _, word in heap) == expected


async def test_by_default_it_echoes(autojump_clock):
    heap = Heap()
    await ScriptedLanguageModel().reply(prompt("Hello", "Two bedrooms"), heap.put)
    assert "".join(word for _, word in heap) == "You said: Two bedrooms"


async def test_a_reply_with_goodbye_in_it_takes_leave(autojump_clock):
    reply = await ScriptedLanguageModel(Script(replies=("Goodbye, then.",))).reply(prompt("Bye"), Heap().put)
    assert reply.says_goodbye


async def test_the_voice_is_quick_to_start_and_faster_than_speech(autojump_clock):
    heap = Heap()

    await ScriptedVoice(Script(first_chunk_s=0.2, realtime_factor=0.5)).synthesise("Hello", heap.put)

    assert [at for at, _ in heap] == [0.2, 0.25, 0.3]
    assert b"".join(sound for _, sound in heap) == tone("Hello")
    assert len(tone("Hello")) == 5 * 60 * 24 * 2


def test_a_text_is_spelled_by_its_sound():
    for text in ("Hello.", "How may I help you?"):
        (heard,) = spelling.read([Played(from_pcm(tone(text), 24000), 0)])
        assert heard.text == text
        assert b"".join(tone(text, start, start + 2400) for start in range(0, samples(text), 2400)) == tone(text)


async def test_words_that_a_sound_carries_are_heard(autojump_clock):
    said = codewords.line(encode(0.3 * np.sin(np.arange(8000) / 5)), [1, 200, 33])

    assert await ScriptedRecogniser().transcribe(Utterance(said, 0, 720)) == "bado tano fado."


async def test_empty_text_is_not_spoken(autojump_clock):
    voice, heap = ScriptedVoice(), Heap()
    await voice.synthesise(" ", heap.put)
    assert (heap, voice.requests) == ([], 0)


async def test_delays_vary_within_the_jitter_and_alike_for_one_seed(autojump_clock):
    async def run(seed: int) -> list[float]:
        heap = Heap()
        model = ScriptedLanguageModel(Script(first_token_s=1, token_gap_s=1, jitter=0.5, seed=seed))
        await model.reply(prompt("one two three four five six"), heap.put)
        times = [0.0, *(at for at, _ in heap)]
        return [round(b - a, 6) for a, b in itertools.pairwise(times)]

    gaps = await run(1)

    assert all(0.5 <= gap <= 1.5 for gap in gaps)
    assert len(set(gaps)) == len(gaps)
    assert gaps == await run(1) != await run(2)


async def test_trouble_comes_at_the_request_and_the_piece_it_was_planned_for(autojump_clock):
    model = ScriptedLanguageModel(Script(replies=("one two three",), troubles=(Trouble("think", 2, 1, Fault.BUSY),)))
    for expected in (3, 1, 3):
        heap = Heap()
        if expected == 1:
            with pytest.raises(ProviderError) as caught:
                await model.reply(prompt("a"), heap.put)
            assert caught.value.fault is Fault.BUSY
        else:
            await model.reply(prompt("a"), heap.put)
        assert len(heap) == expected
    assert model.active == 0


async def test_a_stall_lasts_until_somebody_cancels_it(autojump_clock):
    script = Script(troubles=tuple(Trouble(port, 0, 0, None) for port in ("hear", "think", "speak")))
    ports = ScriptedRecogniser(script), ScriptedLanguageModel(script), ScriptedVoice(script)
    heap = Heap()
    requests = (
        lambda: ports[0].transcribe(spoken(500)),
        lambda: ports[1].reply(prompt("a"), heap.put),
        lambda: ports[2].synthesise("a", heap.put),
    )

    for request in requests:
        with trio.move_on_after(3600) as scope:
            await request()
        assert scope.cancelled_caught

    assert heap == []
    assert [port.active for port in ports] == [0, 0, 0]
    assert [port.requests for port in ports] == [1, 1, 1]
