"""What the server says at its start of what it keeps."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.providers.local_objects import LocalObjects
from nurseries.chain.ports import ChainModel
from nurseries.welcome import kept_words, standby_words
from tests.calls.stage import Stage, configured
from tests.nurseries.chain.chain_case import Model, chained


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


def test_whoever_stands_by_is_named() -> None:
    stage = Stage()
    assert standby_words(stage.parts) == ""
    parts = replace(stage.parts, model=ChainModel(chained(Model("first"), Model("second"), Model("third"))))

    assert standby_words(parts) == "    stand by      thinking: second, third  (FALLBACKS_FILE is set)\n"
