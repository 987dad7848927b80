"""Whether the carrier sends our number's calls to us, and lets us call: what it says of the number in, checks out."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from agent.config import Settings
from agent.doctor.check import Check
from agent.errors import CarrierError, CarrierFault
from agent.wire.carrier import CarrierNumber

VOICE, TOLD = "/twilio/voice", "/twilio/call-status"
NAME, ACCOUNT = "telephone number", "Twilio account"


def numbers(settings: Settings, found: Sequence[CarrierNumber]) -> list[Check]:
    """Of an account that let us ask: what of TWILIO_CALLER_ID is not as it must be."""
    right = Check(ACCOUNT, "fine", f"{settings.TWILIO_ACCOUNT_SID} takes our credentials")
    wanted = settings.TWILIO_CALLER_ID
    if not wanted:
        return [right, Check(NAME, "unknown", "TWILIO_CALLER_ID is not set")]
    number = next((each for each in found if each.number == wanted), None)
    if number is None:
        says = f"{wanted} is not a number of the account: it can at most be shown to whom we call"
        return [right, Check(NAME, "warning", says, "Set TWILIO_CALLER_ID to a number that was bought there.")]
    if not settings.PUBLIC_URL:
        return [right, Check(NAME, "unknown", f"{wanted} calls {number.voice_url or 'nobody'}; PUBLIC_URL is not set")]
    wrong = [*_wrong(number, settings.PUBLIC_URL)]
    return [right, *(wrong or [Check(NAME, "fine", f"{wanted} sends its calls and their ends to us")])]


def _wrong(number: CarrierNumber, base: str) -> list[Check]:
    voice, told = base + VOICE, base + TOLD
    if not _same(number.voice_url, voice):
        says = f"{number.number} calls {number.voice_url or 'nobody'}, and not {voice}"
        return [Check(NAME, "failure", says, f"Set the number's voice webhook to {voice}, method POST.")]
    if number.voice_method.upper() != "POST":
        says = f"{number.number} calls us with {number.voice_method or 'no method'}"
        return [Check(NAME, "failure", says, "Set the method of the number's voice webhook to POST.")]
    found = []
    if not _same(number.status_url, told):
        says = f"{number.number} does not tell us when a call is over"
        found.append(Check(NAME, "warning", says, f"Set the number's call status changes to {told}."))
    if not number.fallback_url:
        says = f"{number.number} has nowhere to go where a process does not take the call"
        do = f"Set the number's fallback to {voice} as well: it is asked again, and another process answers."
        found.append(Check(NAME, "warning", says, do))
    return found


def _same(given: str, ours: str) -> bool:
    """Whether an address leads there. It may name a line (`?line=`) and the carrier's own wishes (`#rc=2`)."""
    one, other = urlsplit(given), urlsplit(ours)
    return (one.scheme.lower(), one.hostname, one.port, one.path) == (
        *(other.scheme.lower(), other.hostname, other.port, other.path),
    )


def refused(settings: Settings, error: CarrierError) -> Check:
    """An account that could not be asked."""
    if error.fault is CarrierFault.REFUSED:
        pair = "TWILIO_API_KEY and TWILIO_API_SECRET" if settings.TWILIO_API_KEY else "TWILIO_AUTH_TOKEN"
        return Check(ACCOUNT, "failure", error.detail, f"Check TWILIO_ACCOUNT_SID and {pair}.")
    if error.fault is CarrierFault.BUSY:
        return Check(ACCOUNT, "unknown", error.detail, "Ask again in a minute.")
    do = (
        "Check the network and HTTPS_PROXY from this machine, TWILIO_API_URL where it is set, and Twilio's status page."
    )
    return Check(ACCOUNT, "failure", f"the REST API does not answer: {error.detail}", do)
