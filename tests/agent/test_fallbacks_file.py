"""The fallbacks file: what it says, and all that can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import Settings, load
from agent.errors import ConfigError
from agent.fallbacks_file import Fallbacks
from agent.providers.own_fallbacks import load_fallbacks, settings_for

EXAMPLE = """
[[llm]]
base_url = "https://llm.example.in/v1/"
key = "OTHER_API_KEY"
model = "llama-3.3-70b"

[[llm]]
provider = "local"

[[tts]]
base_url = "http://127.0.0.1:8880/v1"
model = "kokoro"
voice = "af_bella"

[[stt]]
base_url = "https://stt.example.in/v1"
key = "OTHER_API_KEY"
model = "whisper-large-v3"
"""


@pytest.fixture
def fallbacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTHER_API_KEY", "sk-other")
    monkeypatch.chdir(tmp_path)

    def made(text: str, **changes: object) -> tuple[Fallbacks, Settings]:
        path = tmp_path / "fallbacks.toml"
        path.write_text(text)
        settings = Settings(_env_file=None, FALLBACKS_FILE=path, OPENAI_API_KEY="sk-first", **changes)  # type: ignore[call-arg,arg-type]
        return load_fallbacks(settings), settings

    return made


@pytest.fixture
def faults(fallbacks):
    def found(text: str, **changes: object) -> str:
        with pytest.raises(ConfigError) as caught:
            fallbacks(text, **changes)
        return "\n".join(caught.value.faults)

    return found


def test_without_a_file_nobody_stands_by() -> None:
    assert load_fallbacks(Settings(_env_file=None)) == Fallbacks()  # type: ignore[call-arg]


def test_the_example_of_the_documentation(fallbacks) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "faults.md").read_text()
    assert EXAMPLE.strip() in page

    found, settings = fallbacks(EXAMPLE)

    assert [one.model for one in found.llm] == ["llama-3.3-70b", ""]
    assert [one.provider for one in found.llm] == ["openai", "local"]
    theirs = settings_for(settings, found.llm[0])
    assert theirs.OPENAI_API_KEY.get_secret_value() == "sk-other"
    assert (theirs.OPENAI_BASE_URL, theirs.OPENAI_LLM_MODEL) == ("https://llm.example.in/v1", "llama-3.3-70b")
    voice = settings_for(settings, found.tts[0])
    assert (voice.OPENAI_TTS_VOICE, voice.OPENAI_API_KEY.get_secret_value()) == ("af_bella", "")
    assert not voice.openai_itself


def test_a_key_may_stand_in_the_env_file(fallbacks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTHER_API_KEY")
    (tmp_path / ".env").write_text("OTHER_API_KEY=sk-from-file\n")

    found, _ = fallbacks(EXAMPLE)

    assert found.stt[0].secret == "sk-from-file"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[llm", "is not TOML"),
        ("llm = 3", "llm is not known here"),
        ("[llm]\nmodel='x'", "write [[stt]], [[llm]] and [[tts]] tables"),
        ("[[asr]]\nmodel='x'", "asr is not known here"),
        ("[[llm]]\nmodel='x'", "base_url is missing"),
        ("[[llm]]\nbase_url='https://x.in/v1'", "model is missing"),
        ("[[llm]]\nbase_url='ftp://x.in'\nmodel='x'", "base_url must be a URL"),
        ("[[llm]]\nbase_url='http://[::1'\nmodel='x'", "base_url must be a URL"),
        ("[[llm]]\nbase_url='http://x.in:x/v1'\nmodel='x'", "base_url must be a URL"),
        ("[[llm]]\nbase_url='http://x .in/v1'\nmodel='x'", "base_url must be a URL"),
        ("a = " + "[" * 100_000, "is not TOML"),
        ("[[llm]]\nbase_url='https://me:word@x.in/v1'\nmodel='x'", "without a query or a user"),
        ("[[llm]]\nbase_url='https://x.in/v1'\nmodel='x'\nvoice='y'", "voice is not known; known are"),
        ("[[stt]]\nbase_url='https://x.in/v1'\nmodel='x'\napi='chat'", "api is not known; known are"),
        ("[[llm]]\nbase_url='https://x.in/v1'\nmodel='x'\nsecret='sk-1'", "secret is not known"),
        ("[[llm]]\nbase_url='https://x.in/v1'\nmodel='x'\nkey='NOT_SET'", "NOT_SET is not set"),
        ("[[llm]]\nbase_url='https://x.in/v1'\nmodel='x'\nkey='sk-abc-def'", "must be the name of an environment"),
        ("[[llm]]\nbase_url='https://x.in/v1'\nmodel=7", "Expected `str`, got `int`"),
        ("[[llm]]\nprovider='groq'\nmodel='x'", "Invalid enum value"),
        ("[[tts]]\nprovider='local'\nvoice='x'", "a local provider has none"),
        ("[[llm]]\nprovider='local'\n" * 6, "5 are the most"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(faults, text: str, says: str) -> None:
    found = faults(text)

    assert says in found
    assert "FALLBACKS_FILE" in found
    assert "sk-" not in found.replace("sk-first", "")


def test_everything_wrong_is_told_at_once(faults) -> None:
    found = faults("[[llm]]\nmodel='x'\n[[tts]]\nbase_url='https://x.in/v1'\n[[stt]]\nbase_url=1\n")

    assert len(found.splitlines()) == 3


def test_a_hedge_needs_somebody_to_ask(faults, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "LLM_HEDGE_S" in faults("[[stt]]\nprovider='local'", LLM_HEDGE_S=1)
    with pytest.raises(ConfigError, match="LLM_HEDGE_S asks a second language model"):
        load(_env_file=None, LLM_HEDGE_S=1)
    with pytest.raises(ConfigError, match="must be at least 1 s less than LLM_TIMEOUT_S"):
        load(_env_file=None, LLM_HEDGE_S=4.5, LLM_TIMEOUT_S=5)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        load(_env_file=None, FALLBACKS_FILE="nowhere.toml")
