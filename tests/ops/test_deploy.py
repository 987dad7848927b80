"""ops/ci/deploy, rollback and release, against a kubectl that behaves like a cluster's: pods come up, or do not."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.ops.cluster import BAD, FIRST, ROOT, SECOND, Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_image_is_rolled_out(cluster: Cluster, environment: str) -> None:
    done = cluster.run("deploy", environment, FIRST)
    assert done.returncode == 0, done.stderr
    assert cluster.revisions == [FIRST]
    assert f"--namespace calling-agent-{environment} rollout status deployment/calling-agent" in cluster.calls
    assert "rollout undo" not in cluster.calls


def test_pods_that_do_not_become_ready_are_rolled_back(cluster: Cluster) -> None:
    cluster.refuses(BAD)
    assert cluster.run("deploy", "production", FIRST).returncode == 0
    done = cluster.run("deploy", "production", BAD)
    assert done.returncode == 1
    assert cluster.revisions == [FIRST, BAD, FIRST]
    assert "do not become ready" in done.stderr
    assert "what there is to see" in done.stderr


def test_a_first_deploy_that_fails_has_nothing_to_go_back_to(cluster: Cluster) -> None:
    cluster.refuses(BAD)
    done = cluster.run("deploy", "staging", BAD)
    assert done.returncode == 3
    assert "no rollout history" in done.stderr


def test_a_rollback_that_does_not_come_up_either_is_told(cluster: Cluster) -> None:
    for image in (FIRST, SECOND):
        assert cluster.run("deploy", "staging", image).returncode == 0
    cluster.refuses(FIRST)
    done = cluster.run("rollback", "staging")
    assert done.returncode == 1
    assert "needs a look" in done.stderr


def test_one_goes_back_to_what_ran_before_or_to_a_revision(cluster: Cluster) -> None:
    for image in (FIRST, SECOND):
        assert cluster.run("deploy", "production", image).returncode == 0
    assert cluster.run("rollback", "production").returncode == 0
    assert cluster.revisions == [FIRST, SECOND, FIRST]
    assert cluster.run("rollback", "production", TO_REVISION="2").returncode == 0
    assert cluster.revisions[-1] == SECOND


@pytest.mark.parametrize(
    "image", ["", "calling-agent", "calling-agent:latest", "a/b@sha256:abc", "a/b:1;id", "a b:1", "a/b:1|id"]
)
def test_an_image_that_cannot_be_gone_back_to_is_refused(cluster: Cluster, image: str) -> None:
    done = cluster.run("deploy", "staging", image)
    assert done.returncode == 2
    assert "by its digest" in done.stderr
    assert not cluster.revisions


def test_a_place_that_there_is_not_is_refused(cluster: Cluster) -> None:
    for script in ("deploy", "rollback", "release"):
        done = cluster.run(script, "prod", FIRST, "https://voice.example.in")
        assert done.returncode == 2
        assert "staging|production" in done.stderr


def test_without_its_secret_nothing_is_changed(cluster: Cluster) -> None:
    (cluster.folder / "no-secret").touch()
    done = cluster.run("deploy", "staging", FIRST)
    assert done.returncode == 2
    assert "secret.example.env" in done.stderr
    assert not cluster.revisions


def test_pods_that_would_hand_calls_to_nobody_are_not_rolled_out(cluster: Cluster) -> None:
    """They would come up, and each release would lose every call: a pod without MongoDB knows no other's."""
    (cluster.folder / "secret").write_text("OPENAI_API_KEY ")
    done = cluster.run("deploy", "staging", FIRST)
    assert done.returncode == 2
    assert "MONGODB_URI" in done.stderr
    assert not cluster.revisions


