"""Recordings on their way to the object store: a WAV file each under DATA_DIR/spool, and those that crashed processes
have left behind.

Synchronous: nurseries run it in a thread. A file belongs to the process that holds its lock, which the system lets go
of when the process is gone, however it went.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import StoreError
from agent.keep import wav
from agent.keep.keys import recording_key

SPARE_BYTES = 64 * 1024 * 1024
"""Left free on the disk: what is said goes before how it sounded, and the journal is on the same disk."""

BEGUN_S = 60.0
"""For a file to be begun."""
STARTED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")


class Spooled:
    """One file, ours until it is released."""

    def __init__(self, path: Path, file: int, label: wav.Label) -> None:
        self.path = path
        self.label = label
        self._file = file

    @property
    def key(self) -> str:
        """Where it belongs in the object store."""
        return recording_key(self.label.call_sid, self.label.started_at)

    @property
    def age_s(self) -> float:
        """Since it was last written. Raises StoreError."""
        with _told(self.path):
            return time.time() - os.fstat(self._file).st_mtime

    def append(self, frames: bytes) -> None:
        """Raises StoreError where the disk is full, or almost."""
        with _told(self.path):
            disk = os.fstatvfs(self._file)
            if disk.f_bavail * disk.f_frsize < SPARE_BYTES + len(frames):
                raise StoreError(f"cannot write {self.path}: less than {SPARE_BYTES >> 20} MB are left on the disk")
            if os.fstat(self._file).st_size + len(frames) > wav.MOST_BYTES:
                raise StoreError(f"cannot write {self.path}: a WAV file gets no longer")
            while frames:
                frames = frames[os.write(self._file, frames) :]

    def complete(self) -> None:
        """Make it a WAV file that is whole, on the disk when this returns. Raises StoreError."""
        with _told(self.path):
            _, start = wav.read(os.pread(self._file, wav.LONGEST_HEADER, 0))
            whole, patches = wav.sizes(start, os.fstat(self._file).st_size)
            os.ftruncate(self._file, whole)
            for at, data in patches:
                os.pwrite(self._file, data, at)
            os.fsync(self._file)

    def remove(self) -> None:
        """Nobody needs it any more."""
        with suppress(OSError):  # it will be looked at again
            self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Leave it to whoever looks for leftovers."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def begin(folder: Path, name: str, label: wav.Label) -> Spooled:
    """A new file, its header in it; `name` is this process's alone. Raises StoreError. Locked before it has its name:
    nobody may take it for a leftover."""
    path = folder / f"{name}.wav"
    with _told(path):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_suffix(".new")
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(file, wav.header(label))
            new.rename(path)
            _synchronise(folder)
            os.lseek(file, 0, os.SEEK_END)
        except OSError:
            os.close(file)
            for each in (new, path):
                each.unlink(missing_ok=True)
            raise
    return Spooled(path, file, label)


def leftovers(folder: Path) -> tuple[list[Spooled], list[str]]:
    """Files whose processes are gone, made whole, the oldest first; and why others cannot be used, in words."""
    found: list[tuple[float, Spooled]] = []
    faults: list[str] = []
    try:
        paths = list(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        return [], [f"cannot look into {folder}: {error.strerror or error}"]
    for path in paths:
        if path.suffix not in {".wav", ".new"} or _being_begun(path):
            continue
        try:
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # somebody else was quicker
            continue
        except OSError as error:
            faults.append(f"cannot open {path}: {error.strerror or error}")
            continue
        try:
            spooled = _taken(path, file)
        except (StoreError, ValueError) as error:
            os.close(file)
            faults.append(f"{path}: {error}")
            continue
        if spooled is None:
            os.close(file)
        else:
            found.append((os.fstat(file).st_mtime, spooled))
    return [spooled for _, spooled in sorted(found, key=lambda each: each[0])], faults


def _being_begun(path: Path) -> bool:
    """A file that has no lock and no name yet is its maker's."""
    try:
        return path.suffix == ".new" and time.time() - path.stat().st_mtime < BEGUN_S
    except OSError:
        return True


def _taken(path: Path, file: int) -> Spooled | None:
    """None where somebody is at it, or there is nothing in it. Raises ValueError where it is none of ours."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    if not os.fstat(file).st_nlink:
        return None
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


def _synchronise(folder: Path) -> None:
    """Else a crash of the machine may forget that there is a file."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
