"""The port of a server: settings in, listeners out."""

from __future__ import annotations

import trio

from agent.config import Settings
from agent.errors import ConfigError


async def listen(settings: Settings) -> tuple[list[trio.SocketListener], int]:
    """At the port, which is told as well. Raises ConfigError."""
    try:
        listeners = await trio.open_tcp_listeners(settings.PORT, host=settings.host)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            (f"cannot listen on {settings.host}:{settings.PORT}: {reason}. Set PORT (or HOST) to a free one.",)
        ) from None
    return listeners, listeners[0].socket.getsockname()[1]
