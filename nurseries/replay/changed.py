"""A recording's first line as it is with other settings: of those that a call looks at in a replay, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pydantic import ValidationError

from agent.config import SECRET, Settings
from agent.errors import ConfigError
from agent.lines import load_lines
from agent.replay import plain
from agent.replay.events import Header
from agent.replay.heading import RecordedSettings, heading, settings_of

OF_CALLS = frozenset(
    """
    BACKCHANNEL_MS BARGE_IN_MS BARGE_IN_THINKING_MS CALL_MAX_MINUTES DISCLOSE DTMF_BINDINGS EARLY_TRANSCRIPTIONS
    ECHO_GUARD END_SILENCE_LONG_MS END_SILENCE_MS FALSE_INTERRUPTION_S FILLER_S GOODBYE_TIMEOUT_S
    HAND_OFF_WAIT_S HISTORY_TOKENS HISTORY_TURNS KEY_PAUSE_S LEAD_MS LLM_TIMEOUT_S MACHINE_DETECTION
    MAX_UTTERANCE_S MEDIA_TIMEOUT_S MESSAGE_MS NOTICE_S OUTBOUND_WAIT_S PAUSE_MS SEND_TIMEOUT_S SILENCE_S
    STT_TIMEOUT_S TIMEZONE TOOL_CALLS TOOL_TIMEOUT_S TTS_TIMEOUT_S VAD_THRESHOLD
    """.split()  # noqa: SIM905  to be read
)
"""What a call's own code reads."""

OF_LINES = frozenset(
    """
    AGENT_NAME AI_DISCLOSURE BUDGET_GOODBYE COMPANY_NAME GOODBYE GREETING LANGUAGE LINES_FILE MACHINE_MESSAGE
    NOTICE OUTBOUND_GREETING RECORD_NOTICE SILENCE_PROMPTS SYSTEM_PROMPT_FILE TRANSFER_TO
    """.split()  # noqa: SIM905  to be read
)
"""What a line's manners are made of."""


def parsed(given: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Settings by their names from NAME=VALUE, each, and every fault."""
    changes, faults = dict[str, Any](), list[str]()
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            faults.append(f"--set {each}: write NAME=VALUE, such as END_SILENCE_MS=900.")
        elif name not in Settings.model_fields:
            faults.append(f"--set {name}: there is no such setting; .env.example has them all.")
        elif name in SECRET or name not in OF_CALLS | OF_LINES:
            faults.append(f"--set {name}: no call that is played again depends on it: answers are the recorded ones.")
        else:
            changes[name] = value
    return changes, faults or _unusable(changes)


def _unusable(changes: Mapping[str, Any]) -> list[str]:
    try:
        RecordedSettings(**changes)
    except ValidationError as error:
        return [f"--set {'.'.join(map(str, one['loc']))}={one['input']}: {one['msg']}." for one in error.errors()]
    return []


def with_settings(header: Header, changes: Mapping[str, Any]) -> Header:
    """With these settings instead; those that are no settings any more are left out. Raises ConfigError for what cannot
    be used together, and NotARecording for settings that were, and are none any more."""
    own = {name: value for name, value in header.settings.items() if name in Settings.model_fields}
    before, after = settings_of(own), settings_of(own | dict(changes))
    faults = tuple(fault for fault in after.faults() if fault not in before.faults())
    if faults:
        raise ConfigError(faults)
    profile = header.profile
    if changes.keys() & OF_LINES:
        info = heading(header).info
        was, becomes = (plain.of(load_lines(settings).profile(info)) for settings in (before, after))
        profile = profile | {name: value for name, value in becomes.items() if was[name] != value}
    return msgspec.structs.replace(header, settings=own | dict(changes), profile=profile)
