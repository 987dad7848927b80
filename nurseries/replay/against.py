"""Recorded calls by the installed version, with other settings: which decisions change, and how long callers wait for
an answer before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.errors import ConfigError
from agent.replay import file
from agent.replay.comparison import Compared, compared
from agent.replay.decisions import decisions, known
from agent.replay.events import Event, Header
from agent.replay.file import of_file
from agent.replay.findings import Finding, in_words
from nurseries.replay.changed import parsed, with_settings
from nurseries.replay.freely import freely


def against(paths: Sequence[Path], given: Sequence[str]) -> tuple[int, list[str], list[str]]:
    """Compare these recordings; `given` is NAME=VALUE, each. Returns an exit code (0 no decision changes, 1 some do, 2
    nothing could be compared), what to tell, and what is wrong."""
    changes, faults = parsed(given)
    findings: list[Finding] = []
    for path in paths if not faults else ():
        try:
            findings.append(find(path, changes))
        except file.NotARecording as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"{path}: {error.strerror}")
        except ConfigError as error:
            faults += (f"{path} with these settings: {fault}" for fault in error.faults)
    if not findings:
        return 2, [], faults
    told = in_words(findings, " ".join(given) or "the installed version")
    return int(bool(faults) or any(finding.compared.changes for finding in findings)), told, faults


def find(path: Path, changes: Mapping[str, Any]) -> Finding:
    """One recording's changes. Raises OSError, NotARecording and ConfigError."""
    header, events = file.read(path)
    if not known(events):
        raise file.NotARecording(f"{path} tells no decisions: it is of a version whose calls cannot be compared.")
    with of_file(path):
        found, made_up = compare(header, events, changes)
    return Finding(f"{header.info['call_sid']}-{header.info.get('leg', 1)}", found, made_up)


def compare(header: Header, events: list[Event], changes: Mapping[str, Any]) -> tuple[Compared, Mapping[str, int]]:
    """The recording and its replay; and what of that was made up. Raises ConfigError."""
    again = freely(with_settings(header, changes), events)
    return compared(decisions(header, events), decisions(again.header, again.events)), again.made_up
