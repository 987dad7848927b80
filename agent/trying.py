"""What the agent may be told for one call alone, in development: settings and somebody's wishes in; faults, or other
settings, out. Pure.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from annotated_types import Ge, Gt, Le, Lt
from pydantic import TypeAdapter, ValidationError

from agent.config import Settings
from agent.errors import AskedWrongly
from agent.lines import Lines
from agent.lines_file import unknown_placeholders
from agent.model import CallInfo
from agent.think.prompt import LONGEST_TEMPLATE, render

NAMES = (
    "BARGE_IN_MS",
    "BARGE_IN_THINKING_MS",
    "BACKCHANNEL_MS",
    "FALSE_INTERRUPTION_S",
    "PAUSE_MS",
    "END_SILENCE_MS",
    "END_SILENCE_LONG_MS",
    "VAD_THRESHOLD",
    "FILLER_S",
    "SILENCE_S",
    "ECHO_GUARD",
)
"""Settings that take effect within one call, and are of no other one's concern."""

LONGEST_GREETING = 1000
"""Characters; a minute of speech."""

NOT_HERE = (
    "The agent is tried with other settings in development only. Here APP_ENV=production is set: what callers hear is "
    "what was deployed."
)
ONE_WORKER = "Settings for one call are kept by the process that was told of them: set WORKERS=1 to try the agent."


class Tried(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For one call; what is left out is as it is for all."""

    prompt: str = ""
    greeting: str = ""
    settings: dict[str, bool | int | float] = {}


class Setting(msgspec.Struct, frozen=True):
    """One of them, as it stands, and what it may be."""

    name: str
    value: bool | int | float
    kind: Literal["switch", "whole", "any"]
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    """The last two are not included."""


class Present(msgspec.Struct, frozen=True):
    """How the agent answers unless it is told otherwise."""

    prompt: str
    greeting: str
    voice: str
    language: str
    settings: tuple[Setting, ...]
    reads_prompt: bool
    """False: the local policy follows a script of its own."""
    knows_languages: bool
    """False: ears or voice are local, and know English only."""
    longest_prompt: int = LONGEST_TEMPLATE
    """Bytes of UTF-8."""
    longest_greeting: int = LONGEST_GREETING


def refused(settings: Settings) -> str:
    """Why nothing can be tried here; "" where it can."""
    if settings.production:
        return NOT_HERE
    return ONE_WORKER if settings.workers > 1 else ""


def present(settings: Settings, lines: Lines) -> Present:
    profile = lines.profile(CallInfo("", "", ""))
    return Present(
        profile.template,
        profile.greeting,
        profile.voice,
        profile.language,
        tuple(_setting(settings, name) for name in NAMES),
        settings.provider("LLM")[0] != "local",
        "local" not in {settings.provider("STT")[0], settings.provider("TTS")[0]},
    )


def check(tried: Tried) -> None:
    """Raises AskedWrongly with all that is wrong, by member."""
    wrong: list[tuple[str, str]] = []
    if (size := len(tried.prompt.encode())) > LONGEST_TEMPLATE:
        wrong.append(("tried.prompt", f"it has {size} bytes, and may have {LONGEST_TEMPLATE}."))
    if len(tried.greeting) > LONGEST_GREETING:
        wrong.append(("tried.greeting", f"it has {len(tried.greeting)} characters, and may have {LONGEST_GREETING}."))
    texts = (("tried.prompt", tried.prompt), ("tried.greeting", tried.greeting))
    wrong += [(where, f"it {unknown}.") for where, text in texts if (unknown := unknown_placeholders(text))]
    for name, value in tried.settings.items():
        where = f"tried.settings.{name[:40]}"
        if name not in NAMES:
            wrong.append((where, f"it cannot be tried; there are {', '.join(NAMES)}."))
            continue
        try:
            _adapter(name).validate_python(value)
        except ValidationError as error:
            wrong.append((where, f"{error.errors()[0]['msg'].replace('Input should', 'it has to')}."))
    if wrong:
        raise AskedWrongly(tuple(wrong))


def changed(settings: Settings, tried: Tried) -> Settings:
    """The same but for what is tried, which was checked."""
    values = {name: _adapter(name).validate_python(value) for name, value in tried.settings.items()}
    return settings.model_copy(update=values)


def changed_lines(lines: Lines, settings: Settings, tried: Tried) -> Lines:
    """The same with the prompt and the greeting that are tried, whichever line is called."""

    def words(text: str) -> str:
        return render(text.strip(), company=settings.COMPANY_NAME, agent=settings.AGENT_NAME)

    return lines.with_words(template=words(tried.prompt), greeting=words(tried.greeting))


def _setting(settings: Settings, name: str) -> Setting:
    bounds: dict[str, Any] = {}
    for bound in Settings.model_fields[name].metadata:
        match bound:
            case Ge(ge=value):
                bounds["least"] = value
            case Le(le=value):
                bounds["most"] = value
            case Gt(gt=value):
                bounds["above"] = value
            case Lt(lt=value):
                bounds["below"] = value
    value = getattr(settings, name)
    kind: Literal["switch", "whole", "any"] = (
        "switch" if isinstance(value, bool) else "whole" if isinstance(value, int) else "any"
    )
    return Setting(name, value, kind, **bounds)


def _adapter(name: str) -> TypeAdapter[Any]:
    field = Settings.model_fields[name]
    return TypeAdapter(Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation)  # type: ignore[arg-type]  # known when it runs
