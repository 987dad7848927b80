"""Where a rehearsal goes for the addresses a server hands out."""

from __future__ import annotations

import pytest

from agent.rehearsal.reach import public, reached, status_url, voice_url, with_line


def test_the_voice_webhook_of_a_server_or_the_one_given() -> None:
    assert voice_url("http://127.0.0.1:3000") == "http://127.0.0.1:3000/twilio/voice"
    assert voice_url("http://127.0.0.1:3000/") == "http://127.0.0.1:3000/twilio/voice"
    assert voice_url("https://h/my/answer?x=1") == "https://h/my/answer?x=1"
    assert voice_url("https://h/agent/") == "https://h/agent/twilio/voice"
    assert status_url("https://h/twilio/voice?x=1") == "https://h/twilio/call-status"


@pytest.mark.parametrize("url", ["", "127.0.0.1:3000", "ftp://h", "http://", "http://h:port", "wss://h"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        voice_url(url)


def test_a_plain_base_takes_everything_to_itself() -> None:
    assert reached("wss://voice.example.in/twilio/media", "http://127.0.0.1:3000") == "ws://127.0.0.1:3000/twilio/media"
    assert reached("https://voice.example.in/after?x=1", "http://127.0.0.1:3000/v") == "http://127.0.0.1:3000/after?x=1"


def test_an_encrypted_base_goes_where_it_is_told() -> None:
    assert reached("wss://media.example.in/m", "https://voice.example.in") == "wss://media.example.in/m"


def test_the_public_form_of_an_address() -> None:
    here = "http://127.0.0.1:3000"
    assert public(voice_url(here), here, "https://voice.example.in") == "https://voice.example.in/twilio/voice"
    assert public(voice_url(here), here, "") == f"{here}/twilio/voice"
    assert public(f"{here}/my/answer", f"{here}/my/answer", "https://v.in") == "https://v.in/my/answer"


@pytest.mark.parametrize("base", ["http://h:1", "http://h:1/", "http://h:1/twilio/voice?line=a", "http://h:1/inner/"])
@pytest.mark.parametrize("outside", ["https://v.in", "https://v.in/agent", "https://v.in/agent/"])
def test_a_proxys_path_is_signed_and_gone_around(base: str, outside: str) -> None:
    """Or another one taken instead."""
    voice, inner = voice_url(base), "/inner" if "inner" in base else ""
    signed = public(voice, base, outside)
    assert signed.partition("?")[0] == f"{outside.rstrip('/')}/twilio/voice"
    assert reached(signed, base, outside) == voice
    assert reached(f"{outside.rstrip('/')}/twilio/media", base, outside) == f"http://h:1{inner}/twilio/media"


def test_another_path_is_not_the_proxys() -> None:
    assert reached("wss://v.in/agents/m", "http://h:1", "https://v.in/agent") == "ws://h:1/agents/m"


def test_a_line_joins_the_webhooks_query() -> None:
    assert with_line("http://h/twilio/voice", "a&b") == "http://h/twilio/voice?line=a%26b"
    assert with_line("http://h/twilio/voice?x=1", "a") == "http://h/twilio/voice?x=1&line=a"
