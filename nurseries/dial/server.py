"""The running server that `dial` and `hang-up` speak to: its address and our key in, a client out."""

from __future__ import annotations

import os
import re

import httpx2

from agent.config import Settings

_ADDRESS = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")


def address(settings: Settings, given: str | None) -> str | None:
    """The server's, without a slash at its end: this machine's where none is given; None: that is no address."""
    url = (given or f"http://127.0.0.1:{settings.PORT or 3000}").rstrip("/")
    return url if _ADDRESS.fullmatch(url) else None


def client(settings: Settings, url: str, timeout_s: float) -> httpx2.Client:
    """With the key of CALLING_AGENT_KEY, else API_TOKEN; past the proxies of the environment, as `call` goes."""
    key = os.environ.get("CALLING_AGENT_KEY", "") or settings.API_TOKEN.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.Client(base_url=url, headers=headers, timeout=timeout_s, trust_env=False)


KEYLESS = "this takes a key: CALLING_AGENT_KEY is empty, or has none that is valid (`calling-agent keys create`)"
"""Where the server answers 401: it speaks of a header, which is for programs."""


def unreachable(url: str, error: Exception) -> str:
    """In words, with what to do."""
    told = str(error) or type(error).__name__
    return f"no answer from {url}: {told}. Is the server running there? Elsewhere: --url, or PORT in the environment"
