"""What Kubernetes and compose are told, held against the server: its deadlines, settings, routes, metrics and image."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.config import SECRET, Settings, load
from agent.web.state import ProcessState
from nurseries.leaving import longest_drain_s
from nurseries.watch.standing import standing
from ops.ci.manifests import OVERLAYS, built, deployer, faults, versions
from ops.ci.smoke_call import BETWEEN_S, CALL_S

ROOT = Path(__file__).resolve().parents[2]
SPARE_S = 30
"""No more than so much longer than needed may a supervisor wait: a pod that hangs holds up a deploy."""
SECRETS = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "0" * 32,
    "TWILIO_CALLER_ID": "+918040000000",
    "OPENAI_API_KEY": "sk-none",
    "MONGODB_URI": "mongodb://mongo/calling_agent",
}


@pytest.fixture(params=OVERLAYS)
def resources(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in built(request.param)}


def pod(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = resources["Deployment"]["spec"]["template"]["spec"]
    return found


def told(resources: dict[str, dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = resources["ConfigMap"]["data"]
    return found


def test_both_overlays_are_there() -> None:
    assert set(OVERLAYS) == {"staging", "production"}


def test_a_wrong_field_is_found_by_the_oldest_and_the_newest_version() -> None:
    (deployment,) = [each for each in built("production") if each["kind"] == "Deployment"]
    bad = copy.deepcopy(deployment)
    bad["spec"]["template"]["spec"]["terminationGracePeriod"] = 190
    for version in (versions()[0], versions()[-1]):
        assert not faults([deployment], version)
        (fault,) = faults([bad], version)
        assert "Deployment calling-agent" in fault
        assert "terminationGracePeriod" in fault


def test_the_settings_are_ones_that_a_production_server_takes(
    resources: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (SECRETS | told(resources) | {"APP_ENV": "production"}).items():
        assert name in Settings.model_fields
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.DRAIN_MODE == "hand-off"
    rules = resources["Ingress"]["spec"]
    assert f"https://{rules['rules'][0]['host']}" == settings.PUBLIC_URL
    assert rules["tls"][0]["hosts"] == [rules["rules"][0]["host"]]


def test_nobody_is_killed_before_the_last_deadline(resources: dict[str, dict[str, Any]]) -> None:
    before = pod(resources)["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    settings = Settings(_env_file=None, DRAIN_TIMEOUT_S=float(told(resources)["DRAIN_TIMEOUT_S"]))  # type: ignore[call-arg]
    needed = before + longest_drain_s(settings)
    assert needed <= pod(resources)["terminationGracePeriodSeconds"] <= needed + SPARE_S
    page = (ROOT / "docs/deploying.md").read_text()
    (told_s,) = re.findall(r"`longest_drain_s` in `nurseries/leaving.py`, ([\d.]+) s", page)
    assert float(told_s) == longest_drain_s(settings)


def test_an_endpoint_is_gone_before_the_signal(resources: dict[str, dict[str, Any]]) -> None:
    container = pod(resources)["containers"][0]
    probe = container["readinessProbe"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert before >= 2 * probe["periodSeconds"] * probe["failureThreshold"]


def test_no_pod_is_missed_while_a_release_is_rolled_out(resources: dict[str, dict[str, Any]]) -> None:
    spec = resources["Deployment"]["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert "replicas" not in spec, "an apply would undo what the autoscaler has done"
    assert resources["HorizontalPodAutoscaler"]["spec"]["minReplicas"] >= 2
    assert resources["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_a_machine_that_takes_no_pods_does_not_keep_others_from_taking_one(
    resources: dict[str, dict[str, Any]],
) -> None:
    # One that is emptied, lost or of another kind has none of ours: counted, none of the others might have one more.
    for spread in pod(resources)["topologySpreadConstraints"]:
        assert spread["nodeTaintsPolicy"] == "Honor", spread["topologyKey"]
    longest = {each["key"]: each["tolerationSeconds"] for each in pod(resources)["tolerations"]}
    assert longest.keys() == {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}
    assert max(longest.values()) <= 60
    told_of = resources["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    spared = set(told_of["cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"].split(","))
    assert spared == {each["name"] for each in pod(resources)["volumes"]}


def test_a_process_that_is_stuck_is_not_given_the_time_that_calls_have(resources: dict[str, dict[str, Any]]) -> None:
    (container,) = pod(resources)["containers"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert before < container["livenessProbe"]["terminationGracePeriodSeconds"] <= before + 10


def test_a_release_of_all_pods_has_its_time_and_so_has_its_way_back(resources: dict[str, dict[str, Any]]) -> None:
    """One pod after the other, each within a minute; the last one may hang until that is noticed."""
    most = resources["HorizontalPodAutoscaler"]["spec"]["maxReplicas"]
    (minutes,) = re.findall(r"ROLLOUT_TIMEOUT:-(\d+)m", (ROOT / "ops/ci/kubernetes.sh").read_text())
    noticed_s = resources["Deployment"]["spec"]["progressDeadlineSeconds"]
    assert int(minutes) * 60 >= most * 60 + noticed_s
    assert noticed_s > pod(resources)["terminationGracePeriodSeconds"], "a full cluster has room once a pod has left"
    jobs = yaml.safe_load((ROOT / ".github/workflows/deploy.yaml").read_text())["jobs"]
    calls_s = 60 + 2 * (CALL_S + BETWEEN_S)
    for job in jobs.values():
        assert job["timeout-minutes"] * 60 >= 300 + 2 * int(minutes) * 60 + calls_s


def test_cpu_is_asked_for_and_never_limited(resources: dict[str, dict[str, Any]]) -> None:
    (container,) = pod(resources)["containers"]
    assert container["resources"]["requests"]["cpu"]
    assert "cpu" not in container["resources"]["limits"]
    assert container["resources"]["limits"]["memory"]


def test_a_pod_has_no_rights_and_writes_where_it_may_only(resources: dict[str, dict[str, Any]]) -> None:
    spec = pod(resources)
    (container,) = spec["containers"]
    image = (ROOT / "Dockerfile").read_text()
    user = re.search(r"^USER (\d+):(\d+)$", image, re.MULTILINE)
    assert user is not None
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]) == (int(user[1]), int(user[2]))
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert resources["ServiceAccount"]["automountServiceAccountToken"] is False
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts == {"data": "/data", "tmp": "/tmp"}  # noqa: S108  the pod's own
    assert all("emptyDir" in volume and volume["emptyDir"]["sizeLimit"] for volume in spec["volumes"])
    assert "DATA_DIR=/data" in image


def test_the_probes_ask_for_what_the_server_answers(resources: dict[str, dict[str, Any]]) -> None:
    (container,) = pod(resources)["containers"]
    routes = (ROOT / "agent" / "web" / "health.py").read_text()
    for probe, path in (("startup", "ready"), ("readiness", "ready"), ("liveness", "live")):
        asked = container[f"{probe}Probe"]["httpGet"]
        assert asked == {"path": f"/health/{path}", "port": "http"}
        assert f'"{asked["path"]}"' in routes


def test_pods_and_what_chooses_them_agree(resources: dict[str, dict[str, Any]]) -> None:
    labels = resources["Deployment"]["spec"]["template"]["metadata"]["labels"]
    (container,) = pod(resources)["containers"]
    ports = {each["name"] for each in container["ports"]}
    chosen = {"app.kubernetes.io/name": "calling-agent"}
    assert chosen.items() <= labels.items()
    assert resources["Deployment"]["spec"]["selector"]["matchLabels"] == chosen
    assert resources["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == chosen
    assert resources["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == chosen
    assert resources["Service"]["spec"]["selector"] == chosen
    assert {each["targetPort"] for each in resources["Service"]["spec"]["ports"]} <= ports
    assert {port["port"] for rule in resources["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]} <= ports
    for spread in pod(resources)["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"] == chosen
    monitor = yaml.safe_load((ROOT / "ops/k8s/monitoring/pod-monitor.yaml").read_text())["spec"]
    assert monitor["selector"]["matchLabels"] == chosen
    assert {each["port"] for each in monitor["podMetricsEndpoints"]} <= ports


def test_the_network_policy_lets_prometheus_and_the_ingress_in_and_nobody_else(
    resources: dict[str, dict[str, Any]],
) -> None:
    spec = resources["NetworkPolicy"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (rule,) = spec["ingress"]
    named = [each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in rule["from"]]
    assert named == ["ingress-nginx", "monitoring"]
    assert rule["from"][1]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}
    assert {port["port"] for each in spec["egress"] for port in each["ports"]} == {53, 443, 27017}


def test_names_are_asked_for_wherever_a_cluster_has_them_answered(resources: dict[str, dict[str, Any]]) -> None:
    names, rest = resources["NetworkPolicy"]["spec"]["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    asked = {each["podSelector"]["matchLabels"]["k8s-app"] for each in names["to"] if "podSelector" in each}
    assert asked == {"kube-dns", "node-local-dns"}
    # NodeLocal DNSCache, and Google's Cloud DNS: neither is a pod. The latter's address has credentials on other ports.
    blocks = {each["ipBlock"]["cidr"] for each in names["to"] if "ipBlock" in each}
    assert blocks == {"169.254.20.10/32", "169.254.169.254/32"}
    assert [each["ipBlock"]["except"] for each in rest["to"]] == [["169.254.0.0/16"], ["fe80::/10"]]


def test_it_scales_on_a_metric_that_there_is(resources: dict[str, dict[str, Any]]) -> None:
    metrics = resources["HorizontalPodAutoscaler"]["spec"]["metrics"]
    (pods,) = [each["pods"] for each in metrics if each["type"] == "Pods"]
    name = pods["metric"]["name"]
    assert name.removeprefix("calling_agent_") in _readings()
    (rule,) = yaml.safe_load((ROOT / "ops/k8s/monitoring/prometheus-adapter.yaml").read_text())["rules"]["custom"]
    assert rule["name"]["as"] == name
    assert rule["seriesQuery"].startswith(f"{name}{{")
    assert int(pods["target"]["averageValue"]) < int(told(resources)["MAX_CONCURRENT_CALLS"])


def test_a_websocket_on_which_the_server_is_silent_lives_for_a_call(resources: dict[str, dict[str, Any]]) -> None:
    longest_s = Settings.model_fields["CALL_MAX_MINUTES"].default * 60
    told_to = resources["Ingress"]["metadata"]["annotations"]
    service = resources["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
    assert told_to["nginx.org/websocket-services"] == service
    for controller in ("nginx.ingress.kubernetes.io", "nginx.org"):  # both are of the class nginx
        for way in ("read", "send"):
            assert int(told_to[f"{controller}/proxy-{way}-timeout"].removesuffix("s")) > longest_s


def test_no_secret_is_in_the_repository(resources: dict[str, dict[str, Any]]) -> None:
    assert "Secret" not in resources
    assert not SECRET & told(resources).keys()
    for example in (ROOT / "ops/k8s/secret.example.env", ROOT / "ops/compose/example.env"):
        asked = set(SECRETS) - ({"MONGODB_URI"} if "compose" in str(example) else set())
        for line in example.read_text().splitlines():
            name, _, value = line.partition("=")
            assert name.startswith("#") or name not in SECRET or not value, line
            asked.discard(name)
        assert not asked, "a server would not start with what is asked for"


def test_whoever_deploys_may_make_all_that_is_deployed_and_no_secret(resources: dict[str, dict[str, Any]]) -> None:
    (role,) = [each for each in deployer() if each["kind"] == "Role"]
    may = {
        (group, kind): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for kind in rule["resources"]
    }
    for kind, resource in resources.items():
        group = resource["apiVersion"].rpartition("/")[0]
        plural = f"{kind.lower()}es" if kind.endswith("s") else f"{kind.lower()}s".replace("ys", "ies")
        assert {"get", "create", "patch"} <= may[group, plural], kind
    assert may["", "secrets"] == {"get"}
    assert not any("*" in verbs | {group, kind} for (group, kind), verbs in may.items())


class TestCompose:
    """ops/compose, as far as its schema does not tell."""

    @pytest.fixture
    def services(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "ops/compose/compose.yaml").read_text())["services"]
        return found

    def test_nobody_is_killed_before_the_last_deadline(self, services: dict[str, dict[str, Any]]) -> None:
        needed = longest_drain_s(Settings(_env_file=None))  # type: ignore[call-arg]
        minutes = re.fullmatch(r"(\d+)m", services["server"]["stop_grace_period"])
        assert minutes is not None
        assert needed <= int(minutes[1]) * 60 <= needed + 60

    def test_the_server_is_as_bound_as_in_a_cluster(self, services: dict[str, dict[str, Any]]) -> None:
        server = services["server"]
        assert server["read_only"] is True
        assert server["cap_drop"] == ["ALL"]
        assert "cpus" not in server

    def test_images_have_a_version_and_nothing_is_open_to_other_machines(
        self, services: dict[str, dict[str, Any]]
    ) -> None:
        for name, service in services.items():
            assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
            assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name

    def test_what_is_mounted_is_there(self, services: dict[str, dict[str, Any]]) -> None:
        for service in services.values():
            for volume in service.get("volumes", ()):
                source = volume.partition(":")[0]
                assert not source.startswith(".") or (ROOT / "ops/compose" / source).exists(), source

    def test_secrets_of_a_read_only_root_are_files_that_git_does_not_take(
        self, services: dict[str, dict[str, Any]]
    ) -> None:
        # Compose mounts a file, but writes what comes from the environment into the container, and refuses to there.
        secrets = yaml.safe_load((ROOT / "ops/compose/compose.yaml").read_text())["secrets"]
        ignored = (ROOT / ".gitignore").read_text().splitlines()
        for service in services.values():
            for name in service.get("secrets", ()):
                assert not service.get("read_only") or set(secrets[name]) == {"file"}, name
        assert all(f"/ops/compose/{each['file']}" in ignored for each in secrets.values() if "file" in each)

    def test_prometheus_and_grafana_find_each_other_and_the_server(self, services: dict[str, dict[str, Any]]) -> None:
        prometheus = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())
        (job,) = prometheus["scrape_configs"]
        (names,) = job["dns_sd_configs"]
        assert (names["names"], names["port"]) == (["server"], 3000)
        (secret,) = services["prometheus"]["secrets"]
        assert job["authorization"]["credentials_file"] == f"/run/secrets/{secret}"
        assert all((ROOT / "ops/prometheus" / rules).exists() for rules in prometheus["rule_files"])
        provisioning = ROOT / "ops/grafana/provisioning"
        (provider,) = yaml.safe_load((provisioning / "dashboards/calling-agent.yaml").read_text())["providers"]
        mounted = [volume.split(":")[1] for volume in services["grafana"]["volumes"]]
        assert f"{provider['options']['path']}/dashboard.json" in mounted
        (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())["datasources"]
        assert source["url"] == "http://prometheus:9090"


def _readings() -> Iterator[str]:
    class Kept:
        waiting = unwritten = 0

    return (reading.name for reading in standing(ProcessState(most=1), Kept()))  # type: ignore[arg-type]
