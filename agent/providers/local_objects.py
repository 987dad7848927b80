"""Objects as files below one folder: written aside, synchronised, then renamed, so that a crash leaves whole ones.

Synchronous: nurseries run it in threads. Every folder on the way to a file is opened from the one before without
following links, so no key and no link leads out; the topmost one may be a link, for that is the operator's.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import NotKept, StoreError
from agent.keep.keys import parts
from agent.providers import spool

PIECE = 256 * 1024
"""Bytes read at once."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class LocalObjects:
    """A folder, made when first written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        return str(self._folder)

    def put(self, key: str, path: Path, content_type: str) -> None:  # noqa: ARG002  a file's type is in its name
        with self._told(key, wanted=False), self._parent(key, make=True) as (folder, name):
            aside = f"{name}.{secrets.token_hex(4)}.part"  # one that a crash leaves is an object that grows old
            try:
                if not _linked(path, aside, folder):
                    _copy(path, aside, folder)
                os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                with suppress(OSError):  # also where the two are links to one file: renaming does nothing then
                    os.unlink(aside, dir_fd=folder)
            os.fsync(folder)

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with self._told(key), self._parent(key) as (folder, name):
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise NotKept(f"{self.name} has no object {key}")
                file.seek(start)
                left = float("inf") if end is None else end - start
                while left > 0 and (piece := file.read(int(min(PIECE, left)))):
                    left -= len(piece)
                    yield piece

    def size(self, key: str) -> int:
        with self._told(key), self._parent(key) as (folder, name):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise NotKept(f"{self.name} has no object {key}")
        return status.st_size

    def delete(self, key: str) -> None:
        with suppress(NotKept), self._told(key), self._parent(key) as (folder, name):
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def older(self, seconds: float) -> Iterator[str]:
        before = time.time() - seconds
        with self._told("its folder"):
            if not self._folder.exists():
                return
            for where, folders, files, folder in os.fwalk(self._folder, follow_symlinks=False, onerror=_raise):
                folders.sort()
                for name in files:
                    with suppress(FileNotFoundError):
                        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode) and status.st_mtime <= before:
                            yield Path(where, name).relative_to(self._folder).as_posix()

    def url(self, key: str) -> str:  # noqa: ARG002  nobody else looks into a folder of ours
        return ""

    def close(self) -> None:
        pass

    @contextmanager
    def _parent(self, key: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The folder that the key's file is in, open, and the file's name in it."""
        *way, name = parts(key)
        if make:
            self._folder.mkdir(parents=True, exist_ok=True)
        folder = os.open(self._folder, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for part in way:
                inner = _opened(part, folder, make=make)
                os.close(folder)
                folder = inner
            yield folder, name
        finally:
            os.close(folder)

    @contextmanager
    def _told(self, key: str, *, wanted: bool = True) -> Iterator[None]:
        """`wanted`: an object that is not there is an answer."""
        try:
            yield
        except OSError as error:
            if wanted and isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
                raise NotKept(f"{self.name} has no object {key}") from None
            raise StoreError(f"{self.name}: {key}: {error.strerror or error}") from error


def _opened(name: str, folder: int, *, make: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):  # somebody else was quicker
        os.mkdir(name, 0o700, dir_fd=folder)
        os.fsync(folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _linked(path: Path, name: str, folder: int) -> bool:
    """Whether the file could get the name as a second one: it takes no room, where the disk may have little left."""
    try:
        os.link(path, name, dst_dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one that knows no links
        return False
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fchmod(file, 0o600)
        os.fsync(file)
    finally:
        os.close(file)
    return True


def _copy(path: Path, name: str, folder: int) -> None:
    disk, size = os.fstatvfs(folder), path.stat().st_size
    if disk.f_bavail * disk.f_frsize < spool.SPARE_BYTES + size:
        raise StoreError(f"cannot store {path}: less than {spool.SPARE_BYTES >> 20} MB would be left on the disk")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with path.open("rb") as source, os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as target:
        while piece := source.read(PIECE):
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())


def _raise(error: OSError) -> None:
    raise error
