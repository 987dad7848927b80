"""One stored piece of a call's sound: each leg has a recording of its own, made and stored by the process that held
it, or by whoever takes up what that one has left. Stores keep pieces beside a record, whichever leg wrote it last."""

from __future__ import annotations

import msgspec


class Piece(msgspec.Struct, frozen=True):
    """Where a leg's sound is, and where it belongs."""

    leg: int
    key: str
    """In the object store."""
    began_ms: int
    """On the call's clock."""
    samples: int
    """Of each side, 8,000 a second."""
