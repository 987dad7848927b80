"""The smoke call, to servers that are there: one that is well, one whose model fails, one that leaves, and none."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ops.ci.smoke_call import LINES, wrong
from ops.proofs.site import free_ports
from tests.calls.server import PROGRAM, Server, environment
from tests.fakes.openai_launch import launch
from tests.ops.cluster import FIRST, SECOND, Cluster

SCRIPT = Path(__file__).resolve().parents[2] / "ops" / "ci" / "smoke-call"


PROXY = """defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout tunnel 1h
frontend public
    bind 127.0.0.1:{port}
    http-request replace-path /agent(/.*) \\1
    default_backend inner
backend inner
    server one 127.0.0.1:{inner}
"""


def smoke(url: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, url, *arguments], env=environment(**settings), capture_output=True, text=True, timeout=200, check=False
    )


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("well"), PROVIDER="scripted")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its model refuses every request; the voice is there, and says so."""
    with launch() as fake:
        fake.plan(faults=[{"route": "chat", "kind": "status", "status": 401, "after": -1, "times": 0}])
        folder = tmp_path_factory.mktemp("broken")
        server = Server(folder, LLM_PROVIDER="openai", OPENAI_BASE_URL=fake.base_url, PROVIDER="local")
        yield server
        server.kill()


def test_a_good_server_is_released_and_a_broken_one_is_not(well: Server, broken: Server, tmp_path: Path) -> None:
    """The call decides: what ran before the broken one runs again."""
    said = ("--say", "A flat.", "--tries", "1")
    clusters = [Cluster(tmp_path / "well"), Cluster(tmp_path / "broken")]
    for cluster in clusters:
        assert cluster.run("deploy", "production", FIRST).returncode == 0
    with ThreadPoolExecutor() as pool:  # they last as long as calls do
        release = ("release", "production", SECOND)
        stays = pool.submit(clusters[0].run, *release, well.url, *said, "--answer-ms", "20000")
        goes = pool.submit(clusters[1].run, *release, broken.url, *said)
    assert stays.result().returncode == 0, stays.result().stderr
    assert "1 answered" in stays.result().stdout
    assert clusters[0].revisions == [FIRST, SECOND]
    assert goes.result().returncode == 1, goes.result().stdout
    assert clusters[1].revisions == [FIRST, SECOND, FIRST]
    assert "a provider fails" in goes.result().stderr or "degraded" in goes.result().stderr
    assert "the smoke call failed" in goes.result().stderr


def test_a_server_behind_a_path_is_called_through_the_proxy_and_around_it(tmp_path: Path) -> None:
    """The proxy takes the path away; the address that Twilio signs has it."""
    token = "0" * 32
    port, inner = free_ports(2)
    address = f"http://127.0.0.1:{port}/agent"
    signed = {"PUBLIC_URL": address, "TWILIO_AUTH_TOKEN": token}
    server = Server(tmp_path, PROVIDER="scripted", PORT=str(inner), TWILIO_SIGNATURE="require", **signed)
    (tmp_path / "proxy.cfg").write_text(PROXY.format(port=port, inner=inner))
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    proxy = subprocess.Popen([program, "-db", "-q", "-f", str(tmp_path / "proxy.cfg")])
    try:
        said = ("--say", "A flat.", "--answer-ms", "20000")
        done = smoke(address, *said, TWILIO_AUTH_TOKEN=token)
        assert done.returncode == 0, done.stderr
        assert "1 answered" in done.stdout
        # As on the server's own machine, with its settings.
        told = {"PORT": str(inner)} | signed
        around = [PROGRAM, "call", "--say", "A flat.", "--json"]
        done = subprocess.run(
            around, cwd=tmp_path, env=environment(**told), capture_output=True, text=True, timeout=120, check=False
        )
        assert json.loads(done.stdout)["failures"] == []
    finally:
        proxy.terminate()
        proxy.wait(10)
        server.kill()


def report(**changes: Any) -> dict[str, Any]:
    turns = [{"text": text, "latency_ms": 900} for text in LINES]
    said = [{"role": "agent", "text": "A flat in Whitefield, lovely."}]
    fine = {"exit_code": 0, "failures": [], "violations": [], "conversation": said, "turns": turns}
    return fine | changes


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"turns": [{"text": text, "latency_ms": 4001} for text in LINES]}, "4001 ms to the answer"),
        ({"turns": [{"text": text, "latency_ms": None} for text in LINES]}, "no answer to"),
        ({"turns": []}, "nothing was answered"),
        ({"exit_code": 3, "violations": [{"what": "a mark without a name"}]}, "protocol: a mark without a name"),
        ({"exit_code": 5}, "exit code 5"),
        ({"conversation": [{"role": "agent", "text": "I am very sorry, something went wrong."}]}, "a provider fails"),
    ],
)
def test_what_a_caller_would_complain_of_is_a_fault(changes: dict[str, Any], why: str) -> None:
    assert wrong(report(), 4000) == []
    assert why in "; ".join(wrong(report(**changes), 4000))


def test_nobody_there(tmp_path: Path) -> None:
    done = smoke("http://127.0.0.1:9", "--ready-s", "0")
    assert done.returncode == 1
    assert "does not answer" in done.stderr


@pytest.mark.parametrize("url", ["voice.example.in", "https://", "https://voice.example.in?line=a", "ftp://v.in"])
def test_what_is_no_address_is_refused(url: str) -> None:
    assert smoke(url).returncode == 2
