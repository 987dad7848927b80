"""Records that no store would take, one JSON file each: put aside when the process gives up, saved when it starts."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import msgspec

from agent.errors import StoreError
from agent.keep.derive import derived
from agent.keep.ports import CallStore
from agent.keep.prices import Prices
from agent.keep.record import CallRecord


def put_aside(folder: Path, record: CallRecord) -> Path:
    """Write the record where a crash of the machine cannot take it; returns the file. Raises StoreError."""
    path = folder / f"{quote(record.call_sid, safe='')[:200]}.json"  # a CallSid is whatever a webhook said
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with partial.open("wb") as file:
            file.write(msgspec.json.encode(record))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
    return path


def take_back(folder: Path, store: CallStore, prices: Prices | None, faults: set[str]) -> int:
    """Save what was put aside; returns how many. `faults` gets, in words, what cannot be read: it stays. Raises
    StoreError, and then the rest is still there."""
    saved = 0
    for path in sorted(folder.glob("*.json")):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=CallRecord)
        except FileNotFoundError:  # somebody else was quicker
            continue
        except (OSError, msgspec.DecodeError) as error:
            faults.add(f"{path} cannot be read: {error}")
            continue
        store.save(derived(record, prices))
        path.unlink(missing_ok=True)
        saved += 1
    return saved
