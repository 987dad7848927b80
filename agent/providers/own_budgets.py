"""What may be spent: settings, BUDGETS_FILE and the price list in, caps and careful estimates out.

A cap without prices would be no cap: each model that a call may use must have one, or the start is refused.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.config import Settings
from agent.doctor.uses import Use, models_in_use
from agent.errors import ConfigError
from agent.fallbacks_file import Fallbacks
from agent.guard.budget import Campaign, Caps, Needs
from agent.guard.pot import MICRO
from agent.keep.estimate import BYTES_A_TOKEN, SPEECH_TOKENS_A_SECOND, spoken, spoken_s
from agent.keep.prices import Prices, cost, priced
from agent.keep.usage import Part, Usage
from agent.lines import Lines
from agent.model import CallInfo
from agent.providers.openai_llm import MAX_TOKENS
from agent.providers.realtime_requests import MOST_OUTPUT, MOST_TOKENS

MOST = 1_000_000
"""US dollars of one cap."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

REPLY_CHARACTERS = 1200
"""Spoken in one turn, for the estimate: over a minute."""
TOOLS_TOKENS = 1000
"""Of the tools' descriptions, for the estimate."""
TOKENS_A_MINUTE = 300
"""Of talk in a transcript, both sides, for the estimate."""


Others = Mapping[Part, tuple[str, ...]]
"""Models that stand by, for each part."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    campaign: dict[str, dict[str, Any]] = {}


class Budgeting(msgspec.Struct, frozen=True):
    """All of it."""

    caps: Caps
    needs: Needs

    @property
    def wanted(self) -> bool:
        """Whether there is any cap."""
        return self.caps != Caps()


def load_budgets(
    settings: Settings, prices: Prices | None, lines: Lines | None, fallbacks: Fallbacks | None = None
) -> Budgeting:
    """Without prices or lines, as these have faults of their own, only what needs neither is looked at. Raises
    ConfigError with every fault found."""
    others = _others(fallbacks or Fallbacks())
    campaigns = _campaigns(settings)
    caps = Caps(_micros(settings.CALL_BUDGET), _micros(settings.DAY_BUDGET), campaigns)
    if caps == Caps() or prices is None or lines is None:
        return Budgeting(caps, Needs(0, 0))
    faults = tuple(_unpriced(settings, prices, others))
    if faults:
        raise ConfigError(faults)
    needs = _needs(settings, prices, lines, others)
    if too_small := tuple(_too_small(settings, caps, needs)):
        raise ConfigError(too_small)
    return Budgeting(caps, needs)


def _campaigns(settings: Settings) -> dict[str, Campaign]:
    path = settings.BUDGETS_FILE
    if path is None:
        return {}
    try:
        told = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).campaign
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError((f"BUDGETS_FILE: {path} cannot be used: {error}.",)) from None
    faults = []
    for name, campaign in told.items():
        where = f"BUDGETS_FILE: {path} [campaign.{name[:60]}]"
        if not NAME.fullmatch(name):
            faults.append(f"{where}: a name has up to 64 letters, digits, dots, hyphens and underscores.")
        if not campaign:
            faults.append(f"{where}: set day, total or call, in US dollars.")
        for key, value in campaign.items():
            if key not in Campaign.__struct_fields__:
                faults.append(f"{where}: {key[:60]} is not known; known are day, total and call.")
            elif isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MOST:
                faults.append(
                    f"{where}: {key} must be more than 0 and at most {MOST} dollars (given: {str(value)[:60]!r})."
                )
    if faults:
        raise ConfigError(tuple(faults))
    return {
        name: Campaign(**{key: _micros(value) for key, value in campaign.items()}) for name, campaign in told.items()
    }


def _unpriced(settings: Settings, prices: Prices, others: Others) -> Iterator[str]:
    setting = next(
        (name for name in ("DAY_BUDGET", "CALL_BUDGET") if getattr(settings, name) is not None), "BUDGETS_FILE"
    )
    where = f"PRICES_FILE {settings.PRICES_FILE}" if settings.PRICES_FILE else "the packaged price list"
    if not prices and not settings.PRICES_FILE:
        where = "any price list, as the packaged one counts at OpenAI itself only"
    standing_by = {model: f"{settings.FALLBACKS_FILE}: model" for models in others.values() for model in models}
    for model, used_by in (standing_by | {use.model: use.setting for use in _used(settings)}).items():
        if not priced(model, prices):
            yield (
                f'{setting}: {used_by}={model} has no price in {where}; add [models."{model}"] to a PRICES_FILE '
                "of your own (docs/records.md), or set no budget."
            )


def _used(settings: Settings) -> tuple[Use, ...]:
    found = models_in_use(settings)
    live = any(use.setting == "OPENAI_REALTIME_MODEL" for use in found)
    if live and settings.TTS_FALLBACK == "auto":
        found = (*found, Use("TTS", "OPENAI_TTS_MODEL", settings.OPENAI_TTS_MODEL))
    return found


def _needs(settings: Settings, prices: Prices, lines: Lines, others: Others) -> Needs:
    """See docs/money.md for the formula."""
    profile = lines.profile(CallInfo("", "", ""))
    system = math.ceil(len(profile.system.encode()) / BYTES_A_TOKEN) + TOOLS_TOKENS
    turn: list[Usage] = []
    call: list[Usage] = []
    itself = settings.PIPELINE == "realtime"
    for port, setting, model in ((use.port, use.setting, use.model) for use in _used(settings)):
        if setting == "OPENAI_REALTIME_MODEL" and itself:
            turn.append(Usage("llm", model, tokens_in=system, audio_in=MOST_TOKENS, audio_out=MOST_OUTPUT))
            call.append(_spoken(model, profile.greeting + profile.goodbye + profile.notice))
        elif port == "LLM" and not itself:
            turn.append(Usage("llm", model, tokens_in=system + settings.HISTORY_TOKENS, tokens_out=MAX_TOKENS))
        elif port == "STT" and (settings.hears_live or itself) is (setting == "OPENAI_STT_LIVE_MODEL"):
            call.append(Usage("stt", model, seconds=settings.MAX_UTTERANCE_S))
            turn.append(Usage("stt", model, seconds=settings.MAX_UTTERANCE_S))
        elif port == "TTS" and not itself and not (settings.speaks_live and setting == "OPENAI_TTS_MODEL"):
            turn.append(_spoken(model, "x" * REPLY_CHARACTERS))
            call.append(_spoken(model, profile.greeting + profile.goodbye + profile.notice))
        if port == "LLM" and setting == "OPENAI_LLM_MODEL":
            talk = int(settings.CALL_MAX_MINUTES * TOKENS_A_MINUTE)
            call.append(Usage("summary", model, tokens_in=talk + TOOLS_TOKENS, tokens_out=MAX_TOKENS))
    both = settings.LLM_HEDGE_S is not None
    return Needs(*(sum(_dearest(each, prices, others, both=both) for each in used) for used in (call, turn)))


def _others(fallbacks: Fallbacks) -> Others:
    """What runs on this machine costs nothing."""
    stt, llm, tts = (
        tuple(each.model for each in port if each.provider != "local")
        for port in (fallbacks.stt, fallbacks.llm, fallbacks.tts)
    )
    return {"llm": llm, "summary": llm, "stt": stt, "tts": tts}


def _dearest(used: Usage, prices: Prices, others: Others, *, both: bool) -> int:
    """By whoever may do it; `both`: two language models may be asked at the same time."""
    costs = [_estimate(msgspec.structs.replace(used, model=model), prices) for model in others[used.part]]
    own = _estimate(used, prices)
    return own + max(costs, default=0) if both and used.part == "llm" else max(own, *costs, 0)


def _spoken(model: str, text: str) -> Usage:
    return Usage("tts", model, **spoken(text, spoken_s(text)))  # type: ignore[arg-type]  # amounts, by their names


def _estimate(used: Usage, prices: Prices) -> int:
    """As its model is priced; what has a price for part of it only is estimated by that part."""
    return math.ceil((cost([used], prices) or _by_parts(used, prices)) * MICRO)


def _by_parts(used: Usage, prices: Prices) -> float:
    """One that counts otherwise, such as ears that are paid by the token."""
    heard = math.ceil(used.seconds * SPEECH_TOKENS_A_SECOND)
    others = (
        Usage(used.part, used.model, audio_in=heard),
        Usage(used.part, used.model, tokens_in=used.tokens_in + heard, tokens_out=used.tokens_out + heard),
        Usage(used.part, used.model, tokens_in=used.tokens_in + used.audio_in, tokens_out=used.audio_out),
    )
    return next((found for each in others if (found := cost([each], prices)) is not None), 0.0)


def _too_small(settings: Settings, caps: Caps, needs: Needs) -> Iterator[str]:
    least = needs.call + needs.turn
    named = {"CALL_BUDGET": caps.call, "DAY_BUDGET": caps.day} | {
        f"BUDGETS_FILE: {settings.BUDGETS_FILE} [campaign.{name}] {key}": getattr(campaign, key)
        for name, campaign in caps.campaigns.items()
        for key in ("day", "total", "call")
    }
    for name, cap in named.items():
        if cap is not None and cap < least:
            yield (
                f"{name} (${cap / MICRO:g}) does not suffice for one turn: with these models and limits one call of "
                f"one turn is put by with ${least / MICRO:.4f} (docs/money.md)."
            )


def _micros(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * MICRO)
