"""How often somebody may do something: who and when in, "now" or "in so many seconds" out. Pure; memory is fixed.

The generic cell rate algorithm (ITU-T I.371, annex A): of each client one number is kept, the time at which its
allowance is whole again. What a client may do in a period it may do at once; after that, evenly.
"""

from __future__ import annotations

import hashlib

SETS, WAYS = 512, 8
"""4,096 clients that are remembered at a time, in sets that a key chooses with a secret: nobody can aim at a set."""


class Limiter:
    """So many times in a period, for each client. Where its table is full, the client forgotten is the one that used
    least of its allowance: a flood of strangers cannot have the table forget those who used up theirs."""

    def __init__(self, count: int, period_s: float, salt: bytes = b"") -> None:
        """`count` 0: no limit. `salt`: unpredictable, up to 64 bytes."""
        self._period_s = period_s
        self._each_s = period_s / count if count else 0.0
        self._salt = salt
        self._sets: list[dict[str, float]] = [{} for _ in range(SETS)]

    def take(self, client: str, now: float) -> float:
        """0.0: now, and it is counted. Else it is not, and would be in so many seconds. `now` in seconds of any clock;
        one that is set back takes nobody's allowance away for longer than a period."""
        known = self._set(client)
        if known.get(client, now) > now + self._period_s:
            known[client] = now + self._period_s
        whole = max(known.get(client, now), now) + self._each_s
        wait = whole - self._period_s - now
        if wait > 1e-6:
            return wait
        if client not in known and len(known) >= WAYS:
            del known[min(known, key=known.__getitem__)]
        known[client] = whole
        return 0.0

    @property
    def remembered(self) -> int:
        """Clients in the table."""
        return sum(map(len, self._sets))

    def _set(self, client: str) -> dict[str, float]:
        digest = hashlib.blake2b(client.encode("utf-8", "replace"), digest_size=4, key=self._salt).digest()
        return self._sets[int.from_bytes(digest) % SETS]


class Pace:
    """The same for one peer: so much a second in the long run, and so much at once after it was held up."""

    def __init__(self, per_s: float, at_once: float) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._whole = float("-inf")

    def keeps(self, amount: float, now: float) -> bool:
        """Whether the peer keeps to it with this as well, at this time in seconds."""
        self._whole = max(self._whole, now) + amount / self._per_s
        return (self._whole - now) * self._per_s <= self._at_once
