"""Calls in which something fails, stalls or crashes: it is spoken about, and the call goes on or ends politely."""

import trio

from agent.errors import Fault, ProviderError
from agent.model import Ending
from agent.providers.scripted import Script, Trouble
from agent.speak.clips import APOLOGY, FAREWELL, MOMENT, TROUBLE, WELCOME
from agent.wire.ports import MediaSocket
from tests.calls.stage import Stage, configured, longest_silence, tone

ASKS = Script(heard=("a flat in Whitefield",), replies=("A flat in Whitefield, lovely. What is your budget?",))


async def test_a_line_gone_dead_ends_the_call(autojump_clock) -> None:
    stage = Stage(ASKS, configured(MEDIA_TIMEOUT_S=15))
    began = trio.current_time()

    async def serve(socket) -> None:
        class Dead:
            messages = 0

            async def receive(self):
                self.messages += 1
                return await socket.receive() if self.messages < 50 else await trio.sleep_forever()

            each = MediaSocket.each

            def __getattr__(self, name):
                return getattr(socket, name)

        await stage.serve(Dead())

    await stage.place(max_ms=40_000, patience_ms=60_000, quiet_ms=60_000, serve=serve)

    assert stage.ending is Ending.CONNECTION_LOST
    assert trio.current_time() - began < 20


async def test_each_failing_stage_is_spoken_about(autojump_clock) -> None:
    for port in ("hear", "think"):
        troubles = (Trouble(port, at=1), Trouble("hear", at=2) if port == "hear" else Trouble(port, at=1))
        stage = Stage(Script(heard=("hello",), replies=("Fine.",), troubles=troubles))
        await stage.place(tone(800), tone(800))
        assert ("agent", TROUBLE.text) in stage.words
        assert stage.words[-1] == ("agent", "Fine.")


async def test_a_voice_that_fails_is_replaced_by_a_recording(autojump_clock) -> None:
    stage = Stage(Script(heard=("hello",), replies=("Fine.",), troubles=(Trouble("speak", at=0, fault=Fault.BUSY),)))

    await stage.place(tone(800), tone(800), tone(800), max_ms=90_000)

    spoken = [text for role, text in stage.words if role == "agent"]
    assert spoken == [WELCOME.text, TROUBLE.text, APOLOGY.text]
    assert stage.ending is Ending.FAILED


async def test_a_transcription_that_fails_at_a_pause_is_tried_again_at_the_end_of_the_turn(autojump_clock) -> None:
    stage = Stage(Script(heard=("hello",), replies=("Fine.",), troubles=(Trouble("hear", at=1),)))

    await stage.place(tone(800))

    assert stage.words[-2:] == [("caller", "hello"), ("agent", "Fine.")]


async def test_a_stage_that_stalls_leaves_no_silence_longer_than_the_bound(autojump_clock) -> None:
    for port, at in (("hear", 0), ("think", 1), ("speak", 3)):  # the greeting's sentences are the voice's first two
        stage = Stage(Script(heard=("hello",), replies=("Fine.",), troubles=(Trouble(port, at=at, fault=None),)))

        log = await stage.place(tone(800), max_ms=60_000, patience_ms=30_000, quiet_ms=4000)

        (line,) = log.spoken
        assert stage.words[-1][1].endswith(TROUBLE.text)
        assert longest_silence(log, line.end_ms) <= stage.settings.FILLER_S * 1000 + 300


async def test_an_empty_reply_is_spoken_about(autojump_clock) -> None:
    stage = Stage(Script(heard=("hello",), replies=("",)))

    await stage.place(tone(800))

    assert stage.words[-1] == ("agent", TROUBLE.text)


async def test_a_crash_ends_its_call_with_an_apology(autojump_clock) -> None:
    stage = Stage(ASKS)

    async def bug(*_: object) -> None:
        raise ZeroDivisionError

    stage.mind.reply = bug
    log = await stage.place(tone(800), max_ms=60_000)

    assert stage.ending is Ending.FAILED
    assert stage.words[-1] == ("agent", APOLOGY.text)
    assert log.ended == "the server closed the stream"


async def test_a_peer_that_stops_reading_ends_its_call(autojump_clock) -> None:
    stage = Stage(ASKS, configured(SEND_TIMEOUT_S=5))
    began = trio.current_time()

    async def serve(socket) -> None:
        class Stuck:
            async def send(self, text):
                await trio.sleep_forever()

            def __getattr__(self, name):
                return getattr(socket, name)

        await stage.serve(Stuck())

    await stage.place(max_ms=40_000, patience_ms=60_000, serve=serve)

    assert stage.ending is Ending.CONNECTION_LOST
    assert trio.current_time() - began < 7


async def test_a_turn_stuck_in_cleanup_is_silenced_all_the_same(autojump_clock) -> None:
    stage = Stage(ASKS)
    speak = stage.voice.synthesise

    async def stubborn(text: str, emit, **how) -> None:
        try:
            await speak(text, emit, **how)
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                for _ in range(40):
                    await trio.sleep(0.1)
                    await emit(b"\x40\x20" * 2400)

    stage.voice.synthesise = stubborn
    log = await stage.place(tone(1200), barge_in_at_ms=900, hang_up_at_ms=4000)

    (clear,) = log.clears
    (line,) = log.spoken
    assert clear.at_ms - line.start_ms <= 200
    assert all(piece.end_ms <= clear.at_ms for piece in log.played)


