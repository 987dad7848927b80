"""An unpacked image in; its command, running as an engine would run it, out: process 1, its user, a read-only root.

See ops/ci/read-only-root. Needs root.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


class WrongError(Exception):
    """What the image does not do."""


@dataclass(frozen=True, slots=True)
class Image:
    """What an engine reads of an image."""

    root: Path
    user: str
    directory: str
    environment: tuple[str, ...]
    command: tuple[str, ...]
    health: tuple[str, ...]
    labels: dict[str, str]

    @classmethod
    def read(cls, root: Path, inspected: Path) -> Image:
        config = json.loads(inspected.read_text())["Docker"]["config"]
        if config.get("StopSignal") != "SIGTERM":
            raise WrongError("STOPSIGNAL is not SIGTERM")
        kind, *health = config["Healthcheck"]["Test"]
        if kind != "CMD":
            raise WrongError(f"the health check is {kind}, not a command without a shell")
        return cls(
            root=root,
            user=config["User"],
            directory=config["WorkingDir"],
            environment=tuple(config["Env"]),
            command=(*config["Entrypoint"], *config["Cmd"]),
            health=tuple(health),
            labels=config["Labels"],
        )


class Container:
    """The image's command, running."""

    def __init__(self, image: Image, log: Path, **settings: str) -> None:
        inside = Path(__file__).with_name("read-only-root")
        env = (*image.environment, *(f"{name}={value}" for name, value in settings.items()))
        namespaces = ("unshare", "--mount", "--pid", "--fork", "--ipc", "--kill-child")
        self.image, self.log, self._env = image, log, env
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [*namespaces, inside, str(image.root), image.user, image.directory, *env, *image.command],
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def first(self) -> int:
        """Process 1 of the container, as the machine counts. Raises WrongError where there is none."""
        pid = self.process.pid
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            # Before that it is who prepares its place.
            if children and "python" in str(Path(f"/proc/{children[0]}/exe").readlink()):
                return int(children[0])
            time.sleep(0.02)
        raise WrongError(f"the server does not run:\n{self.tail()}")

    def wait_hears(self) -> None:
        """Until it takes SIGTERM: process 1 gets no signal that it has no handler for."""
        status = Path(f"/proc/{self.first}/status")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            caught = int(re.findall(r"SigCgt:\t(\w+)", status.read_text())[0], 16)
            if caught >> (signal.SIGTERM - 1) & 1:
                return
            time.sleep(0.005)
        raise WrongError(f"it does not take SIGTERM:\n{self.tail()}")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command beside the server: in its namespaces, on its root, as its user."""
        uid, _, gid = self.image.user.partition(":")
        enter = ("nsenter", "--target", str(self.first), "--mount", "--pid", "--ipc", "--root", "--wd=/")
        drop = ("setpriv", "--reuid", uid, "--regid", gid, "--clear-groups", "--no-new-privs")
        return subprocess.run(
            [*enter, *drop, "env", "-i", *self._env, *command], capture_output=True, text=True, timeout=30, check=False
        )

    def leave(self, bound_s: float) -> int:
        """SIGTERM; the exit code. Raises WrongError where it does not go."""
        os.kill(self.first, signal.SIGTERM)
        try:
            return self.process.wait(bound_s)
        except subprocess.TimeoutExpired:
            raise WrongError(f"SIGTERM did not end it within {bound_s:g} s:\n{self.tail()}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
