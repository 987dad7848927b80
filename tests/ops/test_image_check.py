"""What ops/ci/image-check finds in an image that should not be there. The rest of it is run with an image: .ci/run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.ci.container import WrongError
from ops.ci.image_check import MOST_MB, _lean


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    made = tmp_path / "opt/venv/lib/python3.13/site-packages"
    made.mkdir(parents=True)
    return made


def test_what_production_needs_passes(packages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (packages / "msgspec").mkdir()
    _lean(tmp_path)
    assert "0 MB beside the base" in capsys.readouterr().out


def test_what_builds_it_and_a_laptops_speech_are_found(packages: Path, tmp_path: Path) -> None:
    for name in ("pip", "moonshine_voice"):
        (packages / name).mkdir()
    with pytest.raises(WrongError, match="not for production: moonshine_voice, pip"):
        _lean(tmp_path)


def test_an_image_that_has_grown_is_told(packages: Path, tmp_path: Path) -> None:
    with (packages / "model.onnx").open("wb") as file:
        file.truncate((MOST_MB + 2) * 1_000_000)
    with pytest.raises(WrongError, match=f"grown to {MOST_MB + 2} MB"):
        _lean(tmp_path)
