"""Every query of the dashboard and of the rules, asked of a real Prometheus that has read real servers.
In one file: what is done to the servers is what the queries are to tell of.

Two jobs. A process with the OpenAI adapters in front of fakes, one of which fails at first: of its rehearsed callers
one breaks in, one loses the stream, one finds all lines busy, and it is told to leave under the last of them. And a
server of two workers, idle. Prometheus is Debian's, with ops/prometheus but for who is read, and every second.

Exit 1 unless every query of a panel has told a figure at some time, no two lines of a panel have the same name, all
rules are evaluated, nobody was called but for what has happened, nothing was counted before Prometheus could see it at
nothing, and no label has anything of a caller's.

    .venv/bin/python ops/proofs/queries.py
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ops.bench.blackouts import FILE, HEARD, PRICES
from ops.proofs.site import free_ports
from tests.calls.server import Server, call
from tests.fakes.collector import Collector
from tests.fakes.openai_launch import Fake, launch

ROOT = Path(__file__).resolve().parents[2]
KEY = "k" * 40
NUMBER = "+919876543210"
LINES = 5
BEGIN_S = 30.0
"""For Prometheus to be there, and to have read both servers."""
GONE_S = 60.0
"""For a process that was told to leave, once its last call is about to be over."""

CALLS = (
    ("--say", "I am looking for a flat.", "--say", "With a garden."),
    ("--say", "Hello there.", "--say", "Wait a moment please, I have another question.", "--barge-in-at", "0.4"),
    ("--say", "Are you there?", "--say", "And now?", "--cut-at", "5"),
    ("--say", "Two rooms.", "--dtmf", "12#"),
    ("--outbound", "--say", "Who is this?"),
)
ONE_TOO_MANY = ("--say", "Hello?")

ARISES = {"How long the holes are (p95)"}
"""Panels of what a machine that keeps up does not do: their queries tell something, which need not be a figure."""

FIRES = {"CallsTurnedAway"}
"""Of what has happened here."""

MAY_FIRE = {"NobodyAnswers", "ResumesSlow"}
"""On a machine that takes its time: the called one is the only one of its job, and leaves."""

SOONER = {"loop_busy_seconds_total", "budget_reports_total", "loop_lag_seconds_count"}
"""What goes on before anybody can be there to read it, and is no event."""


class WrongError(Exception):
    """A query that Prometheus does not take."""


class Prometheus:
    """Reads these targets, by job."""

    def __init__(self, folder: Path, targets: dict[str, list[str]]) -> None:
        program = shutil.which("prometheus")
        if program is None:
            raise SystemExit("Prometheus is missing. On Debian: ops/ci/apt-packages, or apt-get install prometheus")
        (folder / "key").write_text(KEY)
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "prometheus.log"
        (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(folder, targets)))
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    *(program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"),
                    *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
                ],
                stderr=log,
            )

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API answers. Raises WrongError where it takes no such query, HTTPError while it is not there."""
        answer = httpx2.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30)
        if answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            answer.raise_for_status()
        told = answer.json()
        if told["status"] != "success":
            raise WrongError(f"{parameters}: {told.get('error')}")
        return told["data"]

    def now(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=query)["result"]
        return found

    def since(self, query: str, began: float) -> list[dict[str, Any]]:
        """Each second from then on."""
        found: list[dict[str, Any]] = self.ask(
            "query_range", query=query, start=str(began), end=str(time.time()), step="1"
        )["result"]
        return found

    def wait_for(self, query: str, series: int, bound_s: float) -> None:
        until = time.monotonic() + bound_s
        while True:
            try:
                if len(self.now(query)) >= series:
                    return
            except httpx2.HTTPError:
                pass
            if time.monotonic() > until:
                raise SystemExit(f"{query} is not there in time\n{self._log.read_text()}")
            time.sleep(0.2)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


def _configuration(folder: Path, targets: dict[str, list[str]]) -> dict[str, Any]:
    """That of ops/prometheus, but for who is read, and how often."""
    told: dict[str, Any] = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())
    told["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    for name in told["rule_files"]:
        rules = yaml.safe_load((ROOT / "ops/prometheus" / name).read_text())
        for group in rules["groups"]:
            group.pop("interval", None)
        (folder / name).write_text(yaml.safe_dump(rules))
    (own,) = told["scrape_configs"]
    del own["dns_sd_configs"]
    own["authorization"] = {"credentials_file": str(folder / "key")}
    told["scrape_configs"] = [
        own | {"job_name": job, "static_configs": [{"targets": where}]} for job, where in targets.items()
    ]
    return told


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="queries-")))
        collector = stack.enter_context(Collector())
        first, second = (stack.enter_context(launch()) for _ in range(2))
        called = stack.enter_context(_called(folder, first, second, collector.url))
        idle = stack.enter_context(_idle(folder))
        jobs = {"calling-agent": called, "elsewhere/calling-agent": idle}
        began = time.time()
        prometheus = Prometheus(folder, {job: [server.url.removeprefix("http://")] for job, server in jobs.items()})
        stack.callback(prometheus.close)
        prometheus.wait_for("calling_agent_calls_now", 3, BEGIN_S)
        faults = [*_autoscaled(prometheus)]
        _happens(called, prometheus)
        return _told([*faults, *_panels(prometheus, began), *_rules(prometheus, began), *_series(prometheus)])


