"""Finds recordings in the spool: what processes that are gone have left, what nobody is at, what is of a call.

Synchronous: nurseries run it in a thread. See `spool` for whose a file is.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import StoreError
from agent.keep import wav
from agent.providers.claim import Claim, lives
from agent.providers.spool import Spooled, locked

BEGUN_S = 60.0
"""For a file to be begun."""
STARTED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")


def take_up(folder: Path, claim: Claim) -> tuple[list[Spooled], list[str]]:
    """All that processes that are gone have left, claimed and at rest, the oldest first; and why others cannot be used,
    in words."""
    found: list[Spooled] = []
    faults: list[str] = []
    for left in leftovers(folder, faults):
        try:
            left.take(claim)
        except StoreError as error:
            faults.append(str(error))
        else:
            found.append(left)
    return found, faults


def leftovers(folder: Path, faults: list[str]) -> Iterator[Spooled]:
    """Files whose processes are gone, one by one, made whole, the oldest first: each is to be claimed, removed or
    released. `faults` gets why others cannot be used, in words."""
    for path in _oldest_first(folder, faults):
        if path.suffix not in {".wav", ".new"} or _being_begun(path):
            continue
        spooled = None
        with _noted(path, faults):
            if path.suffix == ".new" or not lives(path):
                spooled = _at(path, _made_whole)
        if spooled is not None:
            yield spooled


def idle(folder: Path, faults: list[str]) -> Iterator[Spooled]:
    """Files that nobody is at, whosoever they are, one by one: each is to be removed or released."""
    for path in _oldest_first(folder, faults):
        spooled = None
        with _noted(path, faults):
            if path.suffix == ".wav":
                spooled = _at(path, _labelled)
        if spooled is not None:
            yield spooled


def told_of(folder: Path, call_sids: Collection[str]) -> int:
    """How many files are of these calls, whoever is at them. Those that cannot be read are no faults here."""
    count = 0
    for path in _oldest_first(folder, []):
        with suppress(OSError, ValueError), path.open("rb") as file:
            count += path.suffix == ".wav" and wav.read(file.read(wav.LONGEST_HEADER))[0].call_sid in call_sids
    return count


def _oldest_first(folder: Path, faults: list[str]) -> list[Path]:
    found: list[tuple[float, Path]] = []
    try:
        for entry in os.scandir(folder):
            with suppress(FileNotFoundError):
                found.append((entry.stat(follow_symlinks=False).st_mtime, Path(entry.path)))
    except FileNotFoundError:
        return []
    except OSError as error:
        faults.append(f"cannot look into {folder}: {error.strerror or error}")
    return [path for _, path in sorted(found)]


def _being_begun(path: Path) -> bool:
    """A file that has no lock and no name yet is its maker's."""
    try:
        return path.suffix == ".new" and time.time() - path.stat().st_mtime < BEGUN_S
    except OSError:
        return True


def _at(path: Path, look: Callable[[Path, int], Spooled | None]) -> Spooled | None:
    """What `look` makes of the file, locked. Raises OSError, StoreError, and ValueError where it is none of ours."""
    file = locked(path)
    if file < 0:
        return None
    spooled = None
    try:
        spooled = look(path, file)
    finally:
        if spooled is None:
            os.close(file)
    return spooled


def _labelled(path: Path, file: int) -> Spooled:
    label, _ = wav.read(os.pread(file, wav.LONGEST_HEADER, 0))
    return Spooled(path, file, label)


def _made_whole(path: Path, file: int) -> Spooled | None:
    """None where there is nothing in it."""
    if path.suffix == ".new":  # its process was gone before there was any sound
        path.unlink(missing_ok=True)
        return None
    label, start = wav.read(os.pread(file, wav.LONGEST_HEADER, 0))
    if not label.call_sid or not STARTED.match(label.started_at):
        raise ValueError("does not say which call it is of")
    modified = os.fstat(file).st_mtime_ns
    spooled = Spooled(path, file, label)
    if os.fstat(file).st_size == start:
        path.unlink(missing_ok=True)
        return None
    spooled.complete()
    os.utime(file, ns=(modified, modified))
    return spooled


@contextmanager
def _noted(path: Path, faults: list[str]) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:  # somebody else was quicker
        pass
    except OSError as error:
        faults.append(f"cannot open {path}: {error.strerror or error}")
    except (StoreError, ValueError) as error:
        faults.append(f"{path}: {error}")
