"""The journal's files: one for each process, under DATA_DIR/journal, appended to and synchronised; and those that
crashed processes have left behind.

Synchronous: nurseries run it in a thread. A file belongs to the process that holds its lock, which the system lets go
of when the process is gone, however it went.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from agent.errors import StoreError


class JournalFile:
    """One process's. Opened when it is first written to, and again after a fault."""

    def __init__(self, folder: Path, name: str) -> None:
        """`name` is this process's alone."""
        self._folder = folder
        self._name = name
        self._file: int | None = None
        self._part = 0
        self._path = folder / f"{name}.journal"
        self._good = 0
        """Bytes that are whole lines."""

    @property
    def size(self) -> int:
        """Bytes written to the present file."""
        return self._good

    def append(self, lines: bytes) -> None:
        """Whole lines, on the disk when this returns. Raises StoreError, and then none of them counts as written."""
        try:
            if self._file is None:
                self._open()
            assert self._file is not None  # noqa: S101  opened above
            written = 0
            while written < len(lines):
                written += os.write(self._file, lines[written:])
            os.fsync(self._file)
        except OSError as error:
            self._cut()
            raise StoreError(f"cannot write {self._path}: {error.strerror or error}") from error
        self._good += len(lines)

    def begin_anew(self, lines: bytes) -> None:
        """Go on in a new file that begins with these lines; the old one goes once they are on the disk. Raises
        StoreError, and then the old one stays."""
        old, path, good = self._file, self._path, self._good
        self._part += 1
        self._file, self._path, self._good = None, self._folder / f"{self._name}-{self._part}.journal", 0
        try:
            self.append(lines)
        except StoreError:
            self._path.unlink(missing_ok=True)
            self._file, self._path, self._good = old, path, good
            raise
        path.unlink(missing_ok=True)
        if old is not None:
            os.close(old)

    def close(self) -> None:
        """Nothing of it is needed any more."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file, self._good = None, 0

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # else a crash of the machine may forget that there is a file
        finally:
            os.close(folder)

    def _cut(self) -> None:
        """Take back what is half written."""
        if self._file is None:
            return
        try:
            os.ftruncate(self._file, self._good)
        except OSError:
            os.close(self._file)  # a torn line is known by its checksum
            self._file = None


class Leftover:
    """A file that a process has left behind, locked against others who look for it."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self._file = file

    def read(self) -> bytes:
        """All of it. Raises StoreError."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {error.strerror or error}") from error

    def remove(self) -> None:
        """It has been told."""
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Leave it to whoever looks next."""
        os.close(self._file)


def leftovers(folder: Path) -> list[Leftover]:
    """Files whose processes are gone, the oldest first. Raises StoreError where the folder cannot be read."""
    found = []
    try:
        paths = sorted(folder.glob("*.journal"), key=lambda path: path.stat().st_mtime) if folder.exists() else []
        for path in paths:
            file = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
            else:
                found.append(Leftover(path, file))
    except OSError as error:
        raise StoreError(f"cannot look into {folder}: {error.strerror or error}") from error
    return found
