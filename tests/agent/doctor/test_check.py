"""Verdicts on a machine, a clock, a certificate."""

from __future__ import annotations

import pytest

from agent.doctor.check import LITTLE, TOO_LITTLE, certificate, clock, disk


@pytest.mark.parametrize(
    ("free", "files", "write_ms", "state", "do"),
    [
        (LITTLE, None, 5, "fine", ""),
        (LITTLE, 5_000, 5, "fine", ""),
        (LITTLE - 1, None, 5, "warning", "RETENTION_DAYS"),
        (TOO_LITTLE - 1, None, 5, "failure", "Make room"),
        (LITTLE, 900, 5, "failure", "out of files"),
        (LITTLE, None, 60, "warning", "DATA_DIR"),
        (LITTLE - 1, None, 2_000, "failure", "DATA_DIR"),
    ],
)
def test_a_disk_has_room_and_is_quick(free: int, files: int | None, write_ms: float, state: str, do: str) -> None:
    found = disk("data", free, files, write_ms)
    assert (found.state, found.name) == (state, "disk")
    assert do in found.do


@pytest.mark.parametrize(
    ("ahead_s", "within_s", "state", "says"),
    [
        (0.4, 0.5, "fine", "agrees with Twilio's (to 0.5 s)"),
        (-2.4, 0.5, "fine", "agrees"),
        (2.6, 0.5, "warning", "3 s ahead of Twilio's"),
        (-29.0, 0.0, "warning", "29 s behind Twilio's"),
        (-31.0, 0.5, "failure", "31 s behind"),
        (900.0, 5.0, "failure", "900 s ahead of"),
    ],
)
def test_a_clock_is_judged_by_what_is_known_of_it(ahead_s: float, within_s: float, state: str, says: str) -> None:
    found = clock("Twilio's", ahead_s, within_s)
    assert found.state == state
    assert says in found.says
    assert bool(found.do) == (state != "fine")


def test_a_certificate_is_to_be_renewed_in_time() -> None:
    assert certificate("voice.example.in", 60.2).state == "fine"
    soon = certificate("voice.example.in", 13.2)
    assert (soon.state, soon.says) == ("warning", "voice.example.in: valid for 13 more days")
