"""The audit log: one file under DATA_DIR that is only ever appended to, each line on the disk before it counts.

Synchronous: nurseries run it in a thread.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.errors import StoreError


class AuditFile:
    """Open for the lines of one deed: what is asked, before anything is done, and what became of it."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError where it cannot be written."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error

    def append(self, line: bytes) -> None:
        """The line is on the disk when this returns, behind what a full disk may have cut off. Raises StoreError."""
        try:
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                line = b"\n" + line
            if os.write(self._file, line) != len(line):
                raise StoreError(f"cannot write {self._path}: the disk is full")
            os.fsync(self._file)
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror or error}") from error

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
