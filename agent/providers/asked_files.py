"""People who asked not to be called, one JSON file each, until the book of the store has them: a store that is away, or
a crash, loses nobody.

Synchronous: nurseries run it in a thread. Any number of processes in one folder.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from agent.errors import StoreError
from agent.guard.dial_book import DoNotCall


class AskedFiles:
    """A folder under DATA_DIR."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, entry: DoNotCall) -> None:
        """On the disk when this returns. Raises StoreError."""
        path = self._path(entry.number)
        aside = path.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.encode(entry))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            with suppress(OSError):
                aside.unlink()
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error

    def all(self) -> tuple[list[DoNotCall], list[str]]:
        """Who is there, and what cannot be read: that stays, in words. Raises StoreError."""
        found, faults = [], []
        try:
            paths = sorted(self._folder.glob("*.json"))
        except OSError as error:
            raise StoreError(f"cannot read {self._folder}: {error.strerror or error}") from error
        for path in paths:
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=DoNotCall))
            except FileNotFoundError:  # somebody else was quicker
                continue
            except (OSError, msgspec.DecodeError) as error:
                faults.append(f"{path} cannot be read: {error}")
        return found, faults

    def remove(self, numbers: Iterable[str]) -> None:
        """The book has them. Raises StoreError."""
        for number in numbers:
            try:
                self._path(number).unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(f"cannot remove {self._path(number)}: {error.strerror or error}") from error

    def _path(self, number: str) -> Path:
        return self._folder / f"{''.join(filter(str.isdigit, number))[:20]}.json"
