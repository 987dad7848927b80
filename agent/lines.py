"""How each line is answered: settings and the lines file in, one call's profile out.

A line is a called number, or a name that the voice webhook's URL tells (`?line=sales-hindi`); it may have its own
language, voice and texts. What it does not say is the settings' own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from agent.config import Settings
from agent.errors import ConfigError
from agent.model import CallInfo
from agent.profile import Profile
from agent.think.prompt import load_template, render

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""BCP 47, as far as it needs checking."""
VOICE = re.compile(r"[A-Za-z0-9_.:-]{1,32}")

NUMBER = re.compile(r"\+[1-9]\d{6,14}|sips?:[^\s<>\"]{1,200}")
"""E.164, or a SIP address."""

NAMES = {"hi": "Hindi", "en": "English", "kn": "Kannada", "ta": "Tamil", "te": "Telugu", "mr": "Marathi"}
NAMES |= {"bn": "Bengali", "gu": "Gujarati", "ml": "Malayalam", "pa": "Punjabi", "ur": "Urdu"}

SPEAK = """

The language of this call
Speak {name}, simple and spoken, in its own script, and mix in English words as callers do (flat, budget, site visit). If \
the caller changes to another language that you know, go with them. Say numbers as words of the language you speak. When \
you take leave, the word "goodbye" may stand beside the language's own."""


class _Section(msgspec.Struct, forbid_unknown_fields=True):
    """One line in the file."""

    numbers: tuple[str, ...] = ()
    language: str = ""
    voice: str = ""
    agent_name: str = ""
    greeting: str = ""
    goodbye: str = ""
    silence_prompts: tuple[str, ...] = ()
    notice: str = ""
    transfer_to: str = ""
    system_prompt_file: str = ""
    say_first: str | None = None
    say_voice: str = ""


@dataclass(frozen=True, slots=True)
class Lines:
    """All lines of one process."""

    _profiles: Mapping[str, Profile]
    """By the line's name; "" is everybody else's."""
    _by_number: Mapping[str, str]

    def profile(self, info: CallInfo) -> Profile:
        """How this call is held: by its line, else by the called number; a language or a voice told for this very call
        comes first."""
        name = info.line if info.line in self._profiles else self._by_number.get(info.called, "")
        profile = self._profiles[name]
        language = info.language or profile.language
        if language != profile.language:
            profile = msgspec.structs.replace(
                profile, language=language, system=in_language(profile.template, language)
            )
        return msgspec.structs.replace(profile, voice=info.voice) if info.voice else profile

    @property
    def languages(self) -> frozenset[str]:
        """Every language that a line speaks."""
        return frozenset(profile.language for profile in self._profiles.values())


def load_lines(settings: Settings) -> Lines:
    """The lines of LINES_FILE, or the one line of the settings. Raises ConfigError with every fault found."""
    faults: list[str] = []
    sections = {"": _Section()} | _read(settings.LINES_FILE, faults)
    profiles: dict[str, Profile] = {}
    by_number: dict[str, str] = {}
    for name, section in sections.items():
        where = f"LINES_FILE {settings.LINES_FILE} [{name}]" if name else ""
        made = _tried(lambda s=section: _profile(settings, s), faults)  # type: ignore[misc]
        if made is not None:
            profiles[name] = made
        faults += _faults(section, where)
        for number in section.numbers:
            if number in by_number:
                faults.append(f"{where}: the number {number} is that of [{by_number[number]}] already.")
            by_number[number] = name
    if settings.TRANSFER_TO and not NUMBER.fullmatch(settings.TRANSFER_TO):
        faults.append(f"TRANSFER_TO {settings.TRANSFER_TO!r} is no number such as +918012345678.")
    if faults:
        raise ConfigError(tuple(faults))
    return Lines(profiles, by_number)


def in_language(system: str, language: str) -> str:
    """The system prompt, with the language to speak where that is not English."""
    code = language.split("-", maxsplit=1)[0].lower()
    return system if code == "en" else system + SPEAK.format(name=NAMES.get(code, language))


def _read(path: Path | None, faults: list[str]) -> dict[str, _Section]:
    if path is None:
        return {}
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        faults.append(f"LINES_FILE {path} cannot be read: {error.strerror or error}.")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"LINES_FILE {path} is not TOML: {error}.")
        return {}
    sections = {}
    for name, value in raw.items():
        try:
            sections[name] = msgspec.convert(value, _Section)
        except msgspec.ValidationError as error:
            faults.append(f"LINES_FILE {path} [{name}]: {error}.")
    return sections


def _faults(section: _Section, where: str) -> list[str]:
    found = [f"{where}: {n!r} is no number such as +918012345678." for n in section.numbers if not NUMBER.fullmatch(n)]
    if section.transfer_to and not NUMBER.fullmatch(section.transfer_to):
        found.append(f"{where}: transfer_to {section.transfer_to!r} is no number such as +918012345678.")
    if section.language and not LANGUAGE.fullmatch(section.language):
        found.append(f"{where}: language {section.language!r} is no language tag such as hi-IN.")
    if section.voice and not VOICE.fullmatch(section.voice):
        found.append(f"{where}: voice {section.voice!r} is no name of a voice.")
    return found


def _profile(settings: Settings, section: _Section) -> Profile:
    agent = section.agent_name or settings.AGENT_NAME

    def words(text: str) -> str:
        return text.replace("{agent}", agent).replace("{company}", settings.COMPANY_NAME).strip()

    file = Path(section.system_prompt_file) if section.system_prompt_file else settings.SYSTEM_PROMPT_FILE
    language = section.language or settings.LANGUAGE
    template = render(load_template(file), settings.COMPANY_NAME, agent)
    return Profile(
        language=language,
        voice=section.voice,
        greeting=words(section.greeting or settings.GREETING),
        goodbye=words(section.goodbye or settings.GOODBYE),
        silence_prompts=tuple(words(p) for p in section.silence_prompts or settings.silence_prompts),
        notice=words(section.notice or settings.NOTICE),
        transfer_to=section.transfer_to or settings.TRANSFER_TO,
        say_first=settings.SAY_FIRST if section.say_first is None else section.say_first,
        say_voice=section.say_voice or settings.SAY_VOICE,
        template=template,
        system=in_language(template, language),
    )


def _tried(make: Callable[[], Profile], faults: list[str]) -> Profile | None:
    try:
        return make()
    except ConfigError as error:
        faults += error.faults
        return None
