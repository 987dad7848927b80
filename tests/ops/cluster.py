"""The scripts that deploy, run against a cluster that is tests/ops/kubectl."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND, BAD = (f"ghcr.io/example/calling-agent@sha256:{letter * 64}" for letter in "abc")


def _listens() -> None:
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "bin"
        path.mkdir(parents=True)
        (path / "kubectl").symlink_to(ROOT / "tests" / "ops" / "kubectl")
        self.environment = {
            "PATH": f"{path}:{os.environ['PATH']}",
            "CLUSTER": str(folder),
            "REAL_KUBECTL": str(Path(sys.executable).with_name("kubectl")),
        }

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "ops" / "ci" / script, *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    @contextmanager
    def begun(self, *command: str | Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """A command while it runs; nothing of it is left afterwards."""
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_listens,  # noqa: PLW1509  nohup, or a shell's background, ignores them
        ) as process:
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def process(self, arguments: str, bound_s: float = 20) -> int:
        """The kubectl that was given these arguments, once it is there."""
        told = f"{self.folder}/bin/kubectl"
        until = time.monotonic() + bound_s
        while time.monotonic() < until:
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    words = entry.read_bytes().decode(errors="replace").replace("\0", " ")
                    if told in words and arguments in words:
                        return int(entry.parent.name)
            time.sleep(0.02)
        raise AssertionError(f"nobody runs kubectl {arguments}")

    @staticmethod
    def gone(pid: int, bound_s: float = 20) -> None:
        until = time.monotonic() + bound_s
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < until, f"{pid} goes on"
            time.sleep(0.02)

    @property
    def revisions(self) -> list[str]:
        path = self.folder / "revisions.json"
        found: list[str] = json.loads(path.read_text()) if path.exists() else []
        return found

    @property
    def calls(self) -> str:
        return (self.folder / "calls").read_text()

    def refuses(self, *images: str) -> None:
        (self.folder / "bad").write_text("\n".join(images))
