"""How long a model will be there: its name, what the server tells and a date in; days left and what to use then, out.

What the server tells comes first. The table counts at OpenAI itself, where it tells nothing: a compatible server may
call a model of its own by any name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

from agent.config import Settings
from agent.doctor.uses import Use, models_in_use

WARN_DAYS = 90
"""Before a model's last day: time to choose another, listen to it and roll it out."""

CHECKED = date(2026, 11, 22)
"""When the table was last compared with what OpenAI announces: see ops/adr/0007-openai-models.md."""

SPEAK = "OPENAI_TTS_API=realtime with OPENAI_REALTIME_MODEL=gpt-realtime-2.1-mini, or a server that speaks"


@dataclass(frozen=True, slots=True)
class Announcement:
    """The announced end of a family of models."""

    names: re.Pattern[str]
    last_day: date
    instead: str
    """Settings that go on working; "" where nothing is known."""


def _of(names: str, last_day: str, instead: str) -> Announcement:
    # A dated snapshot goes with its family.
    return Announcement(re.compile(rf"(?:{names})(?:-\d{{4}}-\d{{2}}-\d{{2}})?"), date.fromisoformat(last_day), instead)


ANNOUNCED = (
    _of(r"tts-1|tts-1-hd|gpt-4o-mini-tts", "2027-01-06", SPEAK),
    _of(
        r"whisper-1|gpt-4o-transcribe|gpt-4o-mini-transcribe|gpt-4o-transcribe-diarize",
        "2027-02-26",
        "gpt-transcribe (OPENAI_STT_LIVE_MODEL: gpt-live-transcribe)",
    ),
    _of(r"gpt-realtime", "2027-01-20", "gpt-realtime-2.1"),
    _of(r"gpt-realtime-mini", "2027-01-20", "gpt-realtime-2.1-mini"),
    _of(r"gpt-4o.*|gpt-4\.1.*", "2027-01-14", "gpt-6-luna"),
    _of(r"gpt-5|gpt-5-mini|gpt-5-nano|o3", "2026-12-11", "gpt-6.1-sol or gpt-6.1-terra"),
    _of(r"gpt-5\.1|gpt-5\.4-nano", "2027-04-01", "gpt-5.4-mini"),
)


class Outlook(msgspec.Struct, frozen=True):
    """How long one configured model will be there."""

    setting: str
    model: str
    state: Literal["fine", "warning", "failure"]
    says: str
    last_day: date | None = None
    days_left: int | None = None
    instead: str = ""


def announced(model: str) -> Announcement | None:
    """What the table has of a model; a fine-tuned one ends with the one it was made of."""
    base = model.split(":")[1] if model.startswith("ft:") and model.count(":") > 1 else model
    return next((one for one in ANNOUNCED if one.names.fullmatch(base)), None)


def outlook(
    use: Use, listed: Mapping[str, date | None] | None, today: date, *, fail_days: int, openai_itself: bool
) -> Outlook:
    """What becomes of one model. `listed` is the server's list, None where it could not be read. Missing from it is a
    failure at OpenAI, and a warning elsewhere, where lists are often not whole. A model fails within `fail_days`."""
    known = announced(use.model) if openai_itself else None
    told = listed.get(use.model) if listed is not None else None
    last_day = told or (known.last_day if known else None)
    instead = known.instead if known else _successor(use.model, told)
    source = "" if told else f", by the table of {CHECKED}"
    if listed is not None and use.model not in listed:
        gone = f" (announced for {last_day})" if last_day else ""
        says = f"not in the server's list of models: misspelt, not open to this key, or shut down{gone}"
        return Outlook(use.setting, use.model, "failure" if openai_itself else "warning", says, last_day, None, instead)
    if last_day is None:
        says = "in the server's list, without a last day" if listed is not None else "no last day is known"
        return Outlook(use.setting, use.model, "fine", says)
    left = (last_day - today).days
    when = f"shut down {_in_days(left)}, on {last_day}{source}"
    if left <= fail_days:
        return Outlook(use.setting, use.model, "failure", when, last_day, left, instead)
    return Outlook(use.setting, use.model, "warning" if left < WARN_DAYS else "fine", when, last_day, left, instead)


def ending_soon(settings: Settings, today: date) -> tuple[Outlook, ...]:
    """The configured models that the table gives less than WARN_DAYS: known at a start, without asking anybody."""
    if not settings.openai_itself:
        return ()
    outlooks = (outlook(use, None, today, fail_days=-1, openai_itself=True) for use in models_in_use(settings))
    return tuple(one for one in outlooks if one.state != "fine")


def _successor(model: str, told: date | None) -> str:
    """For a model whose end the server announces: what the table would have instead."""
    known = announced(model) if told else None
    return known.instead if known else ""


def _in_days(left: int) -> str:
    if left < 0:
        return f"{-left} day{'' if left == -1 else 's'} ago"
    return {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")
