"""docs/deadlines.md has every setting that is a time, with its default, and every constant that bounds a wait; it names
tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

from agent.config import Settings
from nurseries.leaving import longest, longest_drain_s

ROOT = Path(__file__).resolve().parents[2]
TIMES = re.compile(r".*_(S|MS|TIMEOUT|MINUTES)|RETENTION_DAYS")
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| (\S+) \|", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")

PAGE = (ROOT / "docs" / "deadlines.md").read_text()


def test_the_page_has_all_settings_that_are_times_and_no_others() -> None:
    settings = {name for name in Settings.model_fields if TIMES.fullmatch(name)}
    told = [name for name, _ in ROW.findall(PAGE)]

    assert sorted(told) == sorted(settings), "tell of it in docs/deadlines.md"


def test_the_page_tells_the_defaults() -> None:
    for name, told in ROW.findall(PAGE):
        default = Settings.model_fields[name].default
        assert told == ("unset" if default is None else f"{default:g}"), name


def test_every_deadline_that_is_a_setting_names_its_test() -> None:
    deadlines = PAGE.partition("## Settings that are times")[0]
    assert not [row for row in deadlines.splitlines() if ROW.match(row) and not TEST.search(row)]


def test_the_tests_that_it_names_are_there() -> None:
    found = TEST.findall(PAGE)
    assert len(found) > 20
    for path, name in found:
        text = (ROOT / path).read_text()
        assert not name or f"def {name}(" in text, f"{path} has no {name}"


BOUND = re.compile(r"(?:(?:move_on|fail)_a(?:fter|t)\(|\.deadline = )(.*)")
CONSTANT = re.compile(r"\b[A-Z][A-Z_]*_S\b")
STRANGERS = {"rehearsal", "dial"}
"""Programs of their own, beside a server."""


def test_whatever_bounds_a_wait_of_the_server_is_on_the_page() -> None:
    bounds = {
        name: str(path)
        for path in (ROOT / "nurseries").rglob("*.py")
        if path.relative_to(ROOT / "nurseries").parts[0] not in STRANGERS
        for bound in BOUND.findall(path.read_text())
        for name in CONSTANT.findall(bound)
    }
    assert len(bounds) > 40
    assert {name: path for name, path in bounds.items() if f"`{name}`" not in PAGE} == {}


STEP = re.compile(r"^\| ([a-z ,]+) \| (\d+) \| .* \|$", re.MULTILINE)


def test_the_way_out_is_told_step_by_step_with_its_bounds_and_their_sum() -> None:
    settings = Settings(_env_file=None)
    way_out = PAGE.partition("## The way out")[2].partition("\n## ")[0]
    told = STEP.findall(way_out)

    steps = [(phase.value, f"{seconds:g}") for phase, seconds in longest(settings).items()]
    assert told == [*steps, ("in all", f"{longest_drain_s(settings):g}")]
    releases = (ROOT / "docs" / "releases.md").read_text()
    assert f"{longest_drain_s(settings):g} s with the settings' defaults" in releases
