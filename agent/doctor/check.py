"""One thing that must be right before calls are: what was found, and what to do about it. Figures in, a verdict out."""

from __future__ import annotations

from typing import Literal

import msgspec

LITTLE, TOO_LITTLE = 2 << 30, 200 << 20
"""Free bytes: hours of recordings and journals of a busy line; what a database needs to go on at all."""
SLOW_DISK_MS, DEAD_DISK_MS = 50.0, 1000.0
"""For one durable write. What is said is to be on the disk within a second (docs/durability.md)."""
FEW_FILES = 1000
SKEW_S, WRONG_S = 2.0, 30.0
"""Of our clock against another's. Tokens and sessions are stamped with it by one machine and read by another; S3
refuses what is signed 15 minutes off."""
RENEWED_DAYS = 14
"""A certificate is renewed 30 days before its end by the usual tools: with less something has failed."""


class Check(msgspec.Struct, frozen=True):
    """What was looked at."""

    name: str
    state: Literal["fine", "warning", "failure", "unknown"]
    """unknown: it could not be looked at, for a reason that is none of its own."""
    says: str
    do: str = ""
    """For a person who can change the environment; "" where nothing is to be done."""


def disk(where: str, free: int, files: int | None, write_ms: float) -> Check:
    """A folder's room: free bytes, files that it still takes (None: no bound), and what a durable write takes."""
    says = f"{where}: {free / (1 << 30):.1f} GiB free, {write_ms:.0f} ms a durable write"
    if free < TOO_LITTLE:
        return Check("disk", "failure", says, "Make room: journals, records and recordings need it.")
    if files is not None and files < FEW_FILES:
        return Check("disk", "failure", f"{says}, {files} files left", "The file system is out of files: make room.")
    if write_ms > DEAD_DISK_MS:
        return Check("disk", "failure", says, "Put DATA_DIR on a disk of this machine: this one is too slow.")
    if free < LITTLE:
        return Check("disk", "warning", says, "Make room soon, or set RETENTION_DAYS.")
    if write_ms > SLOW_DISK_MS:
        return Check("disk", "warning", says, "A disk as slow as this delays records: put DATA_DIR on a local one.")
    return Check("disk", "fine", says)


def clock(against: str, ahead_s: float, within_s: float) -> Check:
    """Our clock against another's: so far ahead of it, known to `within_s`."""
    off = max(abs(ahead_s) - within_s, 0.0)
    way = "ahead of" if ahead_s > 0 else "behind"
    if off < SKEW_S:
        return Check("clock", "fine", f"agrees with {against} (to {max(within_s, 0.1):.1f} s)")
    says = f"{abs(ahead_s):.0f} s {way} {against}"
    do = "Have this machine keep time: systemd-timesyncd or chrony."
    return Check("clock", "failure" if off >= WRONG_S else "warning", says, do)


def certificate(host: str, days_left: float) -> Check:
    """Of our public address; it was valid a moment ago."""
    says = f"{host}: valid for {days_left:.0f} more days"
    if days_left < RENEWED_DAYS:
        return Check(
            "certificate", "warning", says, "Renew it: Twilio connects to no server whose certificate is over."
        )
    return Check("certificate", "fine", says)
