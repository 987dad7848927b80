"""A recording's first line as what a call is made of. What it does not tell is as it is by default: neither this
machine's environment nor a .env file has a say in what was recorded elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from agent.config import Settings
from agent.keep.record import CallRecord
from agent.model import CallInfo
from agent.profile import Profile
from agent.replay.events import Header
from agent.replay.file import NotARecording
from agent.think.errand import Errand

T = TypeVar("T")

PARTS = ("stt", "llm", "tts")


class RecordedSettings(Settings):
    """Settings, of a recording alone."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  as pydantic asks, and what follows
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Heading:
    """What a call is made of."""

    info: CallInfo
    settings: Settings
    profile: Profile
    names: Mapping[str, str]
    """Who hears (stt), thinks (llm) and speaks (tts)."""
    errand: Errand | None
    before: CallRecord | None
    now: datetime


def heading(header: Header) -> Heading:
    """Raises NotARecording: what of it is none of this version's."""
    if missing := [part for part in PARTS if part not in header.names]:
        raise NotARecording(f"it does not name who does: {', '.join(missing)}.")
    return Heading(
        info=_of("its call", header.info, CallInfo),
        settings=settings_of(header.settings),
        profile=_of("its profile", header.profile, Profile),
        names=header.names,
        errand=None if header.errand is None else _of("its errand", header.errand, Errand),
        before=None if header.before is None else _of("the record before it", header.before, CallRecord),
        now=_read("its time", header.now, datetime.fromisoformat),
    )


def settings_of(told: Mapping[str, Any]) -> Settings:
    """Raises NotARecording: each that this version does not take, and why."""
    try:
        return RecordedSettings(**{name: value for name, value in told.items() if name in Settings.model_fields})
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, one['loc']))}={one['input']!r}: {one['msg']}" for one in error.errors())
        raise NotARecording(f"its settings are not of this version: {'; '.join(faults)}.") from None


def _of(what: str, value: Any, kind: type[T]) -> T:
    return _read(what, value, lambda told: msgspec.convert(told, kind))


def _read(what: str, value: Any, read: Callable[[Any], T]) -> T:
    try:
        return read(value)
    except (msgspec.ValidationError, ValueError) as error:
        raise NotARecording(f"{what} is not of this version: {error}.") from None