@contextmanager
def _called(folder: Path, first: Fake, second: Fake, collector: str) -> Iterator[Server]:
    """The one that is called."""
    tool = {"calls": [{"name": "save_lead_details", "arguments": {"name": "Asha"}}]}
    for fake in (first, second):
        fake.plan(
            transcriptions={"transcripts": [HEARD], "first_ms": 100},
            chat={"replies": [tool, "A flat in Whitefield, lovely. Tell me more, please."], "first_ms": 200},
            speech={"first_ms": 100},
        )
    first.plan(faults=[{"route": "chat", "kind": "status", "status": 500, "times": 10}])
    home = folder / "called"
    home.mkdir()
    (home / "fallbacks.toml").write_text(FILE.format(url=second.base_url))
    (home / "prices.toml").write_text(PRICES)
    server = Server(
        home,
        APP_ENV="test",
        API_TOKEN=KEY,
        OPENAI_BASE_URL=first.base_url,
        FALLBACKS_FILE="fallbacks.toml",
        PRICES_FILE="prices.toml",
        TTS_CACHE_MB="0",
        DAY_BUDGET="500",
        CALL_BUDGET="100",
        MAX_CONCURRENT_CALLS=str(LINES),
        OTEL_EXPORTER_OTLP_ENDPOINT=collector,
    )
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def _idle(folder: Path) -> Iterator[Server]:
    """Of two workers."""
    home = folder / "idle"
    home.mkdir()
    server = Server(home, APP_ENV="test", API_TOKEN=KEY, PROVIDER="scripted", WORKERS="2")
    try:
        yield server
        server.leave()
    finally:
        server.kill()


def _happens(server: Server, prometheus: Prometheus) -> None:
    """All calls at once, then one too many; and the process is told to leave under those that are left."""
    callers = [threading.Thread(target=call, args=(server.url, *plan, "--from", NUMBER), daemon=True) for plan in CALLS]
    for caller in callers:
        caller.start()
    prometheus.wait_for(f"calling_agent_calls_now == {LINES}", 1, BEGIN_S)
    call(server.url, *ONE_TOO_MANY)
    prometheus.wait_for("calling_agent_resumed_total > 0", 1, BEGIN_S)
    prometheus.wait_for('calling_agent_calls_total{ending="caller hung up"} > 0', 1, GONE_S)
    server.process.terminate()
    for caller in callers:
        caller.join(GONE_S)
    server.process.wait(GONE_S)


def _told(faults: list[str]) -> int:
    for fault in faults:
        print(f"  {fault}")
    print(f"queries: faults: {len(faults)}" if faults else "queries: all of them tell what they should")
    return 1 if faults else 0


def _autoscaled(prometheus: Prometheus) -> Iterator[str]:
    """What the autoscaler reads of a pod is all of its workers'. By what they may take, as nobody calls that server."""
    (rule,) = yaml.safe_load((ROOT / "ops/k8s/monitoring/prometheus-adapter.yaml").read_text())["rules"]["custom"]
    query = (
        rule["metricsQuery"]
        .replace("<<.GroupBy>>", "instance")
        .replace("<<.Series>>", "calling_agent_calls_most")
        .replace("<<.LabelMatchers>>", 'job="elsewhere/calling-agent"')
    )
    found = [float(series["value"][1]) for series in prometheus.now(query)]
    most = sum(
        float(each["value"][1]) for each in prometheus.now('calling_agent_calls_most{job="elsewhere/calling-agent"}')
    )
    if found != [most]:
        yield f"the autoscaler reads {found} of two workers that have {most:g}"


def _panels(prometheus: Prometheus, began: float) -> Iterator[str]:
    dashboard = json.loads((ROOT / "ops/grafana/dashboard.json").read_text())
    for panel in dashboard["panels"]:
        legends = Counter[str]()
        for target in panel.get("targets", ()):
            try:
                found = prometheus.since(_filled(target["expr"]), began)
            except WrongError as error:
                yield f"{panel['title']}: {error}"
                continue
            figures = [float(value) for series in found for _, value in series["values"]]
            if not found or not (any(map(math.isfinite, figures)) or panel["title"] in ARISES):
                yield f"{panel['title']}, {target['legendFormat']}: nothing is told"
            legends.update(_legend(target["legendFormat"], series["metric"]) for series in found)
        for legend in (legend for legend, times in legends.items() if times > 1):
            yield f"{panel['title']}: more than one line is called {legend!r}"


def _filled(query: str) -> str:
    return query.replace("$__rate_interval", "15s").replace("$job", ".+").replace("$instance", ".+")


def _legend(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), text).strip()


def _rules(prometheus: Prometheus, began: float) -> Iterator[str]:
    for group in prometheus.ask("rules")["groups"]:
        for rule in group["rules"]:
            if rule["health"] != "ok":
                yield f"{rule['name']}: {rule.get('lastError') or rule['health']}"
            if rule["type"] == "recording" and not prometheus.since(rule["name"], began):
                yield f"{rule['name']}: nothing is recorded"
    fired = {each["metric"]["alertname"] for each in prometheus.since('ALERTS{alertstate="firing"}', began)}
    yield from (f"{name} fires, and should not" for name in sorted(fired - FIRES - MAY_FIRE))
    yield from (f"{name} does not fire" for name in sorted(FIRES - fired))


def _series(prometheus: Prometheus) -> Iterator[str]:
    """What is counted was there at nothing before: else `increase` and `rate` do not know of the first one."""
    for each in prometheus.now('{__name__=~"calling_agent_.+_(total|count)", job="calling-agent"}[10m]'):
        name = each["metric"].pop("__name__").removeprefix("calling_agent_")
        if float(each["values"][0][1]) and name not in SOONER:
            yield f"{name}: the first one was not seen of {each['metric']}"
    for labels in prometheus.ask("series", **{"match[]": '{job=~".*calling-agent"}'}):
        for name, value in labels.items():
            if re.search(rf"{NUMBER[3:]}|CA[0-9a-f]{{32}}|Asha", value):
                yield f"{labels['__name__']}: {name}={value} is somebody's"


if __name__ == "__main__":
    sys.exit(main())
