"""The console's files: read once, served from memory. Open to all, for they tell nothing; what they ask for is not.

A browser asks each time whether it still has the newest (`no-cache` and an ETag): a release is seen at once, and a page
never runs with half of the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from quart import Blueprint, request
from quart_trio.wrappers import TrioResponse as Response
from werkzeug.exceptions import NotFound

INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class File:
    """One of them."""

    body: bytes
    content_type: str
    etag: str


def read_files(root: Traversable | None = None) -> dict[str, File]:
    """All below this folder that a browser takes, by path."""
    found: dict[str, File] = {}
    waiting = [("", root or files("agent.web.console") / "static")]
    while waiting:
        prefix, folder = waiting.pop()
        for entry in folder.iterdir():
            path = f"{prefix}{entry.name}"
            if entry.is_dir():
                waiting.append((f"{path}/", entry))
            elif content_type := _TYPES.get(PurePosixPath(entry.name).suffix):
                body = entry.read_bytes()
                found[path] = File(body, content_type, blake2b(body, digest_size=12).hexdigest())
    return found


def console_files() -> Blueprint:
    """The page at `/`, its files below `/console/`."""
    routes = Blueprint("console", __name__)
    served = read_files()

    def answer(path: str) -> Response:
        if (file := served.get(path)) is None:
            raise NotFound(f"The console has no file {path[:80]!r}.")
        response = Response(file.body, content_type=file.content_type)
        response.set_etag(file.etag)
        response.headers["Cache-Control"] = "no-cache"
        # As werkzeug's make_conditional, which is made for WSGI.
        if request.if_none_match.contains_weak(file.etag):  # weak: a proxy has compressed it
            response.status_code = 304
            response.set_data(b"")
        return response

    @routes.get("/")
    async def index() -> Response:
        return answer(INDEX)

    @routes.get("/console/<path:path>")
    async def file(path: str) -> Response:
        return answer(path)

    return routes
