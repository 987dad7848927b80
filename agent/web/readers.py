"""Which programs of this machine, and which web pages, may use the API: a request's headers in, yes or no out.

In development, on a loopback address and without a PUBLIC_URL, programs of this machine need no key. A web page is one
of them as well, and so is a tunnel; so what a browser or a proxy says about itself is looked at: the name it asked for
(a page whose own name was made to point here keeps its name), the page it comes from, and whom it speaks for.
"""

from __future__ import annotations

import re

from werkzeug.datastructures import Headers

from agent.config import Settings

_HERE = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?")
_SPEAKS_FOR_OTHERS = (
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-Ip",
    "Via",
    "Cf-Connecting-Ip",
    "True-Client-Ip",
)


class Readers:
    """One server's."""

    def __init__(self, settings: Settings) -> None:
        self._policy = settings.api
        self._origins = frozenset(settings.cors_origins)

    def page(self, origin: str) -> bool:
        """Whether pages of this origin may use the API from a browser."""
        return origin.lower() in self._origins or ("*" in self._origins and self._policy != "open")

    def stranger(self, headers: Headers) -> str:
        """What shows that it is one; "" where nothing does."""
        host, origin = headers.get("Host", ""), headers.get("Origin", "")
        if not _HERE.fullmatch(host.lower()):
            return "the Host header is not localhost"
        if any(name in headers for name in _SPEAKS_FOR_OTHERS):
            return "this request comes through a proxy or a tunnel"
        if origin:
            if self.page(origin) or origin.lower() == f"http://{host.lower()}":
                return ""
            return "this request comes from a web page that is not in CORS_ORIGINS"
        if headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return "this request comes from another web page"
        return ""
