"""The image's file system in; a server run from it, called, told to leave: what was seen out. See ops/ci/image-check.

It runs as an engine or Kubernetes would run it: by the image's own command, user and environment, as process 1, on a
read-only root without rights, with the settings of production's pods and a real MongoDB. A production server has no
voice of its own, so that its models are the tests' fake of an OpenAI-compatible server, over HTTP; the caller is
`calling-agent call`, which signs as Twilio does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ops.ci.container import Container, Image, WrongError
from ops.ci.manifests import built
from tests.fakes.mongod import Mongod
from tests.fakes.openai_launch import launch

PUBLIC_URL = "https://voice.example.in"
ACCOUNT = "AC" + "0" * 32
TWILIO_TOKEN, API_TOKEN = "0123456789abcdef0123456789abcdef", "a-key-for-this-check-alone"
HEARD, REPLY = "I am looking for a flat in Whitefield.", "A flat in Whitefield. What is your budget?"
START_S, LEAVE_S, EARLY_S, CALL_S = 60.0, 20.0, 5.0, 120.0
TERMINATED = 143
MOST_MB = 300
"""Of what the base has not; 276 when this was written. Speech for a laptop, and what builds it, would be more."""
FOREIGN = ("pip", "setuptools", "hatchling", "pytest", "moonshine_voice", "hibari")
CLOSED, OPEN = ("/", "/etc", "/opt/venv", "/usr/bin", "/var/tmp"), ("/data", "/tmp")  # noqa: S108  the image's own


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--root", "--image", "--work"):
        parser.add_argument(name, type=Path, required=True)
    args = parser.parse_args()
    try:
        image = Image.read(args.root, args.image)
        with launch() as fake, closing(Database()) as database:
            fake.plan(chat={"replies": [REPLY]}, transcriptions={"transcripts": [HEARD]})
            checked(image, args.work, _settings(fake.base_url, database.uri))
        _lean(image.root)
        told(f"size: {_megabytes(image.root)} MB unpacked, {_compressed(image.root)} MB compressed (gzip)")
    except WrongError as error:
        print(f"image-check: {error}", file=sys.stderr)
        return 1
    return 0


class Database(Mongod):
    """A mongod of its own."""

    close = Mongod.remove


def checked(image: Image, work: Path, settings: dict[str, str]) -> None:
    """All that is looked at. Raises WrongError at the first that is not as it should be."""
    lacking = {f"org.opencontainers.image.{name}" for name in ("title", "version", "revision")} - image.labels.keys()
    if lacking:
        raise WrongError(f"labels are missing: {', '.join(sorted(lacking))}")
    early = Container(image, work / "early.log", **settings, PORT=str(_free_port()))
    try:
        early.wait_hears()
        if (code := early.leave(EARLY_S)) != TERMINATED or "listening" in early.log.read_text():
            raise WrongError(f"exit code {code} after SIGTERM as it starts:\n{early.tail()}")
    finally:
        early.kill()
    told("SIGTERM as it starts: gone at once")
    port = _free_port()
    container = Container(image, work / "server.log", **settings, PORT=str(port))
    try:
        began = time.monotonic()
        _wait_ready(container, port)
        told(f"ready after {time.monotonic() - began:.1f} s, {_store(container)}")
        _harmless(container)
        _healthy(container, port)
        sid = _called(port)
        _kept(container, port, sid)
        began = time.monotonic()
        if code := container.leave(LEAVE_S):
            raise WrongError(f"exit code {code} after SIGTERM:\n{container.tail()}")
        told(f"SIGTERM: exit code 0 after {time.monotonic() - began:.1f} s")
    finally:
        container.kill()


def _settings(openai: str, mongodb: str) -> dict[str, str]:
    """Those of production's pods, and what they have as secrets."""
    (shared,) = [each["data"] for each in built("production") if each["kind"] == "ConfigMap"]
    return shared | {
        "HOST": "127.0.0.1",
        "PUBLIC_URL": PUBLIC_URL,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
        "TWILIO_CALLER_ID": "+918040000000",
        "OPENAI_BASE_URL": openai,
        "MONGODB_URI": mongodb,
        "API_TOKEN": API_TOKEN,
    }


