"""The lines file: a path in, its sections out, and whatever is wrong with it, all at once and in words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from agent import language
from agent.config import NUMBER

NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""Of a line: it travels in a webhook's address and in the stream's token."""

VOICE = re.compile(r"[A-Za-z0-9_.:-]{1,32}")
"""Of a provider's voice, which travels in the token as well."""

SAY_VOICE = re.compile(r"[A-Za-z0-9_.-]{1,64}")

BRACES = re.compile(r"\{[^{}]*\}")

KNOWN = "{agent} and {company}"


class Section(msgspec.Struct, frozen=True):
    """One line as the file has it. None: not told, so the settings' own counts."""

    numbers: tuple[str, ...] = ()
    language: str | None = None
    voice: str | None = None
    agent_name: str | None = None
    greeting: str | None = None
    goodbye: str | None = None
    silence_prompts: tuple[str, ...] | None = None
    notice: str | None = None
    record_notice: str | None = None
    moment: str | None = None
    still: str | None = None
    trouble: str | None = None
    connecting: str | None = None
    lost: str | None = None
    again: str | None = None
    apology: str | None = None
    transfer_to: str | None = None
    nobody_free: str | None = None
    system_prompt_file: str | None = None
    say_first: str | None = None
    say_voice: str | None = None
    outbound_greeting: str | None = None
    ai_disclosure: str | None = None
    busy: str | None = None


_TYPES: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Section)}
_MAY_BE_EMPTY = frozenset({"transfer_to", "say_first"})
PHRASES = ("moment", "still", "trouble", "connecting", "lost", "again", "apology")
"""What is recorded in English; by the names of agent/speak/repertoire.py."""

_SPOKEN = (
    "greeting",
    "goodbye",
    "notice",
    "record_notice",
    "nobody_free",
    "say_first",
    "busy",
    "ai_disclosure",
    *PHRASES,
)


def read(path: Path, faults: list[str]) -> dict[str, Section]:
    """The file's sections by name, with their paths as seen from here. What is wrong is added to `faults`."""
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        faults.append(f"LINES_FILE {path} cannot be read: {error.strerror or error}.")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        faults.append(f"LINES_FILE {path} is not TOML: {error}.")
        return {}
    sections = {}
    for name, table in raw.items():
        where = f"LINES_FILE {path} [{name}]"
        if not isinstance(table, dict):
            faults.append(f"LINES_FILE {path}: {name} stands outside of a line; put it under a [name].")
        elif not NAME.fullmatch(name):
            faults.append(f"{where}: a line's name has letters, digits, _ and -, at most 32.")
        else:
            section = _section(table, where, faults)
            faults += (f"{where}: {fault}." for fault in _wrong(section))
            if section.system_prompt_file:
                section = msgspec.structs.replace(
                    section, system_prompt_file=str(path.parent / section.system_prompt_file)
                )
            sections[name] = section
    return sections


def unknown_placeholders(text: str) -> str:
    """What stands in braces and would be read aloud, in words; "" if nothing does."""
    unknown = [found for found in BRACES.findall(text) if found not in {"{agent}", "{company}"}]
    return f"contains {', '.join(unknown)}; only {KNOWN} are known" if unknown else ""


def _section(table: dict[str, Any], where: str, faults: list[str]) -> Section:
    told: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _TYPES:
            faults.append(f"{where}: {key} is not known; known are {', '.join(_TYPES)}.")
            continue
        try:
            told[key] = msgspec.convert(value, _TYPES[key])
        except msgspec.ValidationError as error:
            faults.append(f"{where}: {key}: {str(error).replace(' | null', '')}.")
    return Section(**told)


def _wrong(section: Section) -> Iterator[str]:
    for key, value in msgspec.structs.asdict(section).items():
        if isinstance(value, str) and not value.strip() and key not in _MAY_BE_EMPTY:
            yield f"{key} is empty; leave it out where the settings' own shall count"
    yield from (f"numbers: {_no_number(number)}" for number in section.numbers if not NUMBER.fullmatch(number))
    if section.transfer_to and not NUMBER.fullmatch(section.transfer_to):
        yield f"transfer_to: {_no_number(section.transfer_to)}"
    if section.language and not language.tag(section.language):
        yield f"language {section.language!r} is no language tag such as hi-IN"
    if section.voice and not VOICE.fullmatch(section.voice):
        yield f"voice {section.voice!r} is no name of a voice: letters, digits, _ . : -, at most 32"
    if section.say_voice and not SAY_VOICE.fullmatch(section.say_voice):
        yield f"say_voice {section.say_voice!r} is no voice of Twilio's, such as Polly.Aditi"
    prompts = section.silence_prompts or ()
    if not all(prompt.strip() for prompt in prompts):
        yield "silence_prompts: one of them is empty"
    texts = [(key, getattr(section, key) or "") for key in _SPOKEN]
    for key, text in [*texts, *(("silence_prompts", prompt) for prompt in prompts)]:
        if unknown := unknown_placeholders(text):
            yield f"{key} {unknown}"


def _no_number(text: str) -> str:
    return f"{text!r} is no number such as +918012345678, nor a SIP address"
