"""Where a rehearsal goes for the addresses a server hands out."""

from __future__ import annotations

import pytest

from agent.rehearsal.reach import public, reached, status_url, voice_url, with_line


def test_the_voice_webhook_of_a_server_or_the_one_given() -> None:
    assert voice_url("http://127.0.0.1:3000") == "http://127.0.0.1:3000/twilio/voice"
    assert voice_url("http://127.0.0.1:3000/") == "http://127.0.0.1:3000/twilio/voice"
    assert voice_url("https://h/my/answer?x=1") == "https://h/my/answer?x=1"
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
    assert public("http://127.0.0.1:3000/twilio/voice", "https://voice.example.in") == (
        "https://voice.example.in/twilio/voice"
    )
    assert public("http://127.0.0.1:3000/twilio/voice", "") == "http://127.0.0.1:3000/twilio/voice"


def test_a_line_joins_the_webhooks_query() -> None:
    assert with_line("http://h/twilio/voice", "a&b") == "http://h/twilio/voice?line=a%26b"
    assert with_line("http://h/twilio/voice?x=1", "a") == "http://h/twilio/voice?x=1&line=a"
