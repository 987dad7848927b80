"""Deliberately broken variants of the product: each takes back one promise, and some test has to notice.

A list of them is a TOML file, a table a variant, named as what was done wrong. The text to be replaced stands there in
full and must occur once: a list that does not fit the code any more is a fault, not a variant that survives.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FIELDS = {"breaks", "file", "old", "new", "tests"}


@dataclass(frozen=True)
class Variant:
    """One."""

    name: str
    breaks: str
    """The promise that does not hold any more."""
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    """Files of tests, or tests ("file::name"): one of these is expected to fail."""


def load(paths: Iterable[Path]) -> list[Variant]:
    """Those in these files. Raises ValueError: which table of which file is none."""
    found: dict[str, Variant] = {}
    for path in paths:
        try:
            tables = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path}: no TOML: {error}") from None
        for name, table in tables.items():
            if not isinstance(table, dict) or set(table) != FIELDS:
                raise ValueError(f"{path}: [{name}] must have exactly {', '.join(sorted(FIELDS))}")
            if name in found:
                raise ValueError(f"{path}: [{name}] is there twice")
            found[name] = Variant(name, **{**table, "tests": tuple(table["tests"])})
    return list(found.values())


def fault(variant: Variant, root: Path) -> str:
    """Why this is no variant of the tree under `root`; empty: it is one."""
    path = root / variant.file
    if not path.is_file():
        return f"{variant.name}: there is no {variant.file}"
    times = path.read_text().count(variant.old)
    if times != 1 or variant.old == variant.new:
        return f"{variant.name}: its old text is {times} times in {variant.file}; once it must be, and become another"
    if not variant.tests:
        return f"{variant.name}: no tests are named"
    for test in variant.tests:
        file, _, name = test.partition("::")
        text = (root / file).read_text() if (root / file).is_file() else ""
        if not text or (
            name and f"def {name}(" not in text and f"class {name}(" not in text and f"{name} =" not in text
        ):
            return f"{variant.name}: there is no test {test}"
    return ""


def apply(variant: Variant, root: Path) -> None:
    """Break the tree under `root`."""
    _write(root / variant.file, (root / variant.file).read_text().replace(variant.old, variant.new))


def restore(variant: Variant, root: Path, source: Path) -> None:
    """Make it as the tree under `source` again."""
    _write(root / variant.file, (source / variant.file).read_text())


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):  # told from the source by second and size alone
        compiled.unlink()
