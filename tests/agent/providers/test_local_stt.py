"""Both recognisers understand a voice on the telephone, stay silent on noise, and let go when cancelled."""

import platform
import re
import sys
import time

import numpy as np
import pytest
import trio

from agent.errors import ConfigError, Fault, ProviderError
from agent.model import Utterance
from agent.providers import local_stt, moonshine, whisper
from agent.providers.local_stt import LONGEST_S, RATE, LocalRecogniser, load_recogniser, pieces
from agent.providers.local_tts import load_voice
from agent.speak.telephone import Telephone
from agent.wire import mulaw

# The same condition as for the package in pyproject.toml: elsewhere there is no wheel with the model.
HAS_MOONSHINE = (sys.platform, platform.machine()) == ("linux", "x86_64") or sys.platform == "win32"
ENGINES = ["moonshine", "whisper"] if HAS_MOONSHINE else ["whisper"]

SENTENCES = {
    "Hello, I am looking for a two bedroom flat in Whitefield.": "hello looking for bedroom flat whitefield",
    "Can you call me back tomorrow evening, please?": "can you call me back tomorrow evening please",
    "We would like to move in within the next three months.": "we would like to move within the next months",
    "I saw your advertisement, and I want to know the price of the villa.": "advertisement want know the price villa",
}


@pytest.fixture(scope="module", params=ENGINES)
def recogniser(request):
    return load_recogniser(request.param)


@pytest.fixture(scope="module")
def say():
    """Text to an utterance as it arrives from a telephone: with a quiet line around and a little hiss."""
    voice = load_voice()

    def said(*texts):
        telephone = Telephone(voice.rate)
        sound = bytearray()

        async def keep(chunk):
            sound.extend(telephone.feed(chunk))

        for text in texts:
            trio.run(voice.synthesise, text, keep)
        spoken = mulaw.decode(bytes(sound) + telephone.finish())
        line = np.concatenate((np.zeros(2560), spoken, np.zeros(1536)))
        line += np.random.default_rng(4).normal(size=len(line)) * 20
        return Utterance(mulaw.encode(line.astype(np.int16)), 0.0, len(line) / 8)

    return said


def hiss(seconds, level=300, seed=5):
    noise = np.random.default_rng(seed).normal(size=int(seconds * 8000)) * level
    return Utterance(mulaw.encode(noise.astype(np.int16)), 0.0, seconds * 1000)


def words(text):
    return re.findall(r"[a-z]+", text.lower().replace("-", " "))


@pytest.mark.parametrize("text", SENTENCES)
def test_sentences_on_the_telephone_are_understood(recogniser, say, text):
    heard = words(trio.run(recogniser.transcribe, say(text)))
    assert [word for word in SENTENCES[text].split() if word not in heard] == []


@pytest.mark.parametrize("answer", ["Yes.", "No.", "Okay.", "Thank you.", "Whitefield.", "Next month."])
def test_short_answers_are_understood(recogniser, say, answer):
    assert words(trio.run(recogniser.transcribe, say(answer))) == words(answer)


@pytest.mark.parametrize("seconds", [0.3, 1, 2])
@pytest.mark.parametrize("level", [0, 10, 300, 2000])
async def test_silence_and_hiss_have_no_words(recogniser, seconds, level):
    assert await recogniser.transcribe(hiss(seconds, level)) == ""


def test_half_a_minute_without_a_pause_is_understood_to_its_end(recogniser, say):
    long = say(*list(SENTENCES)[:4], *list(SENTENCES)[:4], "And finally, the garden is important to my parents.")
    assert long.duration_ms > 25000
    heard = words(trio.run(recogniser.transcribe, long))
    assert heard.count("whitefield") == 2
    assert {"garden", "important", "parents"} <= set(heard[-12:])


async def test_many_at_once_get_each_their_own_words(recogniser, say):
    utterances = [await trio.to_thread.run_sync(say, text) for text in ("Yes.", "Whitefield.", "Next month.")] * 4
    heard = [""] * len(utterances)

    async def one(at):
        heard[at] = await recogniser.transcribe(utterances[at])

    async with trio.open_nursery() as nursery:
        for at in range(len(utterances)):
            nursery.start_soon(one, at)
    assert [words(text) for text in heard] == [["yes"], ["whitefield"], ["next", "month"]] * 4


class Engine:
    """Hears what it is told; may stay at it until it is stopped."""

    name = "fake"

    def __init__(self, answer="Yes.", error=None, stuck=False):
        self.answer, self.error, self.stuck = answer, error, stuck
        self.asked = 0

    def transcribe(self, samples, carry_on):
        self.asked += 1
        assert samples.dtype == np.float32
        until = time.monotonic() + 20
        while self.stuck and time.monotonic() < until:
            carry_on()
        if self.error:
            raise self.error
        return self.answer


