"""ops/ci/check-locks: it passes, and finds each way in which a lock is not what pyproject.toml asks for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def checked(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([root / "ops/ci/check-locks"], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "ops/ci").mkdir(parents=True)
    for path in (ROOT / "ops/ci/check-locks", ROOT / "ops/ci/venv.sh"):
        shutil.copy(path, tmp_path / "ops/ci")
    for path in (ROOT / "pyproject.toml", *ROOT.glob("requirements*.lock")):
        shutil.copy(path, tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    return tmp_path


def test_the_locks_are_what_is_asked_for(copy: Path) -> None:
    assert checked(copy).returncode == 0, checked(copy).stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("pyproject.toml", r'"msgspec>=[\d.]+"', '"msgspec>=99"', "requirements.lock has msgspec .*, and msgspec>=99"),
        ("pyproject.toml", r'"msgspec>=[\d.]+"', '"msgspec>=0.1", "ours"', "requirements.lock lacks ours"),
        (
            "requirements.lock",
            r"\nmsgspec==[\d.]+",
            "\nmsgspec==99.0",
            "requirements.lock has msgspec 99.0, and requirem",
        ),
        ("requirements.lock", r"(msgspec==[\d.]+) \\\n(    --hash.*\n)+", r"\1\n", "a line without hashes"),
        ("requirements.lock", r"\A", "--index-url https://pypi.example.in\n", "names a host"),
    ],
)
def test_a_lock_that_is_another_is_told(copy: Path, file: str, old: str, new: str, told: str) -> None:
    text, changes = re.subn(old, new, (copy / file).read_text(), count=1)
    assert changes == 1
    (copy / file).write_text(text)
    done = checked(copy)
    assert done.returncode == 1
    assert re.search(told, done.stderr), done.stderr
