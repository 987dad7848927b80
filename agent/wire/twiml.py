"""What we tell Twilio to do with a call: plain values in, a TwiML document out.

Texts and addresses may come from a caller: the library's XML writer escapes them, and characters that XML 1.0 cannot
hold are dropped here. Nothing stands before the XML declaration (Twilio error 12100).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from twilio.twiml.voice_response import VoiceResponse  # type: ignore[import-untyped]  # the library ships no types

MEDIA_TYPE = "text/xml"

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Everything outside <https://www.w3.org/TR/xml/#charsets>."""

_SAY_LIMIT = 4096
"""Characters Twilio takes in one <Say>."""


def connect(
    *,
    stream_url: str,
    action_url: str,
    status_url: str,
    parameters: Mapping[str, str],
    say: str = "",
    voice: str = "",
    language: str = "",
    pause_s: int = 0,
) -> str:
    """Say a word (nothing where it is blank), then open a media stream; when that has ended, ask `action_url`.

    It stands there twice: what Twilio does where a stream ends badly is not documented, and the next verb, if that is
    what it goes on with, leads to the same answer. `pause_s`: silence before all that.
    """
    response = VoiceResponse()
    if pause_s:
        response.pause(length=pause_s)
    _say(response, say, voice, language)
    stream = response.connect(action=_clean(action_url), method="POST").stream(
        url=_clean(stream_url), status_callback=_clean(status_url), status_callback_method="POST"
    )
    for name, value in parameters.items():
        stream.parameter(name=_clean(name), value=_clean(value))
    response.redirect(_clean(action_url), method="POST")
    return str(response.to_xml())


def ask_again(url: str, pause_s: int) -> str:
    """Wait, then ask there. A call that is not answered yet goes on ringing meanwhile."""
    response = VoiceResponse()
    response.pause(length=pause_s)
    response.redirect(_clean(url), method="POST")
    return str(response.to_xml())


def after() -> str:
    """The stream has ended, and so does the call."""
    response = VoiceResponse()
    response.hangup()
    return str(response.to_xml())


def dial(
    to: str,
    *,
    action_url: str,
    caller_id: str = "",
    ring_s: int = 30,
    say: str = "",
    voice: str = "",
    language: str = "",
) -> str:
    """Say a word (nothing where it is blank) and pass the call on to a number or a SIP address; when that is over, or
    nobody answers, ask `action_url`.

    A colleague's telephone shows `caller_id`, a number of the account: many carriers refuse a call that shows somebody
    else's number, and a caller may have withheld theirs (Twilio error 13214). Where it is empty, Twilio shows the
    caller's; so it does to a SIP address, where nobody in between has a say.
    """
    response = VoiceResponse()
    _say(response, say, voice, language)
    is_sip = to.startswith(("sip:", "sips:"))
    passed_on = response.dial(
        action=_clean(action_url),
        method="POST",
        timeout=ring_s,
        caller_id=None if is_sip else _clean(caller_id) or None,
    )
    if is_sip:
        passed_on.sip(_clean(to))
    else:
        passed_on.number(_clean(to))
    return str(response.to_xml())


def parting(text: str, *, voice: str = "", language: str = "") -> str:
    """A last word, and the call ends."""
    response = VoiceResponse()
    _say(response, text, voice, language)
    response.hangup()
    return str(response.to_xml())


def busy(text: str = "", *, voice: str = "", language: str = "") -> str:
    """Turn a call away: with a spoken word, or, where there is none, unanswered and unbilled with a busy tone."""
    if _clean(text).strip():
        return parting(text, voice=voice, language=language)
    response = VoiceResponse()
    response.reject(reason="busy")
    return str(response.to_xml())


def enqueue(queue: str, *, action_url: str, say: str = "", voice: str = "", language: str = "") -> str:
    """Say a word (nothing where it is blank) and have the call wait in a queue, to the carrier's own music, for whoever
    takes calls out of it; when that is over, or the queue is full, ask `action_url`."""
    response = VoiceResponse()
    _say(response, say, voice, language)
    response.enqueue(_clean(queue), action=_clean(action_url), method="POST")
    return str(response.to_xml())


def _say(response: VoiceResponse, text: str, voice: str, language: str) -> None:
    if _clean(text).strip():
        response.say(_clean(text)[:_SAY_LIMIT], voice=_clean(voice) or None, language=_clean(language) or None)


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
