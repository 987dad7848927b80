"""One end of what lies between the parent and a worker: words and open files in, words and open files out.

A pair of Unix sockets that keeps messages apart; a message is there whole or not at all, so a write may be cancelled.
"""

from __future__ import annotations

import array
import os
import socket
from contextlib import suppress

import msgspec
import structlog
import trio

from agent.workers import words
from agent.workers.words import Word

log = structlog.get_logger(__name__)

NONE = -1
"""No file."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends. Raises OSError."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Hatch:
    """One end. Used on the loop only, by one task that receives."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end

    def put(self, word: Word, file: int = NONE) -> bool:
        """Say it now, with an open file; False where the other end takes nothing at present, or is gone. Not a
        checkpoint."""
        with_it = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))] if file >= 0 else []
        try:
            self._end.sendmsg([words.encode(word)], with_it)
        except OSError:
            return False
        return True

    async def say(self, word: Word, file: int = NONE) -> bool:
        """As soon as the other end takes it; False where it is gone. Cancelled, nothing was said."""
        await trio.lowlevel.checkpoint()
        with_it = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))] if file >= 0 else []
        while True:
            try:
                self._end.sendmsg([words.encode(word)], with_it)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._end)
            except OSError:
                return False
            else:
                return True

    async def hear(self) -> tuple[Word, int] | None:
        """The next word, with the file that came with it, which is the caller's, or NONE; None once the other end is
        gone. What cannot be read is left out, and told."""
        while True:
            await trio.lowlevel.checkpoint()
            try:
                data, ancillary, _, _ = self._end.recvmsg(
                    words.LONGEST, socket.CMSG_SPACE(array.array("i").itemsize), socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._end)
                continue
            except OSError:
                return None
            if not data:
                return None
            file = _file(ancillary)
            try:
                return words.decode(data), file
            except msgspec.DecodeError as error:
                log.error("a word of another process is not understood", error=str(error))  # noqa: TRY400  no traceback
                close(file)

    def close(self) -> None:
        """The other end hears nothing any more. Not a checkpoint."""
        self._end.close()


def close(file: int) -> None:
    """Harmless where there is none."""
    if file >= 0:
        with suppress(OSError):
            os.close(file)


def _file(ancillary: list[tuple[int, int, bytes]]) -> int:
    files = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files.frombytes(data[: len(data) - len(data) % files.itemsize])
    return files[0] if files else NONE