async def test_a_line_that_is_never_quiet_does_not_pile_up_sound_for_ever(autojump_clock) -> None:
    stage = Stage(Script(hear_s=60, heard=("noise",)), configured(STT_TIMEOUT_S=90, MAX_UTTERANCE_S=30))
    lengths = []
    hear = stage.ears.transcribe

    async def transcribe(utterance, language):
        lengths.append(utterance.duration_ms)
        return await hear(utterance, language)

    stage.ears.transcribe = transcribe
    await stage.place(tone(300_000), max_ms=290_000, hang_up_at_ms=285_000)

    assert len(lengths) > 5
    assert max(lengths) <= 121_000


MANY = "One is fine. Two is good. Three is better. Four is best. Five is it."


async def test_a_voice_that_stalls_while_the_model_talks_on_is_spoken_about(autojump_clock) -> None:
    troubles = (Trouble("speak", at=3, fault=None),)
    stage = Stage(Script(heard=("hello",), replies=(MANY,), token_gap_s=0.001, troubles=troubles))

    await stage.place(tone(800), tone(800), max_ms=60_000)

    assert stage.words[2] == ("agent", f"{MOMENT.text} {TROUBLE.text}")
    assert stage.words[-1] == ("agent", MANY)


async def test_last_words_that_cannot_be_spoken_are_a_recording(autojump_clock) -> None:
    for fault in (ValueError("bug"), ProviderError("x", "speak", Fault.BROKEN)):
        stage = Stage(ASKS, configured(CALL_MAX_MINUTES=0.2, GOODBYE="Farewell."))
        speak = stage.voice.synthesise

        async def synthesise(text: str, emit, speak=speak, fault=fault, **how) -> None:
            if text == "Farewell.":
                raise fault
            await speak(text, emit, **how)

        stage.voice.synthesise = synthesise
        await stage.place(patience_ms=90_000, quiet_ms=90_000)

        assert stage.ending is Ending.TIME_LIMIT
        assert stage.words[-1][1] in (FAREWELL.text, APOLOGY.text)


async def test_a_slow_recogniser_gets_more_time_for_more_sound_and_is_not_asked_for_ever_more(autojump_clock) -> None:
    stage = Stage(Script(heard=("hello",), replies=("Fine then.",)))
    lengths = []

    async def transcribe(utterance, _language) -> str:
        lengths.append(utterance.duration_ms)
        await trio.sleep(utterance.duration_ms / 1000 * 0.45)
        return "words"

    stage.ears.transcribe = transcribe
    await stage.place(tone(24_000), tone(1000), tone(1000), max_ms=120_000, patience_ms=40_000)

    assert stage.words[-2:] == [("caller", "words"), ("agent", "Fine then.")]
    assert lengths[-1] < 5000


async def test_a_reply_longer_than_every_limit_is_not_taken_for_a_stall(autojump_clock) -> None:
    reply = "This is quite a long sentence about nothing in particular, that is all. " * 12
    stage = Stage(Script(heard=("hello",), replies=(reply,)), configured(LLM_TIMEOUT_S=2, TTS_TIMEOUT_S=2))

    await stage.place(tone(800), max_ms=90_000)

    assert stage.words[-1] == ("agent", reply.strip())


async def test_turns_that_succeed_forgive_those_that_failed(autojump_clock) -> None:
    troubles = tuple(Trouble("think", at=n) for n in (1, 2, 4, 5))
    stage = Stage(Script(heard=("hello",), replies=("Fine.",), troubles=troubles))

    await stage.place(*[tone(800)] * 6, max_ms=120_000)

    assert stage.ending is Ending.CALLER_HUNG_UP
    assert [text for role, text in stage.words if role == "agent"].count(TROUBLE.text) == 4


async def test_a_sentence_whose_sound_broke_off_is_not_recorded_whole(autojump_clock) -> None:
    whole = "A very long sentence that will be broken off in the middle of it all."
    stage = Stage(Script(heard=("hello",), replies=(whole,), troubles=(Trouble("speak", at=3, after=8),)))

    await stage.place(tone(800), max_ms=60_000)

    said = stage.words[-1][1].removesuffix(TROUBLE.text).strip()
    assert 0 < len(said) < len(whole) / 2
    assert whole.startswith(said)


async def test_words_in_what_was_taken_for_a_noise_silence_the_agent_before_it_answers(autojump_clock) -> None:
    prompt = "Are you still there, and is it as loud where you are as it sounds from here? " * 4
    stage = Stage(
        Script(heard=("I am here",), replies=("Good.",)),
        configured(MAX_UTTERANCE_S=12, SILENCE_PROMPTS=prompt),
        vad=lambda: lambda _: 0.9,
    )

    log = await stage.place(tone(4000, at_ms=21_000), quiet_ms=90_000, patience_ms=90_000, hang_up_at_ms=28_000)

    assert ("caller", "I am here") in stage.words
    said = [entry for entry in stage.record.entries if entry.text.startswith("Are you still")]
    assert said[-1].interrupted
    assert log.clears


async def test_a_voice_that_makes_much_at_once_is_not_taken_for_one_that_stalls(autojump_clock) -> None:
    stage = Stage(Script(heard=("hello",), replies=("Fine.",)), configured(TTS_TIMEOUT_S=2, GREETING="Hello."))

    async def synthesise(_text: str, emit, **_how) -> None:
        await emit(b"\x40\x20" * 24 * 12_000)  # twelve seconds; the outbox has room for five

    stage.voice.synthesise = synthesise
    await stage.place(tone(800), max_ms=60_000)

    assert [text for role, text in stage.words if role == "agent"] == ["Hello.", "Fine."]
