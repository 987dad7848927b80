"""What a recording's first line gives a call: its settings, its line's manners, who calls. Of the version that has
recorded it; where this one cannot take them, that is said of the recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from agent.config import Settings
from agent.replay.events import Header
from agent.replay.file import NotARecording

T = TypeVar("T")


class _Given(Settings):
    """From what is given and nothing else: neither the environment nor a file says how a recorded call went."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def settings_of(values: Mapping[str, object]) -> Settings:
    """These, and the defaults for the rest. Raises pydantic's ValidationError."""
    return _Given.model_validate(dict(values))


def settings_in(header: Header, changes: Mapping[str, object]) -> Settings:
    """The recording's, with these instead. Raises NotARecording."""
    try:
        return settings_of(header.settings | dict(changes))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}={one['input']}: {one['msg']}" for one in error.errors())
        raise NotARecording(
            f"{name_of(header)} was held with settings that this version does not take: {told}."
        ) from None


def converted(header: Header, what: str, value: object, kind: type[T]) -> T:
    """A part of the first line, `what` in words. Raises NotARecording."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise NotARecording(f"{name_of(header)} has {what} that this version cannot read: {error}.") from None


def name_of(header: Header) -> str:
    """In a sentence about it."""
    return f"the call {header.info.get('call_sid', 'without a name')}"
