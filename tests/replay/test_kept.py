"""What `calling-agent replay --keep` has made of recordings is played: each call decides as it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.replay import file
from nurseries.replay import kept

RECORDINGS = sorted((Path(__file__).parent / "kept").glob(f"*{file.SUFFIX}"))


@pytest.mark.parametrize("path", RECORDINGS, ids=[path.name.removesuffix(file.SUFFIX) for path in RECORDINGS])
def test_decides_as_it_should(path: Path) -> None:
    change = kept.check(path)
    assert change is None, str(change)
