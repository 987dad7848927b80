"""Lines: what the settings and the file say of a call."""

import re
from pathlib import Path

import pytest

from agent.config import Settings
from agent.errors import ConfigError
from agent.lines import load_lines
from agent.model import CallInfo

DOCS = Path(__file__).parents[2] / "docs" / "lines.md"

CLOUD = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}


def settings(**changes) -> Settings:
    return Settings(_env_file=None, **(CLOUD | changes))


def call(**told) -> CallInfo:
    return CallInfo("CA1", "AC1", "", **told)


@pytest.fixture
def lines(tmp_path):
    def load(text: str, **changes):
        (tmp_path / "lines.toml").write_text(text, encoding="utf-8")
        return load_lines(settings(LINES_FILE=tmp_path / "lines.toml", **changes))

    return load


@pytest.fixture
def faults(lines):
    def found(text: str, **changes) -> tuple[str, ...]:
        with pytest.raises(ConfigError) as caught:
            lines(text, **changes)
        return caught.value.faults

    return found


def test_without_a_file_there_is_one_line_with_the_names_filled_in():
    made = load_lines(
        settings(AGENT_NAME="Asha", COMPANY_NAME="Homes & Co", TRANSFER_TO="+918012345678", SAY_FIRST="Hi!")
    )

    profile = made.profile(call(called="+918045678900", line="nothing"))

    assert profile.greeting.startswith("Hello, this is Asha from Homes & Co.")
    assert profile.silence_prompts[0] == "Are you still there?"
    assert (profile.language, profile.voice, profile.transfer_to) == ("en-IN", "", "+918012345678")
    assert (profile.say_first, profile.say_voice, profile.say_language) == ("Hi!", "Polly.Raveena", "en-IN")
    assert profile.system == profile.template
    assert "You are Asha" in profile.system
    assert made.warnings == ()


def test_the_example_of_the_documentation(lines):
    (example,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)

    made = lines(example, TRANSFER_TO="+918000000000")

    assert made.warnings == ()
    sales, hindi = (made.profile(call(called=number)) for number in ("+918045678900", "+918045678902"))
    assert (sales.language, sales.transfer_to) == ("en-IN", "+919900112233")
    assert (hindi.language, hindi.voice, hindi.transfer_to) == ("hi-IN", "shimmer", "sip:hindi-desk@example.in")
    assert hindi.greeting.startswith("नमस्ते, मैं Premier Realty Group से काव्या बोल रही हूँ।")
    assert len(hindi.silence_prompts) == 2
    assert (hindi.say_first, hindi.say_voice, hindi.say_language) == ("नमस्ते!", "Polly.Aditi", "hi-IN")
    assert "held in Hindi" in hindi.system
    assert "अस्सी लाख" in hindi.system
    assert "held in" not in hindi.template
    assert made.profile(call(line="after-hours")).transfer_to == ""


def test_the_webhooks_word_comes_before_the_number_and_the_number_before_nothing(lines):
    made = lines(
        '[a]\nnumbers = ["+911234567"]\ngreeting = "A"\n[b]\nnumbers = ["sip:Desk@example.in"]\ngreeting = "B"'
    )

    assert made.profile(call(called="+911234567")).greeting == "A"
    assert made.profile(call(called="+911234567", line="b")).greeting == "B"
    assert made.profile(call(called="+911234567", line="c")).greeting == "A"
    assert made.profile(call(called="sip:desk@example.in")).greeting == "B"
    assert made.profile(call(called="+911234568")).greeting.startswith("Hello")
    assert made.profile(call(caller="+911234567", called="+9199", direction="outbound-api")).greeting == "A"
    assert made.profile(call(caller="+911234567", called="+9199")).greeting.startswith("Hello")
    assert [made.has(name) for name in ("a", "c", "")] == [True, False, False]


def test_a_call_may_have_a_language_and_a_voice_of_its_own(lines):
    made = lines('[a]\nlanguage = "hi-IN"\nvoice = "nova"\nsay_voice = "Polly.Aditi"')

    english = made.profile(call(line="a", language="en-IN", voice="marin"))
    tamil = made.profile(call(language="ta-IN"))

    assert (english.language, english.voice) == ("en-IN", "marin")
    assert english.system == english.template
    assert (english.say_voice, english.say_language) == ("Polly.Aditi", "hi-IN")
    assert (tamil.language, tamil.say_voice, tamil.say_language) == ("ta-IN", "Polly.Raveena", "en-IN")
    assert "held in Tamil" in tamil.system


def test_a_line_may_have_no_transfer_no_first_word_and_no_prompts(lines):
    made = lines('[a]\ntransfer_to = ""\nsay_first = ""\nsilence_prompts = []', TRANSFER_TO="+918000000000")
    profile = made.profile(call(line="a"))

    assert (profile.transfer_to, profile.say_first, profile.silence_prompts) == ("", "", ())


def test_a_lines_prompt_is_looked_for_beside_the_file(lines, tmp_path):
    (tmp_path / "own.txt").write_text("I am {agent}.")

    assert (
        lines('[a]\nsystem_prompt_file = "own.txt"\nagent_name = "Ravi"').profile(call(line="a")).system == "I am Ravi."
    )


