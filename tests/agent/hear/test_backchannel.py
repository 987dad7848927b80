import pytest

from agent.hear.backchannel import judge
from agent.model import Utterance


@pytest.mark.parametrize(
    "text", ["mm-hm", "Mm hmm.", "haan", "Haan ji.", "ok", "okay, okay", "theek hai", "accha", "हाँ", "I see."]
)
def test_what_says_go_on_is_a_backchannel(text: str) -> None:
    assert judge(text, 500) == "backchannel"


@pytest.mark.parametrize(
    "text",
    [
        "stop",
        "No.",
        "wait",
        "what",
        "hello?",
        "one second",
        "I want a house",
        "okay but not there",
        "bye",
        "two",
        "Too.",
        "who is this",
        "excuse me",
        "ek minute",
        "suniye",
        "Madam!",
        "Is it ready",
        "tell me",
        "price",
        "Hindi",
    ],
)
@pytest.mark.parametrize("speech_ms", [250, 400, 500, 900])
def test_what_wants_the_floor_is_a_turn_at_any_length(text: str, speech_ms: float) -> None:
    assert judge(text, speech_ms) == "turn"


def test_a_place_is_a_turn_for_what_it_tells() -> None:
    for speech_ms in (350, 500, 700):
        assert judge("Whitefield", speech_ms, told=True) == "turn"
    assert judge("Whitefield", 350) == "turn"


@pytest.mark.parametrize(
    "text", ["Rico", "Recall", "Now him.", "Not him.", "Acminute.", "Eckman it", "Sunny a.", "Who is best?", "With us."]
)
def test_what_english_ears_make_of_an_interruption_is_none_of_a_backchannel(text: str) -> None:
    assert judge(text, 480) == "turn"


@pytest.mark.parametrize(
    "text",
    [
        *("The kai", "Big high", "The Kai.", "Be kind be kind.", "A car.", "It can.", "Hangjay", "Hundi", "The her."),
        *("Memhem", "Mumham", "Ew", "Hansi.", "Okay, sir.", "ji madam", "Accha, accha."),
    ],
)
def test_what_english_ears_make_of_a_backchannel_is_one_though_nobody_listed_it(text: str) -> None:
    assert judge(text, 480) == "backchannel"
    assert judge(text, 480, question_cut=True) == ("backchannel" if text == "Ew" else "turn")


def test_what_is_heard_as_a_word_that_stops_the_agent_stops_it_though_it_may_have_been_a_hum() -> None:
    for text in ("No.", "Hello.", "Sorry.", "Help."):
        assert judge(text, 250) == "turn"


def test_a_question_in_words_nobody_knows_is_no_hum() -> None:
    assert judge("Lorna?", 300) == "turn"


def test_an_assent_to_a_question_is_an_answer_and_a_hum_is_none() -> None:
    assert judge("yes", 300, question_cut=True) == "turn"
    assert judge("theek hai", 500, question_cut=True) == "turn"
    assert judge("mm-hm", 300, question_cut=True) == "backchannel"


@pytest.mark.parametrize("text", ["Mama.", "Hanji", '"Thick high".', "Take a", "At your.", "I care.", "T-K"])
def test_what_english_ears_make_of_hindi_is_known(text: str) -> None:
    assert judge(text, 600) == "backchannel"


def test_a_short_word_nobody_knows_is_a_hum_unless_it_tells_something_or_answers() -> None:
    assert judge("Lorna", 350) == "backchannel"
    assert judge("Lorna", 700) == "turn"
    assert judge("Rent.", 350, told=True) == "turn"
    assert judge("Anil.", 350, question_cut=True) == "turn"
    assert judge("गाड़ी", 350) == "turn"


def test_nothing_is_nothing_and_long_speech_is_a_turn() -> None:
    assert judge("", 300) == "nothing"
    assert judge("...", 300) == "nothing"
    assert judge("yes yes yes okay right right", 3000) == "turn"
    assert judge("theek hai, theek hai", 1600) == "backchannel"
    assert judge("The kai.", 1900) == "turn"


async def test_a_real_backchannel_at_two_pitches_as_the_real_recogniser_hears_it() -> None:
    """With the local voice and ears; a dozen of sayings at four paces are in ops/bench/backchannels.py."""
    pytest.importorskip("hibari")
    from agent.providers.local_stt import load_recogniser
    from agent.providers.local_tts import load_voice
    from agent.rehearsal.sound import from_pcm

    voice, ears, pcm = load_voice(), load_recogniser(), bytearray()

    async def emit(piece: bytes) -> None:
        pcm.extend(piece)

    await voice.synthesise("Theek hai.", emit)
    for pitch in (0.9, 1.06):
        sound = from_pcm(bytes(pcm), voice.rate * pitch)
        text = await ears.transcribe(Utterance(b"\xff" * 2400 + sound + b"\xff" * 1600, 0, 800), "en-IN")
        assert judge(text, len(sound) / 8) == "backchannel", text
