"""The short phrases of a call that is not held in English: in its own words and voice, and never in the way."""

from agent.errors import Fault
from agent.model import Ending
from agent.providers.scripted import Script, Trouble
from agent.speak.clips import TROUBLE
from agent.speak.repertoire import WORDS_IN
from tests.calls.stage import Stage, configured, tone

HINDI = WORDS_IN["hi"]


def stage_in(language: str, script: Script) -> Stage:
    return Stage(script, configured(LANGUAGE=language, GREETING="नमस्ते।", SILENCE_S=60))


async def test_a_hindi_caller_is_asked_for_patience_in_hindi(autojump_clock):
    stage = stage_in("hi-IN", Script(first_token_s=4.5, heard=("दो बेडरूम",), replies=("ज़रूर, बताइए।",)))
    log = await stage.place(tone(900, at_ms=9000), quiet_ms=9000, patience_ms=40_000, max_ms=60_000)
    assert f"agent: {HINDI['moment']} ज़रूर, बताइए।" in stage.told
    assert log.played
    assert stage.voice.active == 0


async def test_before_it_is_made_the_english_one_is_better_than_silence(autojump_clock):
    broken = (Trouble("speak", at=2, fault=Fault.BROKEN),)
    stage = stage_in("hi-IN", Script(first_token_s=4.5, heard=("दो बेडरूम",), replies=("ज़रूर।",), troubles=broken))
    await stage.place(tone(900, at_ms=3500), quiet_ms=9000, patience_ms=40_000, max_ms=60_000)
    assert "agent: One moment, please. ज़रूर।" in stage.told


async def test_a_second_call_finds_them_made(autojump_clock):
    stage = stage_in("hi-IN", Script(heard=("दो बेडरूम",), replies=("ज़रूर।",)))
    for _ in range(2):
        await stage.place(tone(900, at_ms=9000), quiet_ms=4000, patience_ms=20_000, max_ms=30_000)
    assert stage.voice.requests == len(HINDI) + 2


async def test_a_voice_that_cannot_make_them_is_not_asked_on_and_on(autojump_clock):
    broken = tuple(Trouble("speak", at=at, fault=Fault.BROKEN) for at in range(2, 9))
    stage = stage_in("hi-IN", Script(heard=("दो बेडरूम",), replies=("ज़रूर।",), troubles=broken))
    await stage.place(tone(900, at_ms=9000), quiet_ms=4000, patience_ms=20_000, max_ms=30_000)
    assert f"agent: {TROUBLE.text}" in stage.told
    assert stage.voice.requests == 3  # the greeting, one phrase, the reply


async def test_a_hang_up_in_the_middle_leaves_them_to_the_next_call(autojump_clock):
    stage = stage_in("hi-IN", Script(first_chunk_s=2.0, heard=("दो बेडरूम",), replies=("ज़रूर।",)))
    await stage.place(tone(500, at_ms=2800), hang_up_at_ms=3500, max_ms=10_000)
    assert stage.ending is Ending.CALLER_HUNG_UP
    assert stage.voice.active == 0
    await stage.place(tone(900, at_ms=20_000), hang_up_at_ms=30_000, max_ms=60_000)
    assert stage.calls[-1].dialogue.phrases.begin() is None
    assert not stage.parts.repertoire._begun, "nobody is at any of them"
    assert stage.calls[-1].dialogue.phrases(TROUBLE).text == HINDI["trouble"]
