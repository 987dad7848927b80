"""What the parent and a worker say to each other, a message each. Some come with an open file."""

from __future__ import annotations

import msgspec


def replaced(pid: int) -> str:
    """The name of a worker that has left its slot to another one; of the others the slot is. Each has its own: one
    name for all would have each one's counters go on where another's, of another past, had ended."""
    return f"replaced-{pid}"


class _Word(msgspec.Struct, array_like=True, tag=True):
    pass


class Charter(_Word):
    """The first to a worker, with the board: who it is, and what it has in common with the others."""

    slot: int
    row: int
    rows: int
    workers: int
    port: int
    seed: str
    """Hexadecimal: for keys that are drawn at random where no account's token is set."""
    deaths: int
    """How often a worker of this slot has ended by itself so far."""


class Take(_Word):
    """To a worker, with a connection."""


class Leave(_Word):
    """To a worker: so many signals have told it to leave."""

    stage: int
    replaced: bool = False
    """Another one is there in its slot; the server goes on."""


class Closed(_Word):
    """To a worker that has said Closing: nothing was passed to it since."""


class Ask(_Word):
    """By a worker: what have the others counted? To a worker: what have you? `n` tells the questions apart."""

    n: int


class Asked(_Word):
    """To the worker that has asked: so many were asked, and this is its own name."""

    n: int
    of: int
    name: str


class Told(_Word):
    """By a worker, with a file of what it has counted; and to the one that has asked, with that worker's name."""

    n: int
    name: str = ""


class Ready(_Word):
    """By a worker: it takes calls. From a signal to leave to its end, it takes so many seconds at most."""

    within_s: float


class Faulty(_Word):
    """By a worker that cannot begin: what is wrong with its configuration."""

    faults: tuple[str, ...]


class Closing(_Word):
    """By a worker: pass me nothing any more."""


class Back(_Word):
    """By a worker, with a connection that it has not taken."""


Word = Charter | Take | Leave | Closed | Ask | Asked | Told | Ready | Faulty | Closing | Back

LONGEST = 64 * 1024
"""Bytes of a message."""

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Word).decode
