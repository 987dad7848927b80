"""A site for proofs: server processes on loopback ports behind HAProxy, which asks each whether it is ready."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import trio

from agent.speak.ports import Voice
from nurseries.rehearsal.own_speech import find_voice
from tests.calls.server import Server

PUBLIC = "https://voice.example.in"
ACCOUNT = "AC" + "5" * 32
TOKEN = "0123456789abcdef" * 2
GREETING = "Hello this is Priya. How may I help you today?"
READY_S = 90.0
HEALTH_S = 5.0

CONFIGURATION = """
global
    nbthread 1
    maxconn 4000
    stats socket {folder}/haproxy.sock level admin
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout tunnel 1h
    timeout check 5s
    option http-server-close
    option redispatch
    retries 3
frontend site
    bind 127.0.0.1:{port}
    default_backend pods
backend pods
    balance leastconn
    option httpchk GET /health/ready
    http-check expect status 200
    default-server check inter 200ms fall 1 rise 1 init-addr none
{servers}
"""


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports: list[int] = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Site:
    """HAProxy and as many places for processes."""

    def __init__(self, folder: Path, places: int = 2, **settings: str) -> None:
        """`settings` are those of every process."""
        program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise SystemExit(
                "HAProxy is missing: apt-get install haproxy (Debian, Ubuntu), brew install haproxy (macOS)"
            )
        self.folder = folder
        self.port, *self.ports = free_ports(places + 1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.pods: dict[int, Server] = {}
        """By place."""
        self.started = 0
        self._all: list[Server] = []
        self._settings = {
            "PROVIDER": "scripted",
            "APP_ENV": "test",
            # Nothing comes back on these lines; and tones, which both sides' words are, sound alike to it.
            "ECHO_GUARD": "false",
            "GREETING": GREETING,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "PUBLIC_URL": PUBLIC,
            "MAX_CONCURRENT_CALLS": "200",
        } | settings
        servers = "\n".join(f"    server pod{n} 127.0.0.1:{port}" for n, port in enumerate(self.ports))
        configuration = folder / "haproxy.cfg"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=self.port, servers=servers))
        self._haproxy = subprocess.Popen([program, "-W", "-db", "-q", "-f", str(configuration)])

    async def start(self, place: int, folder: str = "", **settings: str) -> Server:
        """A process there, once HAProxy leads calls to it. In a folder of its own, or in one that was there before."""
        self.started += 1
        home = self.folder / (folder or f"process-{self.started}")
        home.mkdir(exist_ok=True)
        settings = self._settings | {"PORT": str(self.ports[place])} | settings
        pod = await trio.to_thread.run_sync(lambda: Server(home, **settings))
        self.pods[place] = pod
        self._all.append(pod)
        with trio.fail_after(READY_S):
            while not await trio.to_thread.run_sync(self.up, place):  # noqa: ASYNC110
                await trio.sleep(0.1)
        return pod

    def up(self, place: int) -> bool:
        """Whether HAProxy leads calls there."""
        state = self._ask("show stat")
        return any(line.startswith(f"pods,pod{place},") and ",UP," in line for line in state.splitlines())

    def terminate(self, place: int) -> None:
        """SIGTERM."""
        self.pods[place].process.send_signal(signal.SIGTERM)

    async def gone(self, place: int, bound_s: float) -> int:
        """Its exit code, once it has left."""
        pod = self.pods.pop(place)
        return await trio.to_thread.run_sync(lambda: pod.process.wait(bound_s))

    def kill(self, place: int) -> None:
        """SIGKILL."""
        self.pods.pop(place).kill()

    def stop(self, place: int) -> None:
        """It is there, and does nothing."""
        self.pods[place].process.send_signal(signal.SIGSTOP)

    def go_on(self, place: int) -> None:
        self.pods[place].process.send_signal(signal.SIGCONT)

    def calls(self, place: int) -> int:
        """That the process there has, as it says itself."""
        told = httpx2.get(f"http://127.0.0.1:{self.ports[place]}/health", timeout=HEALTH_S, trust_env=False)
        return int(told.json()["calls"])

    def journals(self) -> list[str]:
        """The folders in which a journal has something."""
        found = self.folder.glob("*/data/journal/*.journal")
        return sorted({path.parents[2].name for path in found if path.stat().st_size})

    def reload(self) -> None:
        """HAProxy reads its configuration anew: a new process of it takes connections, the old one keeps its own."""
        self._haproxy.send_signal(signal.SIGUSR2)

    def cut(self, place: int) -> None:
        """All connections to the process there die, and it lives. Those of a HAProxy before a reload do not."""
        self._ask(f"shutdown sessions server pods/pod{place}")

    def close(self) -> None:
        """End everything, at once, and put down what the processes have logged."""
        for place in tuple(self.pods):
            self.kill(place)
        for pod in self._all:
            with (pod.folder / "log").open("a") as file:
                file.writelines(f"{line}\n" for line in pod.lines)
        self._haproxy.terminate()
        self._haproxy.wait(10)

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as runtime:
            runtime.settimeout(5)
            try:
                runtime.connect(f"{self.folder}/haproxy.sock")
            except OSError:
                return ""
            runtime.sendall(command.encode() + b"\n")
            told = b""
            while piece := runtime.recv(65_536):
                told += piece
        return told.decode()


def callers_voice() -> Voice:
    """What callers speak with; the program ends where there is none."""
    voice = find_voice()
    if voice is None:
        raise SystemExit("install the `local` extra: the callers need a voice")
    return voice


@contextmanager
def site(folder: Path, **settings: Any) -> Iterator[Site]:
    """For as long as the block lasts."""
    made = Site(folder, **settings)
    try:
        yield made
    finally:
        made.close()
