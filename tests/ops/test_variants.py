"""The list of broken variants is true: each still fits the code, and the tests that are to catch it are there. And the
command tells who is caught from who survives, in a tree of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ops.proofs.breaking import fault, load
from ops.proofs.mutants import EQUIVALENT, TESTS, drawn, mutants
from ops.proofs.variants import LISTS, ROOT

PRODUCT = "def larger(a, b):\n    # of two\n    return max(a, b)\n"
TEST = "from product import larger\n\n\ndef test_larger():\n    assert larger(1, 2) == 2\n"
LIST = """
[smaller]
breaks = "the larger one is returned"
file = "product.py"
old = "max(a, b)"
new = "min(a, b)"
tests = ["tests/test_product.py::test_larger"]

[another-comment]
breaks = "nothing"
file = "product.py"
old = "of two"
new = "of both"
tests = ["tests/test_product.py"]
"""


def test_each_fits_the_code_and_its_tests_are_there() -> None:
    variants = load(sorted(LISTS.glob("*.toml")))

    assert len(variants) >= 40
    assert [told for variant in variants if (told := fault(variant, ROOT))] == []


def test_what_does_not_fit_is_told() -> None:
    variant = load(sorted(LISTS.glob("*.toml")))[0]

    assert "0 times" in fault(replace(variant, old="no such text"), ROOT)
    assert "there is no nowhere.py" in fault(replace(variant, file="nowhere.py"), ROOT)
    assert "there is no test" in fault(replace(variant, tests=(f"{variant.tests[0]}::test_of_nothing",)), ROOT)


def test_a_table_that_is_no_variant_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[half]\nfile = "x.py"\n')

    with pytest.raises(ValueError, match=r"mine\.toml: \[half\] must have exactly breaks, file"):
        load([tmp_path / "mine.toml"])


def test_the_command_tells_who_survives(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ops" / "proofs", tmp_path / "ops" / "proofs", ignore=shutil.ignore_patterns("*.toml"))
    (tmp_path / "tests").mkdir()
    (tmp_path / "product.py").write_text(PRODUCT)
    (tmp_path / "tests" / "test_product.py").write_text(TEST)
    (tmp_path / "ops" / "proofs" / "variants" / "mine.toml").write_text(LIST)

    quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "_hypothesis_pytestplugin"}
    done = subprocess.run(
        [sys.executable, tmp_path / "ops" / "proofs" / "variants.py"],
        env={**os.environ, **quick},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "tests/test_product.py::test_larger" in done.stdout
    assert "another-comment survives: nothing shows that nothing" in done.stdout
    assert "1 of 2 caught" in done.stdout


def test_mutants_are_of_the_code_and_the_same_for_the_same_seed() -> None:
    made = drawn(ROOT, 40, 1)

    assert [told for mutant in made if (told := fault(mutant, ROOT))] == []
    assert made == drawn(ROOT, 40, 1)
    for mutant in made:
        compile((ROOT / mutant.file).read_text().replace(mutant.old, mutant.new), mutant.file, "exec")


def test_what_nobody_can_notice_is_a_mutant_of_the_code_and_never_drawn() -> None:
    texts = {file: (ROOT / file).read_text() for file in TESTS}
    every = {(file, texts[file].replace(one.old, one.new)) for file in TESTS for one in mutants(ROOT, file)}
    same = {(file, texts[file].replace(old, new)) for file, old, new in EQUIVALENT}

    assert len(same) == len(EQUIVALENT)
    assert same <= every
    made = drawn(ROOT, 10_000, 1)
    assert {(one.file, texts[one.file].replace(one.old, one.new)) for one in made} == every - same
