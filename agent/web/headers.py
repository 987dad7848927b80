"""What every answer tells a browser to refuse: nothing in, headers out.

The policy is the console's, and stricter than the API needs: scripts and styles from files of this server only, none
within a page, none from anywhere else. A view that needs another value sets it itself.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from quart_trio import QuartTrio
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings

_CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'{sockets}; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_YEAR_S = 365 * 86_400


def security_headers(settings: Settings) -> dict[str, str]:
    """Strict-Transport-Security is told where PUBLIC_URL is https: in development the same name may serve http."""
    parts = urlsplit(settings.PUBLIC_URL)
    # Older browsers do not take 'self' for the ws form of this server's address.
    sockets = f" ws{parts.scheme[4:]}://{parts.netloc}" if parts.netloc else " ws://127.0.0.1:* ws://localhost:*"
    found = _ALWAYS | {"Content-Security-Policy": _CONTENT.format(sockets=sockets)}
    if settings.PUBLIC_URL.startswith("https://"):
        found["Strict-Transport-Security"] = f"max-age={_YEAR_S}"
    return found


def add_security_headers(app: QuartTrio, settings: Settings) -> None:
    """On every answer of the application, refusals and faults as well."""
    headers = security_headers(settings)

    @app.after_request
    @app.after_websocket  # an upgrade that is refused
    async def tell(response: Any) -> Any:
        if isinstance(response, Response):
            for name, value in headers.items():
                response.headers.setdefault(name, value)
        return response
