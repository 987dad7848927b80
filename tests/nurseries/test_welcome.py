"""What the server says at its start of what it keeps."""

from pathlib import Path

import pytest

from agent.providers.local_objects import LocalObjects
from nurseries.serve import kept_words
from tests.calls.stage import configured


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"RECORD_CALLS": True}, ["records to", "sounds"]),
        ({"RETENTION_DAYS": 1}, ["keeps for     1 day  "]),
        ({"RECORD_CALLS": True, "RETENTION_DAYS": 30}, ["records to", "keeps for     30 days  "]),
    ],
)
def test_recordings_and_retention_are_told_where_they_are_set(
    tmp_path: Path, changes: dict[str, object], words: list[str]
) -> None:
    told = kept_words(configured(**changes), LocalObjects(tmp_path / "sounds"))

    assert all(word in told for word in words)
    assert told.count("\n") == len(changes)