def test_the_keys_of_a_secret_are_asked_for_and_none_of_its_values(cluster: Cluster) -> None:
    assert cluster.run("deploy", "staging", FIRST).returncode == 0
    (template,) = re.findall(r"--output go-template=(.*)", cluster.calls)
    made = {"metadata": {"name": "calling-agent"}, "data": {"API_TOKEN": "", "MONGODB_URI": "c2VjcmV0"}}
    offline = ["label", "--local", "-f", "-", "a=b", "-o", f"go-template={template}"]
    done = subprocess.run(
        [cluster.environment["REAL_KUBECTL"], *offline],
        input=json.dumps(made | {"apiVersion": "v1", "kind": "Secret"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["calling-agent", "MONGODB_URI"], done.stderr


def test_a_cluster_that_does_not_answer_is_not_one_without_a_secret(cluster: Cluster) -> None:
    (cluster.folder / "away").touch()
    done = cluster.run("deploy", "staging", FIRST)
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert "secret.example.env" not in done.stderr


@pytest.mark.parametrize("script", ["check-locks", "check-newsfragments", "image-check", "manifests", "smoke-call"])
def test_without_the_locked_tools_a_script_says_how_to_get_them(tmp_path: Path, script: str) -> None:
    shutil.copytree(ROOT / "ops" / "ci", tmp_path / "ops" / "ci")
    done = subprocess.run([tmp_path / "ops" / "ci" / script], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert done.stderr == f"{script}: needs the tools of .venv. Run: make .venv/.dev\n"


def test_a_release_whose_call_nobody_answers_is_undone(cluster: Cluster) -> None:
    assert cluster.run("deploy", "staging", FIRST).returncode == 0
    done = cluster.run("release", "staging", SECOND, "http://127.0.0.1:9", "--ready-s", "0")
    assert done.returncode == 1
    assert cluster.revisions == [FIRST, SECOND, FIRST]
    assert "the smoke call failed" in done.stderr


NEVER_READY = ("http://127.0.0.1:9", "--ready-s", "120")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_release_that_is_stopped_while_it_is_called_is_undone_at_once(cluster: Cluster, how: signal.Signals) -> None:
    """A terminal that is lost is not there to be told, either."""
    assert cluster.run("deploy", "staging", FIRST).returncode == 0
    with cluster.begun(ROOT / "ops/ci/release", "staging", SECOND, *NEVER_READY) as release:
        assert release.stdout is not None
        assert release.stderr is not None
        assert any("rolled out" in line and line.startswith("deploy:") for line in release.stdout)
        if how is signal.SIGHUP:
            release.stdout.close()
        release.send_signal(how)
        said = release.stderr.read()
        release.wait(30)
    assert release.returncode == 1, said
    assert cluster.revisions == [FIRST, SECOND, FIRST]
    assert ("stopped" in said) == (how is not signal.SIGHUP)


def test_a_release_that_is_stopped_as_the_cluster_takes_it_is_not_taken_afterwards(cluster: Cluster) -> None:
    """What the cluster was being told must not be told to an end behind the way back."""
    assert cluster.run("deploy", "staging", FIRST).returncode == 0
    (cluster.folder / "slow").touch()
    with cluster.begun(ROOT / "ops/ci/release", "staging", SECOND, *NEVER_READY) as release:
        applying = cluster.process("apply -f -")
        release.terminate()
        _, said = release.communicate(timeout=30)
    (cluster.folder / "slow").unlink()
    cluster.gone(applying)
    assert release.returncode == 1, said
    assert cluster.revisions == [FIRST]


def test_a_workflow_that_is_cancelled_stops_its_release(cluster: Cluster) -> None:
    """A runner writes a step to a file, and its signals go to the shell that runs it, and to nobody behind that."""
    (step,) = [
        step["run"]
        for step in yaml.safe_load((ROOT / ".github/workflows/deploy.yaml").read_text())["jobs"]["staging"]["steps"]
        if "ops/ci/release" in step.get("run", "")
    ]
    assert cluster.run("deploy", "staging", FIRST).returncode == 0
    (cluster.folder / "step").write_text(step)
    told = {"PLACE": "staging", "IMAGE": SECOND, "PUBLIC_URL": "http://127.0.0.1:9"}
    with cluster.begun("bash", "-e", cluster.folder / "step", **told) as shell:
        assert shell.stdout is not None
        assert any("rolled out" in line and line.startswith("deploy:") for line in shell.stdout)
        shell.send_signal(signal.SIGINT)
        _, said = shell.communicate(timeout=30)
    assert shell.returncode == 1, said
    assert cluster.revisions == [FIRST, SECOND, FIRST]


def test_a_release_that_changes_nothing_is_not_undone_to_an_older_one(cluster: Cluster) -> None:
    for image in (FIRST, SECOND):
        assert cluster.run("deploy", "staging", image).returncode == 0
    done = cluster.run("release", "staging", SECOND, "http://127.0.0.1:9", "--ready-s", "0")
    assert done.returncode == 1
    assert cluster.revisions == [FIRST, SECOND]


def test_what_the_cluster_takes_in_part_is_undone(cluster: Cluster) -> None:
    assert cluster.run("deploy", "staging", FIRST).returncode == 0
    (cluster.folder / "no-ingress").touch()
    done = cluster.run("deploy", "staging", SECOND)
    assert done.returncode == 1
    assert cluster.revisions == [FIRST, SECOND, FIRST]
    assert "does not take all of it" in done.stderr


def test_a_release_that_does_not_come_up_is_not_called(cluster: Cluster) -> None:
    cluster.refuses(BAD)
    assert cluster.run("deploy", "staging", FIRST).returncode == 0
    done = cluster.run("release", "staging", BAD, "http://127.0.0.1:9", "--ready-s", "0")
    assert done.returncode == 1
    assert cluster.revisions == [FIRST, BAD, FIRST]
    assert "smoke" not in done.stderr


def test_the_configuration_of_a_cluster_may_be_given_as_text_and_is_not_left_behind(cluster: Cluster) -> None:
    temporary = cluster.folder / "tmp"
    temporary.mkdir()
    done = cluster.run("deploy", "staging", FIRST, KUBE_CONFIG="apiVersion: v1", TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(("found", "code"), [(0, 0), (2, 1)])
def test_a_scan_fails_where_the_scanner_finds_something(cluster: Cluster, found: int, code: int) -> None:
    scanner = cluster.folder / "grype"
    scanner.write_text(f'#!/bin/sh\necho "$@"\nexit {found}\n')
    scanner.chmod(0o755)
    done = cluster.run("scan", f"registry:{FIRST}", GRYPE=str(scanner))
    assert done.returncode == code
    assert done.stdout.strip() == f"registry:{FIRST} --fail-on high --only-fixed --output table"


def test_a_scan_without_a_scanner_says_so(cluster: Cluster) -> None:
    done = cluster.run("scan", FIRST, GRYPE="/nowhere/grype")
    assert done.returncode == 2
    assert "no grype here" in done.stderr
