"""Of messages and sounds, what is enough to know them again."""

from __future__ import annotations

import re
from hashlib import blake2b

from agent.replay.events import Sent

_KIND = re.compile(r'\{"(?:event|type)":"([^"]*)"')
_SOUND = frozenset({"media", "input_audio_buffer.append"})


def digest(data: bytes) -> str:
    """16 hexadecimal digits."""
    return blake2b(data, digest_size=8).hexdigest()


def sent(text: str) -> Sent:
    """A message that the call sends, to a carrier or to a Realtime server; of sound its digest is enough."""
    named = _KIND.match(text)
    kind = named[1] if named is not None else ""
    return Sent(kind, len(text), digest(text.encode()), "" if kind in _SOUND else text)
