"""Small things that leave the house and come back unchanged: bytes in, a sealed text out; the text in, bytes out.

HMAC-SHA256 under a key of one purpose, in base64 for addresses and headers. What is sealed can be read by whoever has
it; it cannot be made or changed. Pure.
"""

from __future__ import annotations

import base64
import hmac
from typing import Literal


def derive_key(secret: str, purpose: str = "media token 1") -> bytes:
    """A key for one purpose from a secret that all processes share and that also serves other ends."""
    return hmac.digest(secret.encode(), b"calling-agent " + purpose.encode(), "sha256")


class Seal:
    """Seals with the first key, and opens with any: while a secret is changed, both are at work."""

    def __init__(self, *keys: bytes) -> None:
        self._keys = keys

    def close(self, payload: bytes) -> str:
        return f"{_text(payload)}.{_text(hmac.digest(self._keys[0], payload, 'sha256'))}"

    def open(self, text: str) -> bytes | Literal["malformed", "forged"]:
        """What was sealed; takes the same time whichever key fits."""
        first, _, second = text.partition(".")
        payload, given = _bytes(first), _bytes(second)
        if not payload or not given:
            return "malformed"
        fits = [hmac.compare_digest(hmac.digest(key, payload, "sha256"), given) for key in self._keys]
        return payload if any(fits) else "forged"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Strict, so that a sealed text has one spelling; b"" where it is not base64."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return data if _text(data) == text else b""