@pytest.mark.parametrize("sound", [b"", mulaw.SILENCE * 799, mulaw.SILENCE * 8000, hiss(2, 10).mulaw],
                         ids=["empty", "under 100 ms", "silence", "comfort noise"])  # fmt: skip
async def test_what_cannot_be_speech_asks_nobody(sound):
    engine = Engine()
    assert await LocalRecogniser(engine).transcribe(Utterance(sound, 0, len(sound) / 8)) == ""
    assert engine.asked == 0


async def test_what_models_make_up_on_noise_is_dropped():
    assert await LocalRecogniser(Engine("You")).transcribe(hiss(1)) == ""
    assert await LocalRecogniser(Engine("Thank you.")).transcribe(hiss(1)) == ""


async def test_a_failing_engine_is_a_provider_error():
    with pytest.raises(ProviderError, match=r"local transcription: broken \(RuntimeError: no memory\)") as failed:
        await LocalRecogniser(Engine(error=RuntimeError("no memory"))).transcribe(hiss(1))
    assert failed.value.fault is Fault.BROKEN


async def test_cancelled_it_returns_at_once_and_its_thread_ends_soon():
    recogniser = LocalRecogniser(Engine(stuck=True))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recogniser.transcribe, hiss(1))
        while not recogniser._limiter.borrowed_tokens:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    with trio.fail_after(5):  # the engine would go on for 20 s
        while recogniser._limiter.borrowed_tokens:
            await trio.lowlevel.checkpoint()


async def test_a_cancelled_transcription_leaves_the_next_one_unharmed(recogniser, say):
    yes = await trio.to_thread.run_sync(say, "Yes.")
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recogniser.transcribe, yes)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    with trio.fail_after(10):
        assert words(await recogniser.transcribe(yes)) == ["yes"]


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_can_be_stopped_while_it_works(name):
    engine = load_recogniser(name)._engine

    def stop():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        engine.transcribe(np.zeros(2 * RATE, np.float32), stop)


@pytest.mark.parametrize("seconds", [0, 1, LONGEST_S, LONGEST_S + 0.01, 31, 120])
def test_long_sound_is_cut_into_bounded_pieces_without_losing_a_sample(seconds):
    sound = np.random.default_rng(6).normal(size=int(seconds * RATE)).astype(np.float32)
    cut = list(pieces(sound))
    assert np.array_equal(np.concatenate(cut), sound)
    assert max(map(len, cut)) <= LONGEST_S * RATE


def test_long_sound_is_cut_where_it_is_quiet():
    sound = np.ones(20 * RATE, np.float32)
    sound[12 * RATE : 12 * RATE + RATE // 5] = 0
    first, _ = pieces(sound)
    assert 12 * RATE <= len(first) <= 12 * RATE + RATE // 5


def test_the_first_engine_that_is_installed_is_taken(monkeypatch):
    assert load_recogniser("auto").name == ("local moonshine-tiny-en" if HAS_MOONSHINE else "local whisper-tiny.en")
    monkeypatch.setattr(moonshine, "locate", lambda: None)
    assert load_recogniser("auto").name == "local whisper-tiny.en"


@pytest.mark.parametrize(("engine", "said"), [
    ("auto", "no local speech recogniser is installed"),
    ("moonshine", "LOCAL_STT_ENGINE=moonshine, but it is not installed"),
    ("whisper", "LOCAL_STT_ENGINE=whisper, but it is not installed"),
])  # fmt: skip
def test_no_engine_is_a_configuration_fault_that_names_the_remedy(monkeypatch, engine, said):
    monkeypatch.setattr(local_stt.moonshine, "locate", lambda: None)
    monkeypatch.setattr(local_stt.whisper, "locate", lambda: None)
    with pytest.raises(ConfigError, match=f"{said}: install the `local` extra"):
        load_recogniser(engine)


@pytest.mark.parametrize("package", [moonshine, whisper])
def test_damaged_model_files_are_a_configuration_fault(tmp_path, package):
    for name in ("encoder_model.ort", "decoder_model_merged.ort", "model.bin", "config.json", "vocabulary.txt"):
        (tmp_path / name).write_bytes(b"{}")
    make = moonshine.Moonshine if package is moonshine else whisper.Whisper
    with pytest.raises(ConfigError, match="cannot be opened"):
        make(tmp_path)