def test_what_twilio_says_when_nobody_is_free_fits_its_voice(lines):
    made = lines(
        '[a]\nlanguage = "hi-IN"\nsay_voice = "Polly.Aditi"\n[b]\nlanguage = "hi-IN"\n[c]\nnobody_free = "{agent}?"'
    )

    assert made.profile(call(line="a")).nobody_free.startswith("माफ़ कीजिए")
    assert made.profile(call(line="b")).nobody_free.startswith("I am sorry")
    assert made.profile(call(line="c")).nobody_free == "Priya?"


def test_every_fault_of_a_file_is_told_at_once(faults, tmp_path):
    found = faults(
        """
        stray = 1
        [a]
        numbers = ["+911234567", "044 123", "+९१२३४५६७८"]
        color = "red"
        language = "Hindi"
        voice = "a voice"
        greeting = "Hello from {name}"
        goodbye = " "
        silence_prompts = ["", "Hi {Agent}"]
        notice = 7
        transfer_to = "sales"
        system_prompt_file = "gone.txt"
        say_voice = "<x>"
        [b]
        numbers = ["+911234567"]
        ["ü"]
        """,
        GREETING="{who}",
    )

    expected = [
        "GREETING contains {who}; only {agent} and {company} are known",
        "stray stands outside of a line",
        "[a]: color is not known; known are numbers, language,",
        "[a]: notice: Expected `str`, got `int`",
        "[a]: numbers: '044 123' is no number",
        "[a]: numbers: '+९१२३४५६७८' is no number",
        "[a]: language 'Hindi' is no language tag",
        "[a]: voice 'a voice'",
        "[a]: greeting contains {name}",
        "[a]: goodbye is empty",
        "[a]: silence_prompts: one of them is empty",
        "[a]: silence_prompts contains {Agent}",
        "[a]: transfer_to: 'sales' is no number",
        "[a]: say_voice '<x>'",
        f"[a]: system_prompt_file {tmp_path / 'gone.txt'} cannot be read",
        "[b]: the number +911234567 is that of [a] already",
        "[ü]: a line's name",
    ]
    assert [text for text in expected if not any(text in fault for fault in found)] == []
    assert len(found) == len(expected)


@pytest.mark.parametrize("text", ["[a", "[a]\n[a]", "x = \ud800"])
def test_a_file_that_is_no_toml(tmp_path, text):
    (tmp_path / "lines.toml").write_bytes(text.encode("utf-8", "surrogatepass"))

    with pytest.raises(ConfigError, match="is not TOML"):
        load_lines(settings(LINES_FILE=tmp_path / "lines.toml"))


def test_what_is_probably_not_meant_is_a_warning(lines):
    warnings = lines(
        '[a]\nlanguage = "hi-IN"\ngreeting = "नमस्ते"\nsay_first = "नमस्ते!"\n[b]\nlanguage = "en-GB"', OPENAI_BASE_URL=""
    ).warnings

    assert len(warnings) == 3
    assert "[a] speaks hi-IN, but lacks goodbye, silence_prompts, notice" in warnings[0]
    assert "[a] has say_first but no say_voice: Polly.Raveena says it, in en-IN" in warnings[1]
    assert "line [a] is hi-IN, but the local provider (STT, LLM, TTS) knows English only" in warnings[2]


def test_a_language_without_words_of_its_own_for_the_recordings_is_doubted(lines):
    warnings = lines('[a]\nlanguage = "ta-IN"\nmoment = "ஒரு நிமிடம்."\n[b]\nlanguage = "hi-IN"').warnings
    lacks = "[a] speaks ta-IN, but lacks still, trouble, connecting, lost, again, apology: these are said"
    assert any(lacks in w for w in warnings)
    assert not any("lacks moment" in w for w in warnings)


def test_that_a_call_is_recorded_is_said_in_the_lines_language(lines):
    text = """
        [hindi]
        language = "hi-IN"
        [tamil]
        language = "ta-IN"
        [own]
        record_notice = "{company} records this call."
        """
    found = lines(text, RECORD_CALLS=True)
    notice = {name: found.profile(call(line=name)).record_notice for name in ("", "hindi", "tamil", "own")}
    assert notice == {
        "": "This call is recorded.",
        "hindi": "यह कॉल रिकॉर्ड की जा रही है।",
        "tamil": "This call is recorded.",
        "own": "Premier Realty Group records this call.",
    }
    assert any("[tamil] speaks ta-IN, but lacks record_notice" in doubt for doubt in found.warnings)
    assert not any("record_notice" in doubt for doubt in lines(text).warnings)
    hindi = load_lines(settings(LANGUAGE="hi-IN", RECORD_NOTICE="रिकॉर्डिंग चालू है।"))
    assert hindi.profile(call()).record_notice == "रिकॉर्डिंग चालू है।"


def test_a_line_says_its_own_words_for_the_recordings(lines):
    made = lines('[a]\nmoment = "Just a second, {agent} is looking."', AGENT_NAME="Priya")
    assert made.profile(call(line="a")).phrases == {"moment": "Just a second, Priya is looking."}
    assert made.profile(call()).phrases == {}
