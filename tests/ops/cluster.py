"""The scripts that deploy, run against a cluster that is tests/ops/kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND, BAD = (f"ghcr.io/example/calling-agent@sha256:{letter * 64}" for letter in "abc")


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
