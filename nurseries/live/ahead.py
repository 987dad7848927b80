"""What a realtime model is told of its own turn before the caller has heard it: lines that somebody else says for it,
and that it would say again; held to what is heard.

A tool of the mind. Pure bookkeeping: messages for the server out. Nothing here is a checkpoint.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

from agent.providers import realtime_requests as requests
from agent.think.conversation import CUT


class Ahead:
    """One call's."""

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._told: deque[tuple[str, str]] = deque()
        """Items at the server, with their texts, in the order of speaking."""
        self._numbers = count(1)

    def tell(self, unheard: Sequence[str]) -> None:
        """These are on their way to the caller: what the server does not know of them yet is told."""
        for text in unheard[len(self._told) :]:
            self._told.append((self._item(), text))
            self._send(requests.assistant(text, self._told[-1][0]))

    def heard(self, text: str, *, interrupted: bool) -> None:
        """The caller has heard the next of them, or a part of it; or something that was not told ahead."""
        words = text + (CUT if interrupted else "")
        if not self._told:
            self._send(requests.assistant(words))
            return
        item, told = self._told.popleft()
        if words == told:
            return
        heard = self._item()
        self._send(requests.assistant(words, heard, item))
        if interrupted and told.startswith(text) and (rest := told[len(text) :].strip()):
            self._told.appendleft((self._item(), rest))  # it may go on
            self._send(requests.assistant(rest, self._told[0][0], heard))
        self._send(requests.forget(item))

    def take_back(self) -> None:
        """The turn is over: what is still heard of it is told as it is heard."""
        while self._told:
            self._send(requests.forget(self._told.popleft()[0]))

    def lost(self) -> None:
        """The server knows nothing any more."""
        self._told.clear()

    def _item(self) -> str:
        return f"ahead_{next(self._numbers)}"
