"""API keys: who may use the HTTP API, and for what. Made once, shown once, kept as a hash. Pure.

A key is `ca_<id>_<secret>`: its id is told in logs and lists, its secret to nobody but its holder. What is kept is the
secret's plain SHA-256. Slow, salted hashes are for passwords, which can be guessed; 256 random bits cannot, at any
speed, and a fast hash gives strangers nothing to keep a processor busy with.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Literal

import msgspec

Scope = Literal["read", "call", "admin"]
"""To read what is kept; to place calls and end them; everything, erasing included. Each includes those before it."""

SCOPES: tuple[Scope, ...] = ("read", "call", "admin")

_SHOWN = re.compile(r"ca_([a-z]{8})_([0-9a-f]{64})")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""Of ids: digits would be taken for telephone numbers by what masks the log."""


class ApiKey(msgspec.Struct, frozen=True):
    """What is kept of a key. Times are seconds since the epoch."""

    key_id: str
    name: str
    """Whose it is, in its maker's words."""
    scope: Scope
    digest: str
    """SHA-256 of the secret, in hex."""
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    used_at: float | None = None
    """Roughly when it was last used."""

    def state(self, now: float) -> Literal["valid", "revoked", "expired"]:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "valid"


def new_key(
    name: str, scope: Scope, *, days: float | None, now: float, random: Callable[[int], bytes]
) -> tuple[ApiKey, str]:
    """A key that ends after `days`, and the one spelling of it that its holder shows. `random` gives that many
    unpredictable bytes."""
    secret = random(32).hex()
    key_id = "".join(_LETTERS[byte % len(_LETTERS)] for byte in random(8))
    expires_at = None if days is None else now + days * 86_400
    return ApiKey(key_id, name, scope, digest(secret), now, expires_at), f"ca_{key_id}_{secret}"


def read_key(shown: str) -> tuple[str, str] | None:
    """A key's id and secret, or None for what is no key of ours by its form."""
    match = _SHOWN.fullmatch(shown)
    return (match[1], match[2]) if match else None


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def fits(key: ApiKey, secret: str) -> bool:
    """Whether this is the key's secret; takes the same time whatever it is."""
    return hmac.compare_digest(digest(secret), key.digest)


def covers(has: Scope, needed: Scope) -> bool:
    return SCOPES.index(has) >= SCOPES.index(needed)
