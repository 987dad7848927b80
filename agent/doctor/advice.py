"""What to do about a provider that fails: its fault and the settings in, a sentence out."""

from __future__ import annotations

import re

from agent.config import Settings
from agent.doctor.retirement import announced
from agent.doctor.uses import Port, Use, models_in_use
from agent.errors import Fault


def what_to_do(port: Port, name: str, fault: Fault, detail: str, settings: Settings) -> str:
    """For a person who can change the environment. `name` is the provider's own, with its model; `detail` as of a
    ProviderError, which begins with the HTTP status where there was one."""
    if settings.provider(port)[0] != "openai":
        return "Install the `local` extra again, or choose another provider."
    match fault:
        case Fault.REFUSED:
            return _refused(port, name, detail, settings)
        case Fault.UNREACHABLE:
            return "Check OPENAI_BASE_URL, the network and HTTPS_PROXY from this machine."
        case Fault.TIMEOUT:
            return f"Calls give up so too ({port}_TIMEOUT_S): try again, choose a quicker model, or a nearer server."
        case Fault.BUSY:
            return "The rate or the quota is used up: raise the limit, or see to the account's billing."
        case Fault.BROKEN:
            return "The fault is the server's: try again, see its status page, and that it serves this API."


def _refused(port: Port, name: str, detail: str, settings: Settings) -> str:
    if detail.startswith(("401", "403")):
        return "Check OPENAI_API_KEY, and what it is allowed to do."
    use = _use(port, name, settings)
    if use is None:
        return f"Check {port}_PROVIDER and its model."
    known = announced(use.model)
    if known is not None and known.instead and re.match("400|404|410", detail):
        return f"{use.setting}={use.model} ends on {known.last_day}, as announced. Use {known.instead}."
    return f"Set {use.setting} to a model that this server has for {port}: {use.model} is not, or cannot do it."


def _use(port: Port, name: str, settings: Settings) -> Use | None:
    """The model that the provider names as its own."""
    uses = [use for use in models_in_use(settings) if use.port == port]
    return next((use for use in uses if use.model in name.split()), uses[-1] if uses else None)
