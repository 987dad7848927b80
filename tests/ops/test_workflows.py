"""The workflows, beyond what actionlint looks at: pinned actions, least rights, bounds, and steps that are scripts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.browser.chromium import REQUIRED
from tests.browser.looking import SHOTS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").iterdir())
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
RUNS = re.compile(r"(?:sudo |exec )?(?:[A-Z]+=\S+ )*(?:make [\w./]+|(ops/ci/[\w-]+)(?: .*)?)")
OWN = {'echo "image=ghcr.io/${REPOSITORY,,}" >>"$GITHUB_OUTPUT"'}
"""What is of the runner, and of nobody's laptop."""
WRITES = {("image.yaml", "publish", "packages")}


def workflow(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_there_are_checks_an_image_a_deploy_and_nights() -> None:
    assert [path.name for path in FILES] == ["ci.yaml", "deploy.yaml", "image.yaml", "nightly.yaml"]


def test_actions_are_pinned_by_commit_and_the_same_everywhere(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "uses: " in line and "uses: ./" not in line:
            assert PINNED.search(line), line
    everywhere = "\n".join(each.read_text() for each in FILES)
    by_name: dict[str, set[str]] = {}
    for name, commit in re.findall(r"uses: ([\w./-]+)@(\w+)", everywhere):
        by_name.setdefault(name, set()).add(commit)
    assert all(len(commits) == 1 for commits in by_name.values())


def test_no_job_has_more_rights_than_it_needs_nor_more_time(path: Path) -> None:
    found = workflow(path)
    assert found["permissions"] == {}
    for name, job in found["jobs"].items():
        assert job["permissions"], name
        writes = {right for right, degree in job["permissions"].items() if degree == "write"}
        assert {(path.name, name, right) for right in writes} <= WRITES
        assert "uses" in job or job["timeout-minutes"] <= 60, name


def test_every_step_is_a_script_that_runs_on_a_laptop(path: Path) -> None:
    for job in workflow(path)["jobs"].values():
        for step in job.get("steps", ()):
            if "run" not in step or step["run"] in OWN:
                continue
            match = RUNS.fullmatch(step["run"])
            assert match, step["run"]
            assert match[1] is None or (ROOT / match[1]).stat().st_mode & 0o111, step["run"]
            assert "${{" not in step["run"], "an expression in a script is run as part of it"


def test_nothing_reaches_production_but_what_was_called_in_staging_and_approved() -> None:
    jobs = workflow(ROOT / ".github/workflows/deploy.yaml")["jobs"]
    assert jobs["production"]["needs"] == "staging"
    for name in ("staging", "production"):
        assert jobs[name]["environment"]["name"] == name
        assert jobs[name]["concurrency"] == {"group": f"deploy-{name}", "cancel-in-progress": False}
        assert any(step.get("run", "").startswith("exec ops/ci/release ") for step in jobs[name]["steps"])
    image = workflow(ROOT / ".github/workflows/image.yaml")["jobs"]
    assert set(image["deploy"]["needs"]) == {"publish", "scan"}
    assert set(image["publish"]["needs"]) == {"ci", "check"}
    assert image["ci"]["uses"] == "./.github/workflows/ci.yaml"


def test_a_push_does_not_wait_for_the_approval_of_another() -> None:
    assert "|| github.run_id }}" in workflow(ROOT / ".github/workflows/image.yaml")["concurrency"]["group"]


def test_the_suite_runs_on_every_python_that_is_promised() -> None:
    tests = workflow(ROOT / ".github/workflows/ci.yaml")["jobs"]["tests"]
    assert tests["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_a_run_without_a_browser_fails_and_pictures_are_kept() -> None:
    steps = workflow(ROOT / ".github/workflows/ci.yaml")["jobs"]["tests"]["steps"]
    suite = next(step for step in steps if step.get("run") == "make test")
    assert suite["env"] == {REQUIRED: "1"}
    assert steps[-1]["if"] == "always()"
    assert ROOT / steps[-1]["with"]["path"] == SHOTS
    assert f"export {REQUIRED}=1" in (ROOT / ".ci/run").read_text()


def test_every_step_of_a_night_is_one_of_its_script() -> None:
    script = (ROOT / "ops/ci/nightly").read_text()
    for step in workflow(ROOT / ".github/workflows/nightly.yaml")["jobs"]["nightly"]["strategy"]["matrix"]["step"]:
        assert re.search(rf"^{step}\)", script, re.MULTILINE), step


def test_a_night_draws_ten_times_as_many_examples_of_everything() -> None:
    told = (
        "import tests.conftest, tests.examples as told; from hypothesis import settings; "
        "print(settings().max_examples, told.examples(7))"
    )
    for profile, expected in {"house": "100 7", "nightly": "1000 70"}.items():
        environment = os.environ | {"HYPOTHESIS_PROFILE": profile}
        done = subprocess.run(
            [sys.executable, "-c", told], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == expected, done.stderr
