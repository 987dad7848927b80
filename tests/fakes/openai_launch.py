"""The fake of the OpenAI API from a test's side: start it, plan its answers and faults, look at what it has seen."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Fake:
    """A running fake, from a test's side. Blocking calls of a millisecond: the server is another process."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._control = base_url.removesuffix("/v1") + "/_fake"

    def plan(self, **plan: Any) -> None:
        self._call("POST", plan)

    def state(self) -> dict[str, Any]:
        return self._call("GET")

    def forget(self) -> None:
        self._call("DELETE")

    def _call(self, method: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._control, data=data, method=method)  # noqa: S310
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            state: dict[str, Any] = json.load(answer)
            return state


@contextlib.contextmanager
def launch() -> Iterator[Fake]:
    """A fake of one's own, on a free port, gone at the end."""
    command = [sys.executable, "-m", "tests.fakes.openai_server"]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Fake(process.stdout.readline().strip())
        finally:
            process.terminate()
