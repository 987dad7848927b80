"""Small mutants by rule, drawn by a seed: comparisons turned, `not` dropped, max for min, a call or a checkpoint left
out. For what nobody thought of; one that survives is a missing test, or changes nothing that anybody could notice."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from pathlib import Path

from ops.proofs.breaking import Variant

TESTS = {
    "nurseries/runner.py": ("tests/nurseries/test_runner.py", "tests/nurseries/test_runner_machine.py"),
    "nurseries/line/outbox.py": (
        *("tests/nurseries/line/test_outbox.py", "tests/nurseries/line/test_outbox_machine.py"),
        *("tests/calls/test_lessons.py", "tests/calls/test_corners.py"),
    ),
    "nurseries/talk/speech.py": (
        *("tests/nurseries/talk/test_speech.py", "tests/calls/test_lessons.py"),
        *("tests/calls/test_corners.py", "tests/calls/test_table.py"),
    ),
    "nurseries/talk/floor.py": (
        *("tests/calls/test_decided.py", "tests/calls/test_lessons.py"),
        *("tests/calls/test_corners.py", "tests/calls/test_table.py"),
    ),
    "nurseries/line/moving.py": ("tests/calls/test_stays.py", "tests/calls/test_hand_off.py"),
    "agent/speak/ledger.py": ("tests/agent/speak/test_ledger.py", "tests/nurseries/line/test_outbox_machine.py"),
    "agent/hear/turns.py": ("tests/agent/hear/test_turns.py",),
    "agent/guard/lease.py": ("tests/agent/guard/test_lease.py", "tests/nurseries/legs/test_lease_machine.py"),
    "agent/guard/breaker.py": ("tests/agent/guard/test_breaker.py",),
    "agent/guard/budget.py": ("tests/agent/guard/test_budget_machine.py", "tests/agent/guard/test_pot.py"),
}
"""What is mutated, and what is to notice."""

EQUIVALENT = {
    (
        "agent/speak/ledger.py",
        "played * BYTES_PER_MS >= sentence.sent_bytes - ROUNDING",
        "played * BYTES_PER_MS > sentence.sent_bytes - ROUNDING",
    ): "half a byte is there for rounding: nothing plays just so much",
    (
        "nurseries/talk/speech.py",
        'Not a checkpoint."""\n        self._note_first()\n        self.delayed',
        'Not a checkpoint."""\n        pass\n        self.delayed',
    ): "a new way out is opened by `_live` alone, which notes it as well",
}
"""What nobody can notice: the file, the text, what it becomes, and why that is the same."""

TURNED = {" < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == "}
TURNED |= {" is not None": " is None", " is None": " is not None"}


def drawn(root: Path, count: int, seed: int) -> list[Variant]:
    """So many of the tree under `root`, the same for the same seed; those that are EQUIVALENT are left out."""
    every = [variant for file in TESTS for variant in mutants(root, file)]
    some = random.Random(seed).sample(every, min(count, len(every)))
    texts = {file: (root / file).read_text() for file in TESTS}
    same = {(file, texts[file].replace(old, new)) for file, old, new in EQUIVALENT}
    return [one for one in some if (one.file, texts[one.file].replace(one.old, one.new)) not in same]


def mutants(root: Path, file: str) -> Iterator[Variant]:
    """All of one file."""
    text = (root / file).read_text()
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        for how, new in _changed(node, lines):
            first, last = node.lineno - 1, node.end_lineno
            before, after = "".join(lines[first:last]), new
            while text.count(before) != 1:  # with as much of what is around it as tells it from others
                first -= 1
                before, after = lines[first] + before, lines[first] + after
            name = f"{Path(file).stem}-{node.lineno}-{node.col_offset}-{how}"
            yield Variant(name, f"line {node.lineno} of {file} is as it is", file, before, after, TESTS[file])


def _changed(node: ast.AST, text: list[str]) -> Iterator[tuple[str, str]]:
    """By which rule, and the lines of the node as they are then."""
    if not isinstance(node, (ast.Compare, ast.UnaryOp, ast.Call, ast.Expr)):
        return
    lines = "".join(text[node.lineno - 1 : node.end_lineno])
    begins = len(text[node.lineno - 1].encode()[: node.col_offset].decode())
    last = text[node.end_lineno - 1]
    ends = len(lines) - len(last) + len(last.encode()[: node.end_col_offset].decode())
    segment = lines[begins:ends]

    def with_(other: str) -> str:
        return lines[:begins] + other + lines[ends:]

    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for old, new in TURNED.items():
            if segment.count(old) == 1:
                yield "turned", with_(segment.replace(old, new))
                return
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "without-not", with_(segment.removeprefix("not "))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"max", "min"}:
        yield "other-end", with_({"max": "min", "min": "max"}[node.func.id] + segment[3:])
    elif isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Await)):
        yield "left-out", with_("pass")
