"""What processes have left of calls in files under DATA_DIR, sound included: found by whose it is, and erased.

Synchronous: nurseries run it in a thread. A journal that a process holds is left to that process, and a recording that
it is writing or storing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import msgspec

from agent.errors import StoreError
from agent.keep import journal
from agent.keep.record import CallRecord
from agent.providers import waiting
from agent.providers.journal_file import leftovers

Mine = Callable[[CallRecord], bool]


def erase_left(data_dir: Path, mine: Mine, call_sids: Collection[str]) -> tuple[set[str], list[str]]:
    """Erase the records that are of these calls, or `mine`, which is asked once of each record that is found. Returns
    their CallSids, and what could not be done, in words."""
    erased: set[str] = set()
    faults: list[str] = []
    found, unopened = leftovers(data_dir / "journal")
    faults += unopened
    for left in found:
        try:
            erased |= _erase_lines(left.path, left.read(), mine, call_sids)
        except (OSError, StoreError) as error:
            faults.append(f"cannot erase from {left.path}: {error}")
        finally:
            left.release()
    for path in _files(data_dir / "journal", "*.damaged"):
        try:
            erased |= _erase_lines(path, path.read_bytes(), mine, call_sids)
        except OSError as error:
            faults.append(f"cannot erase from {path}: {error}")
    for path in _files(data_dir / "unsaved", "*.json"):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=CallRecord)
            if record.call_sid in call_sids or mine(record):
                path.unlink(missing_ok=True)
                erased.add(record.call_sid)
        except FileNotFoundError:  # it has been saved meanwhile
            continue
        except (OSError, msgspec.DecodeError) as error:
            faults.append(f"cannot read {path}: {error}")
    return erased | _erase_sounds(data_dir / "spool", {*call_sids, *erased}, faults), faults


def _erase_sounds(folder: Path, call_sids: Collection[str], faults: list[str]) -> set[str]:
    """Also those that wait for the object store and are a living process's: it notices."""
    erased: set[str] = set()
    for sound in waiting.idle(folder, faults):
        if sound.label.call_sid in call_sids:
            erased.add(sound.label.call_sid)
            sound.remove()
        else:
            sound.release()
    return erased


def still_told(data_dir: Path, call_sids: Collection[str]) -> int:
    """How many journals and spooled recordings are of these calls, whoever holds them."""
    journals = sum(_tells(path, call_sids) for path in _files(data_dir / "journal", "*.journal"))
    return journals + waiting.told_of(data_dir / "spool", call_sids)


def _tells(path: Path, call_sids: Collection[str]) -> bool:
    try:
        return any(event.call in call_sids for event in journal.read(path.read_bytes())[0])
    except OSError:  # gone meanwhile, or not readable: then it has been told as a fault
        return False


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else []


def _erase_lines(path: Path, data: bytes, mine: Mine, call_sids: Collection[str]) -> set[str]:
    """Write the file again without the lines of those calls. Lines that nobody can read any more stay."""
    lines = [_Line(line, *journal.read(line)[0][:1]) for line in data.split(b"\n")]
    heads = {line.event.call: line.event.head for line in lines if line.event and line.event.head}
    doomed = {line.event.call for line in lines if line.event and line.event.call in call_sids}
    doomed |= {call_sid for call_sid, head in heads.items() if call_sid not in doomed and mine(head)}
    if not doomed:
        return set()
    rest = [line.text for line in lines if line.event is None or line.event.call not in doomed]
    if not any(rest):
        path.unlink(missing_ok=True)
        return doomed
    new = path.with_suffix(".erasing")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(b"\n".join(rest))
        out.flush()
        os.fsync(file)
    new.replace(path)
    return doomed


class _Line(NamedTuple):
    text: bytes
    event: journal.Event | None = None
    """None where it cannot be read."""