def _wait_ready(container: Container, port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and container.process.poll() is None:
        if _status(port, "/health/ready") == 200:
            return
        time.sleep(0.05)
    raise WrongError(f"not ready:\n{container.tail()}")


def _store(container: Container) -> str:
    """What it says that it keeps records in: MongoDB."""
    said = re.search(r'"store": "([^"]*)"', container.log.read_text())
    if said is None or "mongodb" not in said[1].lower():
        raise WrongError(f"it does not keep records in MongoDB:\n{container.tail()}")
    return f"keeps records in {said[1]}"


def _harmless(container: Container) -> None:
    """It has no rights, and nowhere to write but where it may."""
    status = Path(f"/proc/{container.first}/status").read_text()
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    uid = container.image.user.partition(":")[0]
    if uid == "0":
        raise WrongError("the image's user is root")
    if set(found["Uid"].split()) != {uid}:
        raise WrongError(f"it runs as {found['Uid']}, not as {uid}")
    if found["NSpid"].split()[-1] != "1":
        raise WrongError(f"it is process {found['NSpid']}, not 1")
    if any(int(found[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")) or found["NoNewPrivs"] != "1":
        raise WrongError(f"it has rights:\n{status}")
    for folder in (*CLOSED, *OPEN):
        done = container.run("sh", "-c", f"touch {folder}/probe && rm {folder}/probe")
        if (done.returncode == 0) != (folder in OPEN):
            raise WrongError(f"writing to {folder}: exit code {done.returncode}, {done.stderr.strip()}")
        if folder in CLOSED and "Read-only file system" not in done.stderr and folder != "/var/tmp":  # noqa: S108
            raise WrongError(f"writing to {folder} fails for another reason: {done.stderr.strip()}")
    told(f"process 1, user {uid}, no capabilities; read-only: {', '.join(CLOSED)}; writable: {', '.join(OPEN)}")


def _healthy(container: Container, port: int) -> None:
    for path in ("/health", "/health/live", "/health/ready"):
        if (status := _status(port, path)) != 200:
            raise WrongError(f"{path}: {status}")
    done = container.run(*container.image.health)
    if done.returncode:
        raise WrongError(f"the health check fails: {done.stderr.strip()}")
    told("healthy, by /health and by the image's own check")


def _called(port: int) -> str:
    """A call from outside; its CallSid."""
    program = Path(sys.executable).with_name("calling-agent")
    arguments = ["--url", f"http://127.0.0.1:{port}", "--public-url", PUBLIC_URL, "--auth-token", TWILIO_TOKEN]
    done = subprocess.run(
        [program, "call", *arguments, "--say", HEARD, "--json"],
        env={"PATH": os.environ["PATH"], "TWILIO_ACCOUNT_SID": ACCOUNT},
        capture_output=True,
        text=True,
        timeout=CALL_S,
        check=False,
    )
    if done.returncode:
        raise WrongError(f"the call failed with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    report = json.loads(done.stdout)
    latency = report["turns"][0]["latency_ms"]
    told(f"a call answered: {report['call_sid']}, the agent spoke {latency} ms after the caller")
    return str(report["call_sid"])


def _kept(container: Container, port: int, sid: str) -> None:
    """What was said is in the record."""
    deadline = time.monotonic() + 15
    words = ""
    while time.monotonic() < deadline:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/calls/{sid}/transcript",
            headers={"Authorization": f"Bearer {API_TOKEN}", "Accept": "text/plain"},
        )
        try:
            with _opener().open(request, timeout=5) as answer:
                words = answer.read().decode()
        except urllib.error.HTTPError as error:
            words = f"{error.code}"
        if all(re.search(re.escape(text[:12]), words) for text in (HEARD, REPLY)):
            told("what both said is in the record")
            return
        time.sleep(0.2)
    raise WrongError(f"the record lacks what was said: {words[:500]}\n{container.tail()}")


def _status(port: int, path: str) -> int | None:
    try:
        with _opener().open(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _lean(root: Path) -> None:
    """It has what production needs, and no more."""
    venv = root / "opt" / "venv"
    found = sorted(each for each in FOREIGN if any(venv.glob(f"lib/python3*/site-packages/{each}")))
    if found or (size := _megabytes(venv)) > MOST_MB:
        raise WrongError(f"not for production: {', '.join(found)}" if found else f"/opt/venv has grown to {size} MB")
    told(f"{size} MB beside the base, of at most {MOST_MB}")


def _megabytes(root: Path) -> int:
    return round(int(_output(["du", "-s", "--block-size=1", "--apparent-size", str(root)]).split()[0]) / 1e6)


def _compressed(root: Path) -> int:
    return round(int(_output(["sh", "-c", 'tar -C "$0" -c . | gzip -1 | wc -c', str(root)])) / 1e6)


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def told(text: Any) -> None:
    print(f"image-check: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
