"""How each line is answered: settings and the lines file in, one call's profile out.

A line is a called number, or a name that the voice webhook's address tells (`?line=sales-hindi`); it may have its own
language, voice and texts. What it does not say is the settings' own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from agent import language
from agent.config import Settings
from agent.errors import ConfigError
from agent.lines_file import PHRASES, Section, read, unknown_placeholders
from agent.model import CallInfo
from agent.profile import Profile
from agent.speak.repertoire import WORDS_IN
from agent.think.prompt import load_template, render

SPEAK = """

The language of this call
This call is held in {name}, whatever is said above about English and about other languages.
- Speak it as people do on the telephone: simple, and in its own script. English words that callers use themselves \
(flat, budget, loan, site visit) stay English, in Latin letters.
- Do as the caller does: if they mix {name} and English, mix them too; if they go over to English, go on in English.
- Say numbers as words of the language you are speaking, amounts in lakh and crore{example}.
- Take leave in {name}, and let the last word be "goodbye"."""

EXAMPLES = {"hi": ' ("अस्सी लाख रुपये")'}

NOBODY_FREE = "I am sorry, nobody is free right now. We will call you back. Goodbye!"
NOBODY_FREE_IN = {"hi": "माफ़ कीजिए, अभी कोई उपलब्ध नहीं है। हम आपको वापस कॉल करेंगे। नमस्ते!"}

BUSY = "I am sorry, all our lines are busy right now. Please call again in a few minutes. Goodbye!"
BUSY_IN = {"hi": "माफ़ कीजिए, अभी हमारी सभी लाइनें व्यस्त हैं। कृपया कुछ मिनट बाद फिर कॉल कीजिए। नमस्ते!"}
HOLD_ON = "All our lines are busy right now. Please stay on the line."
HOLD_ON_IN = {"hi": "अभी हमारी सभी लाइनें व्यस्त हैं। कृपया लाइन पर बने रहिए।"}

OUTBOUND_GREETING_IN = {
    "hi": "नमस्ते, मैं {agent} बोल रही हूँ, {company} से। क्या मेरी बात {name} से हो रही है?",
}
AI_DISCLOSURE_IN = {"hi": "आप {company} की ऑटोमेटेड असिस्टेंट से बात कर रहे हैं।"}
RECORD_NOTICE_IN = {"hi": "यह कॉल रिकॉर्ड की जा रही है।"}


@dataclass(frozen=True, slots=True)
class Lines:
    """All lines of one process."""

    _profiles: Mapping[str, Profile]
    """By the line's name; "" is everybody else's."""
    _by_number: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    """What can be meant as it stands, but probably is not."""

    def profile(self, info: CallInfo) -> Profile:
        """How this call is held: by its line, else by our number; a language or a voice told for this very call comes
        first. A line that is not known is answered as if none were told."""
        name = info.line if self.has(info.line) else self._by_number.get(info.ours.lower(), "")
        profile = self._profiles[name]
        if info.language and info.language != profile.language:
            profile = msgspec.structs.replace(
                profile, language=info.language, system=in_language(profile.template, info.language)
            )
        return msgspec.structs.replace(profile, voice=info.voice) if info.voice else profile

    def with_words(self, *, template: str = "", greeting: str = "") -> Lines:
        """The same, with this prompt and greeting on all lines; "" leaves theirs."""

        def changed(profile: Profile) -> Profile:
            if template:
                system = in_language(template, profile.language)
                profile = msgspec.structs.replace(profile, template=template, system=system)
            return msgspec.structs.replace(profile, greeting=greeting) if greeting else profile

        return Lines({name: changed(profile) for name, profile in self._profiles.items()}, self._by_number)

    @property
    def names(self) -> tuple[str, ...]:
        """Of those in the file, in its order."""
        return tuple(name for name in self._profiles if name)

    def has(self, name: str) -> bool:
        """Whether there is such a line."""
        return name != "" and name in self._profiles


def load_lines(settings: Settings) -> Lines:
    """The lines of LINES_FILE, or the one line of the settings. Raises ConfigError with every fault found."""
    faults = list(_settings_faults(settings))
    sections = {"": Section()}
    if settings.LINES_FILE is not None:
        sections |= read(settings.LINES_FILE, faults)
    profiles: dict[str, Profile] = {}
    by_number: dict[str, str] = {}
    warnings: list[str] = []
    for name, section in sections.items():
        where = f"LINES_FILE {settings.LINES_FILE} [{name}]" if name else ""
        try:
            profiles[name] = _profile(settings, section)
        except ConfigError as error:
            faults += (_at(where, fault) for fault in error.faults)
        for number in dict.fromkeys(number.lower() for number in section.numbers):
            if number in by_number:
                faults.append(f"{where}: the number {number} is that of [{by_number[number]}] already.")
            by_number.setdefault(number, name)
        warnings += (f"{where} {doubt}." for doubt in _doubts(settings, section))
    if faults:
        raise ConfigError(tuple(faults))
    warnings += _not_spoken(settings, profiles)
    return Lines(profiles, by_number, tuple(warnings))


def in_language(system: str, tag: str) -> str:
    """The system prompt, with the language to speak where that is not English."""
    code = language.code(tag)
    return system if code == "en" else system + SPEAK.format(name=language.name(tag), example=EXAMPLES.get(code, ""))


def _profile(settings: Settings, section: Section) -> Profile:
    """Raises ConfigError where the system prompt cannot be used."""
    names = {"agent": section.agent_name or settings.AGENT_NAME, "company": settings.COMPANY_NAME}

    def words(text: str) -> str:
        return render(text, **names).strip()

    spoken = language.tag(section.language or "") or settings.LANGUAGE
    # A voice that is not the line's own speaks the settings' language: Twilio may refuse it any other.
    say_language = spoken if section.say_voice else settings.LANGUAGE
    prompts = settings.silence_prompts if section.silence_prompts is None else section.silence_prompts
    file = Path(section.system_prompt_file) if section.system_prompt_file else settings.SYSTEM_PROMPT_FILE
    template = render(load_template(file), **names)
    return Profile(
        language=spoken,
        voice=section.voice or "",
        greeting=words(section.greeting or settings.GREETING),
        goodbye=words(section.goodbye or settings.GOODBYE),
        silence_prompts=tuple(words(prompt) for prompt in prompts),
        notice=words(section.notice or settings.NOTICE),
        record_notice=words(section.record_notice or _record_notice(settings, spoken)),
        phrases={name: words(text) for name in PHRASES if (text := getattr(section, name))},
        transfer_to=settings.TRANSFER_TO if section.transfer_to is None else section.transfer_to,
        say_first=words(settings.SAY_FIRST if section.say_first is None else section.say_first),
        nobody_free=words(section.nobody_free or NOBODY_FREE_IN.get(language.code(say_language), NOBODY_FREE)),
        say_voice=section.say_voice or settings.SAY_VOICE,
        say_language=say_language,
        template=template,
        system=in_language(template, spoken),
        machine_message=words(settings.MACHINE_MESSAGE),
        outbound_greeting=words(
            section.outbound_greeting or _spoken_in(settings, "OUTBOUND_GREETING", OUTBOUND_GREETING_IN, spoken)
        ),
        disclosure=words(section.ai_disclosure or _spoken_in(settings, "AI_DISCLOSURE", AI_DISCLOSURE_IN, spoken)),
        busy=words(section.busy or settings.BUSY_TEXT or _busy(settings, language.code(say_language))),
        budget_goodbye=words(_budget_goodbye(settings, section, spoken)),
    )


def _budget_goodbye(settings: Settings, section: Section, spoken: str) -> str:
    """The settings' own where the line speaks their language and they have one; else the line's goodbye."""
    own = settings.BUDGET_GOODBYE if language.code(spoken) == language.code(settings.LANGUAGE) else ""
    return own or section.goodbye or settings.GOODBYE


def _spoken_in(settings: Settings, name: str, texts: Mapping[str, str], spoken: str) -> str:
    """The settings' own in their own language; else in the line's, where we have it."""
    own = name in settings.model_fields_set and language.code(spoken) == language.code(settings.LANGUAGE)
    text: str = getattr(settings, name)
    return text if own else texts.get(language.code(spoken), text)


def _record_notice(settings: Settings, spoken: str) -> str:
    """The settings' own in their own language; else in the line's, where we have it."""
    own = "RECORD_NOTICE" in settings.model_fields_set and language.code(spoken) == language.code(settings.LANGUAGE)
    return settings.RECORD_NOTICE if own else RECORD_NOTICE_IN.get(language.code(spoken), settings.RECORD_NOTICE)


def _busy(settings: Settings, code: str) -> str:
    """Whether it is a goodbye depends on where the caller goes."""
    if settings.BUSY_QUEUE or settings.BUSY_DIAL:
        return HOLD_ON_IN.get(code, HOLD_ON)
    return BUSY_IN.get(code, BUSY)


def _settings_faults(settings: Settings) -> Iterator[str]:
    for name in (
        "AI_DISCLOSURE",
        "SAY_FIRST",
        "GREETING",
        "GOODBYE",
        "SILENCE_PROMPTS",
        "NOTICE",
        "RECORD_NOTICE",
        "MACHINE_MESSAGE",
        "BUSY_TEXT",
        "BUDGET_GOODBYE",
    ):
        if unknown := unknown_placeholders(getattr(settings, name)):
            yield f"{name} {unknown}."


def _at(where: str, fault: str) -> str:
    return fault.replace("SYSTEM_PROMPT_FILE", f"{where}: system_prompt_file", 1) if where else fault


def _doubts(settings: Settings, section: Section) -> Iterator[str]:
    spoken = section.language or settings.LANGUAGE
    if language.code(spoken) not in {"en", *WORDS_IN} and (
        missing := [key for key in PHRASES if getattr(section, key) is None]
    ):
        yield f"speaks {spoken}, but lacks {', '.join(missing)}: these are said in English"
    if language.code(spoken) == language.code(settings.LANGUAGE):
        return
    if settings.RECORD_CALLS and section.record_notice is None and language.code(spoken) not in RECORD_NOTICE_IN:
        yield f"speaks {spoken}, but lacks record_notice: it is said in {settings.LANGUAGE}"
    texts = ("greeting", "goodbye", "silence_prompts", "notice")
    if missing := [key for key in texts if getattr(section, key) is None]:
        yield (
            f"speaks {section.language}, but lacks {', '.join(missing)}: these are said as the settings have them, "
            f"in {settings.LANGUAGE}"
        )
    told = [key for key in ("say_first", "nobody_free", "busy") if getattr(section, key)]
    if told and not section.say_voice:
        yield f"has {' and '.join(told)} but no say_voice: {settings.SAY_VOICE} says it, in {settings.LANGUAGE}"


def _not_spoken(settings: Settings, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """The local models know English only."""
    ports: tuple[Literal["STT", "LLM", "TTS"], ...] = ("STT", "LLM", "TTS")
    local = [port for port in ports if settings.provider(port)[0] == "local"]
    for name, profile in profiles.items():
        if local and language.code(profile.language) != "en":
            line = f"line [{name}]" if name else "LANGUAGE"
            yield (
                f"{line} is {profile.language}, but the local provider ({', '.join(local)}) knows English only; "
                "set OPENAI_API_KEY or OPENAI_BASE_URL."
            )
