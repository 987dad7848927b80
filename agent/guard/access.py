"""What letting people in needs from outside: keys and used tokens, kept where all processes see them."""

from __future__ import annotations

from typing import Protocol

from agent.guard.api_keys import ApiKey

MOST_KEYS = 10_000
"""All of them are read at once, every few seconds."""


class AccessStore(Protocol):
    """Where keys and used tokens are kept. Synchronous: nurseries run it in a thread of its own and bound it. Every
    method raises StoreError."""

    def add(self, key: ApiKey) -> None:
        """Keep a new key. Raises StoreError also where there are MOST_KEYS, or one with its id."""
        ...

    def keys(self) -> list[ApiKey]:
        """All keys, revoked and expired ones too, the oldest first."""
        ...

    def revoke(self, key_id: str, at: float) -> bool:
        """End a key; one that has ended keeps its first time. False where there is none."""
        ...

    def used(self, key_id: str, at: float) -> None:
        """Note a use. Never moves back."""
        ...

    def burn(self, nonce: str, until: float) -> bool:
        """Whether this is the first time, among all processes, that the nonce is shown. It is remembered until then,
        in seconds since the epoch."""
        ...

    def close(self) -> None: ...


class Keys(Protocol):
    """The keys there are, as the HTTP face asks for them."""

    async def find(self, key_id: str) -> ApiKey | None:
        """The key as the store had it a few seconds ago, at most; None where there is none. Raises StoreError where
        the store is away and nothing of late is known of this key."""
        ...

    async def used(self, key: ApiKey, now: float) -> None:
        """The key was shown and let in. Never raises."""
        ...
