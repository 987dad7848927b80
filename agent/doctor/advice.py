"""What to do about a provider that fails: its fault and the settings in, a sentence out."""

from __future__ import annotations

import re

from agent.config import Settings
from agent.doctor.retirement import announced
from agent.doctor.uses import TITLES, Port, Use, is_openai, models_in_use
from agent.errors import Fault

OVER_SOCKETS = {"OPENAI_STT_LIVE_MODEL", "OPENAI_REALTIME_MODEL"}
"""Settings of models that are reached without HTTPS_PROXY."""


def what_to_do(port: Port, name: str, fault: Fault, detail: str, settings: Settings) -> str:
    """For a person who can change the environment. `name` is the provider's own, with its model; `detail` as of a
    ProviderError, which begins with the HTTP status where there was one."""
    if not is_openai(name):
        return "Install the `local` extra again, or choose another provider."
    match fault:
        case Fault.REFUSED:
            return _refused(port, name, detail, settings)
        case Fault.UNREACHABLE:
            use = _use(port, name, settings)
            proxy = "the network" if use is not None and use.setting in OVER_SOCKETS else "the network and HTTPS_PROXY"
            return f"Check OPENAI_BASE_URL, and {proxy} from this machine."
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
    advice = f"Set {use.setting} to a model that this server has for {TITLES[port]}."
    known = announced(use.model)
    if known is not None and re.search("^(?:400|404|410)|model_not_found", detail):
        advice += f" OpenAI shuts {use.model} down on {known.last_day}: instead, {known.instead}."
    return advice


def misheard(name: str, settings: Settings) -> str:
    """The recogniser answers, with other words than were said."""
    if settings.provider("STT")[0] == "openai":
        use = _use("STT", name, settings)
        setting = use.setting if use else "STT_PROVIDER"
        return f"Set {setting} to a model that hears telephone speech and knows English."
    return "Set LOCAL_STT_ENGINE to the other engine, or STT_PROVIDER to another provider."


def reworded() -> str:
    """A realtime model says other words than it was asked to."""
    return "Set OPENAI_REALTIME_MODEL to a model that keeps to a text: callers hear TTS_FALLBACK instead."


def too_slow(settings: Settings) -> str:
    """The voice takes longer to make a sound than the sound lasts."""
    if settings.provider("TTS")[0] == "openai":
        setting = "OPENAI_REALTIME_MODEL" if settings.speaks_live else "OPENAI_TTS_MODEL"
        return f"Choose a quicker voice ({setting}), or a server with more power."
    return "This machine is too slow or too busy for a voice of its own: set TTS_PROVIDER to another provider."


def _use(port: Port, name: str, settings: Settings) -> Use | None:
    """The model that the provider names as its own."""
    found = models_in_use(settings)
    uses = [use for use in found if use.port == port]
    # One model may serve every port.
    return next((use for use in (*uses, *found) if use.model in name.split()), uses[-1] if uses else None)
