"""The journal's files: one for each process, under DATA_DIR/journal, appended to and synchronised; and those that
crashed processes have left behind.

Synchronous: nurseries run it in a thread. A file belongs to the process that holds its lock, which the system lets go
of when the process is gone, however it went.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import StoreError

PROBE = bytes(256 * 1024)
"""What a disk must have room for before a call is taken: minutes of what a hundred of them say."""


class JournalFile:
    """One process's. There is none while nothing is to be remembered."""

    def __init__(self, folder: Path, name: str) -> None:
        """`name` is this process's alone."""
        self._folder = folder
        self._name = name
        self._file: int | None = None
        self._part = 0
        self._path = folder / f"{name}.journal"
        self._good = 0
        self._broken = False

    @property
    def size(self) -> int:
        """Bytes of the present file that are whole lines."""
        return self._good

    @property
    def whole(self) -> bool:
        """There is a file, and it is known what it has; else it is to be begun anew."""
        return self._file is not None and not self._broken

    def append(self, lines: bytes) -> None:
        """Whole lines, on the disk when this returns. Raises StoreError, and then none of them counts as written."""
        with self._told("write"):
            if self._file is None:
                self._file = self._open()
            elif not os.fstat(self._file).st_nlink:
                self._broken = True
                raise StoreError(f"cannot write {self._path}: somebody has removed it")
            self._write(self._file, lines)
        self._good += len(lines)

    def begin_anew(self, lines: bytes) -> None:
        """Go on in a new file that begins with these lines; the old one goes once they are on the disk. Raises
        StoreError, and then the old one stays."""
        before = self._file, self._path, self._good, self._broken
        old, path, *_ = before
        self._part += 1
        self._file, self._path, self._good = None, self._folder / f"{self._name}-{self._part}.journal", 0
        self._broken = False
        try:
            self.append(lines)
        except StoreError:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            if self._file is not None:
                os.close(self._file)
            self._file, self._path, self._good, self._broken = before
            raise
        with suppress(OSError):  # what it tells is told again, and no newer
            path.unlink(missing_ok=True)
        if old is not None:
            os.close(old)

    def close(self) -> None:
        """Nothing of it is needed any more. Raises StoreError."""
        if self._file is not None:
            with self._told("remove"):
                self._path.unlink(missing_ok=True)
            self.release()

    def release(self) -> None:
        """Leave it to whoever looks for leftovers."""
        if self._file is not None:
            os.close(self._file)
            self._file, self._good, self._broken = None, 0, False

    def probe(self) -> None:
        """Try whether a journal could be written. Raises StoreError."""
        path = self._folder / f"{self._name}.probe"
        with self._told("write"):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("wb") as file:
                    file.write(PROBE)
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                path.unlink(missing_ok=True)

    def _open(self) -> int:
        """Locked before it has its name: nobody may take it for a leftover."""
        self._folder.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(self._path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)  # else a crash of the machine may forget that there is a file
            finally:
                os.close(folder)
        except OSError:
            os.close(file)
            raise
        return file

    def _write(self, file: int, lines: bytes) -> None:
        try:
            written = 0
            while written < len(lines):
                written += os.write(file, lines[written:])
        except OSError:
            try:
                os.ftruncate(file, self._good)
            except OSError:
                self._broken = True
            raise
        try:
            os.fsync(file)
        except OSError:
            self._broken = True  # what a failed one has not written, the next one does not either
            raise

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"cannot {what} {self._path}: {error.strerror or error}") from error


class Leftover:
    """A file that a process has left behind, locked against others who look for it."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self._file = file

    def read(self) -> bytes:
        """All of it. Raises StoreError."""
        try:
            with open(self._file, "rb", closefd=False) as file:
                file.seek(0)
                return file.read()
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {error.strerror or error}") from error

    def remove(self) -> None:
        """It has been told."""
        with suppress(OSError):  # it will be told again, and no newer
            self.path.unlink(missing_ok=True)
        self.release()

    def put_aside(self) -> Path:
        """It has been told as far as it can be read, and is kept for somebody to look at; returns where."""
        path = self.path.with_suffix(".damaged")
        with suppress(OSError):
            self.path.rename(path)
        self.release()
        return path

    def release(self) -> None:
        """Leave it to whoever looks next."""
        os.close(self._file)


def leftovers(folder: Path) -> tuple[list[Leftover], list[str]]:
    """Files whose processes are gone, the oldest first; and why others cannot be opened, in words."""
    found: list[tuple[float, Leftover]] = []
    faults: list[str] = []
    try:
        paths = list(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        return [], [f"cannot look into {folder}: {error.strerror or error}"]
    for path in paths:
        if path.suffix != ".journal":
            continue
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:  # somebody else was quicker
            continue
        except OSError as error:
            faults.append(f"cannot open {path}: {error.strerror or error}")
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # somebody is at it
            os.close(file)
            continue
        status = os.fstat(file)
        if status.st_nlink:
            found.append((status.st_mtime, Leftover(path, file)))
        else:
            os.close(file)
    return [left for _, left in sorted(found, key=lambda each: each[0])], faults
