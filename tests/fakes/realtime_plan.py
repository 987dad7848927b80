"""What a fake Realtime server is to do: what it hears and says, how long that takes, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["abort", "close", "stall", "garbage", "error", "deaf", "refuse"]


@dataclass
class Wrong:
    """Something goes wrong right before the n-th event (from 0) that a connection's server sends.

    abort: the transport is gone. close: a close frame, with `code`. stall: nothing is sent any more. garbage: bytes
    that are no event. error: an `error` event with `code` as its code. deaf: nothing is read any more. refuse: the
    handshake is answered with status `code`, whatever `at` says.
    """

    kind: Kind
    at: int = 0
    connection: int | None = 0
    """Which one, counted from 0; None: every one."""
    code: int | str = 1011


@dataclass(frozen=True)
class Says:
    """What a response is made of: words that are spoken, tools that are called."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    """Names and arguments."""
    status: str = "completed"
    """Or "failed", "incomplete": so it ends, after what was said."""
    first_s: float | None = None
    """Where it takes another time than the plan's."""
    chunks: int | None = None
    """Of its sound, where it breaks off within its words: with the events of an end, as the API documents them."""
    cut_call: bool = False
    """The last of its calls breaks off likewise, `arguments` being what there is of them."""
    call_after_s: float = 0.0
    """From what was said to the first call."""


def verbatim(create: dict[str, Any], _items: Sequence[dict[str, Any]]) -> Says:
    """Says what it is asked to say: the text of the last message of the response's own input."""
    (content,) = create["input"][-1]["content"]
    return Says(content["text"])


@dataclass
class Plan:
    """One server's."""

    heard: Sequence[str] | Callable[[bytes], str] = ()
    """Transcripts, one new sound after the other, the last one again and again; the same sound has the same one."""
    says: Callable[[dict[str, Any], Sequence[dict[str, Any]]], Says] = verbatim
    """From a `response.create`'s response and the conversation's items."""
    final_s: float = 0.15
    """From a commit to the whole transcript."""
    parts: bool = False
    """Words come while sound is appended: what is heard so far, at every second of it."""
    first_s: float = 0.3
    """From a request to the first piece of its sound."""
    chunk_ms: int = 200
    pace: float = 4.0
    """Seconds of sound made in a second."""
    session_s: float | None = 3600.0
    wall_clock: Callable[[], float] = lambda: 0.0
    key: str = ""
    """The only one that is let in; "": anybody."""
    shut_down: frozenset[str] = frozenset()
    speech: Callable[[str, int], bytes] | None = None
    """A text's sound, at so many bytes a millisecond; None: the server's own."""
    wrong: list[Wrong] = field(default_factory=list)
