"""The local voice speaks promptly, always the same, and stumbles over nothing."""

import threading

import numpy as np
import pytest
import trio

from agent.errors import ConfigError, Fault, ProviderError
from agent.providers import local_tts
from agent.providers.local_tts import AFTER_MS, BEFORE_MS, LONGEST, RATE, LocalVoice, load_voice, pieces, trimmed


@pytest.fixture(scope="module")
def voice():
    return load_voice()


async def spoken(voice, text):
    chunks = []

    async def keep(chunk):
        chunks.append(chunk)

    await voice.synthesise(text, keep)
    return chunks


def samples(chunks):
    return np.frombuffer(b"".join(chunks), "<i2") / 32768


async def test_a_sentence_is_spoken_at_telephone_loudness(voice):
    sound = samples(await spoken(voice, "We have two and three bedroom flats in Whitefield."))
    assert 2.0 < len(sound) / RATE < 4.5
    frames = np.sqrt((sound[: len(sound) // 480 * 480].reshape(-1, 480) ** 2).mean(axis=1))
    active = frames[frames > frames.max() / 10]
    assert -30 < 20 * np.log10(np.sqrt(np.mean(active**2))) < -18
    assert np.abs(sound).max() < 1


async def test_silence_around_it_is_short(voice):
    loud = np.abs(samples(await spoken(voice, "How can I help?")))
    audible = np.flatnonzero(loud > 0.03 * loud.max())
    assert audible[0] <= BEFORE_MS * RATE / 1000 + 1
    assert len(loud) - audible[-1] <= AFTER_MS * RATE / 1000 + 1
    assert loud[0] == loud[-1] == 0


async def test_the_same_text_gives_the_same_bytes(voice):
    assert await spoken(voice, "Hello there.") == await spoken(voice, "Hello there.")


async def test_chunks_are_whole_samples_of_200_ms_at_most(voice):
    chunks = await spoken(voice, "How can I help you today?")
    assert len(chunks) > 3
    assert all(0 < len(chunk) <= RATE // 5 * 2 and len(chunk) % 2 == 0 for chunk in chunks)


async def test_a_very_long_text_begins_after_its_first_piece(voice):
    """The first sound leaves while most of the text has not been looked at by the engine."""
    asked = []

    class Counting:
        split_sentences = staticmethod(voice._engine.split_sentences)

        def __call__(self, text, *, seed):
            asked.append(text)
            return voice._engine(text, seed=seed)

    heard = []

    async def first_only(chunk):
        heard.append(chunk)
        scope.cancel()
        await trio.lowlevel.checkpoint()

    with trio.CancelScope() as scope:
        await LocalVoice(Counting(), "counting").synthesise("a flat with a garden and " * 200, first_only)
    assert len(heard) == len(asked) == 1
    assert len(asked[0]) <= LONGEST


async def test_sentences_of_one_text_are_set_apart_by_a_pause(voice):
    loud = np.abs(samples(await spoken(voice, "Yes. No.")))
    audible = np.flatnonzero(loud > 0.03 * loud.max())
    assert 0.25 < np.diff(audible).max() / RATE < 0.4


@pytest.mark.parametrize("text", ["", " ", "\n\n", "?", "...", "—", "😀", "\x00\x07", "\u200b\u202e", "*", "\ud800"])
async def test_what_has_no_words_is_not_spoken(voice, text):
    sound = samples(await spoken(voice, text))
    assert len(sound) / RATE < 0.8


async def test_empty_text_asks_nobody():
    def engine(text, *, seed):
        raise AssertionError("asked")

    engine.split_sentences = lambda text: [text] if text.strip() else []
    assert await spoken(LocalVoice(engine, "none"), "") == []


@pytest.mark.parametrize("text", [
    "₹80 lakhs", "Hello 😀 there", "नमस्ते, 2 BHK", "<b>bold</b> & *stars*", "a\x00b", "Ré café Ⅷ ½ ² ٣",
    "[x](/y/) [a](b)", "9" * 400, "1," * 60 + "1", "٣" * 50, "www.example.in/a?b=1&c=2", "a" * 1000, "x-" * 100,
    "Mr.", "3.", "-5°C", "'" * 40,
])  # fmt: skip
async def test_unusual_characters_are_spoken_or_left_out_but_never_fail(voice, text):
    assert len(samples(await spoken(voice, text))) > 0


async def test_a_text_in_another_script_is_refused_rather_than_swallowed(voice):
    with pytest.raises(ProviderError, match="no sound for this text") as failed:
        await spoken(voice, "नमस्ते जी")
    assert failed.value.fault is Fault.REFUSED


async def test_a_failing_engine_is_a_provider_error():
    def engine(text, *, seed):
        raise IndexError("list index out of range")

    engine.split_sentences = lambda text: [text]
    with pytest.raises(ProviderError, match="local speech: broken") as failed:
        await spoken(LocalVoice(engine, "broken"), "Hello.")
    assert failed.value.fault is Fault.BROKEN


async def test_cancelled_it_returns_at_once_and_its_thread_ends_unheard():
    go_on = threading.Event()

    def engine(text, *, seed):
        assert go_on.wait(20)
        return np.ones(RATE, np.float32)

    engine.split_sentences = lambda text: [text]
    voice = LocalVoice(engine, "slow")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spoken, voice, "Hello.")
        while not voice._limiter.borrowed_tokens:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert voice._limiter.borrowed_tokens == 1
    go_on.set()
    with trio.fail_after(5):
        while voice._limiter.borrowed_tokens:
            await trio.lowlevel.checkpoint()


async def test_many_at_once_sound_like_one_after_the_other(voice):
    texts = ["Yes.", "Koramangala and Indiranagar.", "It is 98450.", "Dr. Rao, at 5:30 pm."]
    alone = [await spoken(voice, text) for text in texts]
    together = [[]] * 12

    async def one(at):
        together[at] = await spoken(voice, texts[at % 4])

    async with trio.open_nursery() as nursery:
        for at in range(12):
            nursery.start_soon(one, at)
    assert together == alone * 3


@pytest.mark.parametrize(
    "text", ["a" * 1000, "word " * 300, "one clause, " * 100, "Short. " * 50, "x" * 160, "x" * 161]
)
def test_pieces_are_short_and_together_the_whole_text(voice, text):
    cut = list(pieces(text, voice._engine))
    assert max(map(len, cut)) <= LONGEST
    assert "".join("".join(cut).split()) == "".join(text.split())


def test_pieces_end_with_sentences_and_clauses_where_they_can(voice):
    clause = "a flat with a garden and a view of the lake"
    cut = list(pieces(f"Dr. Rao called. We have {clause}, {clause}, {clause}, and {clause}.", voice._engine))
    assert cut[0] == "Dr. Rao called."
    assert cut[1].endswith("lake,")


def test_a_phone_number_is_read_digit_by_digit(voice):
    assert list(pieces("Call 9845012345 for 1,00,00,000.", voice._engine)) == [
        "Call 9 8 4 5 0 1 2 3 4 5 for 1,00,00,000."
    ]


def test_trimming_silence_leaves_nothing_and_a_click_at_the_edge_survives():
    assert trimmed(np.zeros(0, np.float32)) == b""
    assert trimmed(np.full(24000, 0.001, np.float32)) == b""
    edge = np.zeros(100, np.float32)
    edge[0] = 1.0
    assert len(trimmed(edge)) == 200


def test_a_missing_voice_is_a_configuration_fault_that_names_the_remedy(monkeypatch):
    monkeypatch.setattr(local_tts, "find", lambda *_: None)
    with pytest.raises(ConfigError, match="no local voice is installed: install the `local` extra"):
        load_voice()
