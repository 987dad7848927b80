"""Whether a browser sends a request from a page of this server: headers in, yes or no out."""

from __future__ import annotations

from urllib.parse import urlsplit

from werkzeug.datastructures import Headers


def own_origin(origin: str, host: str, public: str) -> bool:
    """Whether pages of this origin are ours: those of PUBLIC_URL, or without one, in development, of the name that was
    asked for."""
    if public:
        parts = urlsplit(public)
        return origin.lower() == f"{parts.scheme}://{parts.netloc}".lower()
    return origin.lower() in {f"http://{host.lower()}", f"https://{host.lower()}"}


def same_origin(headers: Headers, public: str) -> bool:
    """Whether the browser says so: one that says nothing at all is not believed."""
    origin, site = headers.get("Origin", ""), headers.get("Sec-Fetch-Site", "")
    if site and site != "same-origin":
        return False
    return own_origin(origin, headers.get("Host", ""), public) if origin else site == "same-origin"
