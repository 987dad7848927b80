"""The carrier asked about our account and number: settings in, checks out. One request, which changes nothing."""

from __future__ import annotations

import httpx2
import trio

from agent.config import Settings
from agent.doctor import telephone
from agent.doctor.check import Check
from agent.errors import CarrierError


async def account(settings: Settings, http: httpx2.AsyncClient) -> list[Check]:
    """Raises nothing; takes TWILIO_API_TIMEOUT_S at most."""
    if not (settings.TWILIO_ACCOUNT_SID and all(settings.twilio_user)):
        return [Check(telephone.ACCOUNT, "unknown", "TWILIO_ACCOUNT_SID and its credentials are not set")]
    from agent.providers.twilio_rest import TwilioRest

    rest = await trio.to_thread.run_sync(TwilioRest, settings, http)  # its import blocks
    try:
        found = await rest.numbers(settings.TWILIO_CALLER_ID)
    except CarrierError as error:
        return [telephone.refused(settings, error)]
    return telephone.numbers(settings, found)
