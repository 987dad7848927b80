"""Recordings on their way to the object store: a WAV file each under DATA_DIR/spool.

Synchronous: nurseries run it in a thread. A file belongs to the process that has claimed its name, also while it waits
with nobody at it; that is one lock for all of them (see `claim`). A lock on the file itself says that somebody is at it
just now: writing, storing, taking it up or erasing it.
"""

from __future__ import annotations

import fcntl
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import NotKept, StoreError
from agent.keep import wav
from agent.keep.keys import recording_key
from agent.keep.piece import Piece
from agent.providers.claim import Claim

SPARE_BYTES = 64 * 1024 * 1024
"""Left free on the disk: what is said goes before how it sounded, and the journal is on the same disk."""


class Spooled:
    """One file, ours until it is removed, or released where it is not claimed."""

    def __init__(self, path: Path, file: int, label: wav.Label, claim: Claim | None = None) -> None:
        """`file` is open, and locked."""
        self.path = path
        self.label = label
        self._file = file
        self._claim = claim

    @property
    def key(self) -> str:
        """Where it belongs in the object store."""
        return recording_key(self.label.call_sid, self.label.started_at, self.label.leg)

    @property
    def piece(self) -> Piece:
        """What it is of the call's sound, once it is complete. Raises StoreError."""
        with _told(self.path):
            samples = (self.path.stat().st_size - len(wav.header(self.label))) // wav.BYTES_PER_SAMPLE
        return Piece(self.label.leg, self.key, self.label.began_ms, max(samples, 0))

    @property
    def age_s(self) -> float:
        """Since it was last written; without end where somebody has removed it. Raises StoreError."""
        with _told(self.path):
            try:
                return time.time() - self.path.stat().st_mtime
            except FileNotFoundError:
                return math.inf

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
        if self._claim is not None:
            self._claim.done(self.path)

    def rest(self) -> None:
        """Nobody is at it until it is held again: it waits without a descriptor, and stays ours by its name."""
        if self._claim is not None:
            self.release()

    def hold(self) -> bool:
        """Be at it again; False where somebody else is, for a moment. Raises NotKept where it is gone, and
        StoreError."""
        if self._file >= 0:
            return True
        with _told(self.path):
            try:
                self._file = locked(self.path)
            except FileNotFoundError:
                raise NotKept(f"{self.path} is gone") from None
        return self._file >= 0

    def take(self, claim: Claim) -> None:
        """Of a process that is gone: it gets a name of ours, and rests. Raises StoreError, and then it is released."""
        try:
            with _told(self.path):
                path = claim.new(self.path.suffix)
                try:
                    self.path.rename(path)
                except OSError:
                    claim.done(path)
                    raise
        finally:
            self.release()
        self.path, self._claim = path, claim

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
        return Spooled(path, _begun(path, label), label)


def begin_claimed(claim: Claim, label: wav.Label) -> Spooled:
    """The same, under a name of the claim's. Raises StoreError."""
    with _told(claim.path):
        path = claim.new(".wav")
        try:
            return Spooled(path, _begun(path, label), label, claim)
        except OSError:
            claim.done(path)
            raise


def _begun(path: Path, label: wav.Label) -> int:
    new = path.with_suffix(".new")
    file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(file, wav.header(label))
        new.rename(path)
        _synchronise(path.parent)
        os.lseek(file, 0, os.SEEK_END)
    except OSError:
        os.close(file)
        for each in (new, path):
            each.unlink(missing_ok=True)
        raise
    return file


def locked(path: Path) -> int:
    """The file, open and locked; -1 where somebody is at it, or was. Raises OSError."""
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), os.lstat(path)):  # else somebody took it up meanwhile
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(file)
        raise
    os.close(file)
    return -1


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
