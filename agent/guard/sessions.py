"""A browser's session after it has shown a key once: sealed in a cookie, checked against the key at each request.

It holds no secret: the key's id, and a proof that ties it to that key's hash. So it ends with its key, in every
process, and with a changed API_TOKEN. Pure: time is given, in seconds since the epoch.
"""

from __future__ import annotations

import hmac

import msgspec

from agent.guard.api_keys import ApiKey
from agent.guard.seal import Seal


class Session(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the cookie says."""

    key_id: str
    proof: bytes
    expires_at: float


class Sessions:
    """Makes sessions, and reads them."""

    def __init__(self, *secrets: bytes, ttl_s: float) -> None:
        """Sealed with the first of the secrets, opened with any; see `seal.derive_key`."""
        self._seal = Seal(*secrets)
        self.ttl_s = ttl_s

    def begin(self, key: ApiKey, now: float) -> str:
        """The cookie's value for a key that fits."""
        return self._seal.close(msgspec.msgpack.encode(Session(key.key_id, _proof(key), self.end_of(key, now))))

    def end_of(self, key: ApiKey, now: float) -> float:
        return now + self.ttl_s if key.expires_at is None else min(now + self.ttl_s, key.expires_at)

    def read(self, cookie: str, now: float) -> Session | None:
        """A session that we have made and that has not ended; whether its key has, `of` tells."""
        payload = self._seal.open(cookie)
        if not isinstance(payload, bytes):
            return None
        try:
            session = msgspec.msgpack.decode(payload, type=Session)
        except msgspec.DecodeError:  # of another version of ourselves, which has the same secret
            return None
        return session if now < session.expires_at else None

    @staticmethod
    def of(session: Session, key: ApiKey) -> bool:
        """Whether it was begun with this very key."""
        return hmac.compare_digest(session.proof, _proof(key))


def _proof(key: ApiKey) -> bytes:
    return hmac.digest(key.digest.encode(), b"session " + key.key_id.encode(), "sha256")[:16]
