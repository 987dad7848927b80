"""Whether the suite catches what it is there to catch: breaks the product on purpose, one variant after the other.

    python ops/proofs/variants.py --jobs 2                 all that are listed in ops/proofs/variants
    python ops/proofs/variants.py mine.toml                those of another list
    python ops/proofs/variants.py --only runner --whole    some; what the named tests let pass, the whole suite is asked
    python ops/proofs/variants.py --mutants 20 --seed 3    none that are listed, but some that are made by rule
    python ops/proofs/variants.py --explore 300            schedules instead of tests: the promise broken, and the seed

Works in copies of the tree, with the environment that it runs in itself. Exit code 1: one survived, or does not fit the
code.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ops.proofs.breaking import Variant, apply, fault, load, write  # noqa: E402  as a program it needs the path
from ops.proofs.mutants import drawn  # noqa: E402

LISTS = ROOT / "ops" / "proofs" / "variants"
PYTEST = ("-m", "pytest", "-x", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider")
SAME = ("--hypothesis-seed=0",)
WHOLE = ("-n", "2", "--dist", "loadfile")
NOT_COPIED = (".git", ".venv", ".hypothesis", ".*_cache", "__pycache__", "data", "dist")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """What became of one variant."""

    variant: Variant
    by: str
    """The test that failed; empty: none did."""
    seconds: float
    wrong: str = ""
    """Why it could not be told."""


def copied(root: Path, to: Path) -> Path:
    """The tree as it is."""
    shutil.copytree(root, to, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return to


async def tested(tree: Path, arguments: Sequence[str], limit_s: float) -> tuple[int | None, str]:
    """The exit code of the tests, and what they said; None: they hang."""
    return await ran(tree, [*PYTEST, *arguments], limit_s)


async def ran(tree: Path, command: Sequence[str], limit_s: float) -> tuple[int | None, str]:
    """The same of what Python is to run in a tree."""

    async def kill(process: trio.Process) -> None:
        os.killpg(process.pid, signal.SIGKILL)  # and what they have started
        await process.wait()

    code, said = None, ""
    with trio.move_on_after(limit_s):
        done = await trio.run_process(
            [sys.executable, *command],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
            start_new_session=True,
            deliver_cancel=kill,
        )
        code, said = done.returncode, done.stdout.decode(errors="replace")
    return code, said


async def judged(variant: Variant, tree: Path, arguments: argparse.Namespace) -> Verdict:
    """Break the tree, ask the tests, mend it."""
    began = time.monotonic()
    wrong = fault(variant, tree)
    if wrong:
        return Verdict(variant, "", 0, wrong)
    shutil.rmtree(tree / ".hypothesis", ignore_errors=True)
    before = apply(variant, tree)
    try:
        code, said = await tested(tree, [*SAME, *variant.tests], arguments.limit)
        if code == 0 and arguments.whole:
            code, said = await tested(tree, [*SAME, *WHOLE], 30 * arguments.limit)
    finally:
        write(tree / variant.file, before)
    by = FAILED.search(said)
    seconds = time.monotonic() - began
    if code is None:
        return Verdict(variant, "hangs", seconds)
    if code == 1 and not (by and "::" not in by[1]):  # else a file of tests cannot even be imported
        return Verdict(variant, by[1] if by else "a test", seconds)
    return Verdict(variant, "", seconds, "" if code == 0 else f"{variant.name}: the tests cannot be run: {said[-400:]}")


async def explored(variant: Variant, tree: Path, arguments: argparse.Namespace) -> Verdict:
    """Break the tree, play schedules until a promise is broken, mend it."""
    began = time.monotonic()
    wrong = fault(variant, tree)
    if wrong:
        return Verdict(variant, "", 0, wrong)
    before = apply(variant, tree)
    try:
        play = ["--first", "--schedules", str(arguments.explore)]
        code, said = await ran(tree, ["ops/proofs/explore.py", *play], arguments.limit)
    finally:
        write(tree / variant.file, before)
    seconds = time.monotonic() - began
    if code is None:
        return Verdict(variant, "hangs", seconds)
    seed, _, promises = said.strip().rpartition("\n")[2].partition(" ")
    if code == 1 and seed.isdecimal():
        return Verdict(variant, f"{promises}, by the seed {seed}", seconds)
    return Verdict(variant, "", seconds, "" if code == 0 else f"{variant.name}: nothing can be played: {said[-400:]}")


async def judge(variants: Sequence[Variant], arguments: argparse.Namespace) -> list[Verdict]:
    """All of them, so many at a time."""
    verdicts: list[Verdict] = []
    waiting = list(reversed(variants))
    with tempfile.TemporaryDirectory(prefix="variants-") as folder:
        trees = [copied(ROOT, Path(folder) / str(n)) for n in range(arguments.jobs)]
        if not arguments.explore:
            named = sorted({test for variant in variants for test in variant.tests})
            code, said = await tested(trees[0], [*SAME, *named], 10 * arguments.limit)
            if code != 0:
                raise SystemExit(f"the tests fail before anything is broken:\n{said[-2000:]}")
        ask = explored if arguments.explore else judged

        async def work(tree: Path) -> None:
            while waiting:
                verdict = await ask(waiting.pop(), tree, arguments)
                verdicts.append(verdict)
                told = "WRONG" if verdict.wrong else "caught" if verdict.by else "SURVIVED"
                print(f"{told:<9}{verdict.seconds:6.1f} s  {verdict.variant.name:<44} {verdict.by}", flush=True)

        async with trio.open_nursery() as nursery:
            for tree in trees:
                nursery.start_soon(work, tree)
    return verdicts


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lists", nargs="*", type=Path, help="TOML files; without any: ops/proofs/variants")
    parser.add_argument("--only", default="", metavar="TEXT", help="those with this in their name")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many at a time")
    parser.add_argument("--mutants", type=int, default=0, metavar="N", help="draw so many instead, made by rule")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which mutants are drawn")
    parser.add_argument("--explore", type=int, default=0, metavar="N", help="play so many schedules instead of tests")
    parser.add_argument("--whole", action="store_true", help="ask the whole suite about those that survive")
    parser.add_argument("--limit", type=float, default=120.0, metavar="S", help="longer than this, tests hang")
    arguments = parser.parse_args()
    try:
        found = drawn(ROOT, arguments.mutants, arguments.seed) if arguments.mutants else None
        found = found or load(arguments.lists or sorted(LISTS.glob("*.toml")))
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from None
    variants = [variant for variant in found if arguments.only in variant.name]
    wrong = [told for variant in variants if (told := fault(variant, ROOT))]
    if wrong or not variants:
        raise SystemExit("\n".join(wrong) or "there is no such variant")
    verdicts = trio.run(partial(judge, variants, arguments))
    for verdict in verdicts:
        if verdict.wrong:
            print(verdict.wrong)
        elif not verdict.by:
            print(f"{verdict.variant.name} survives: nothing shows that {verdict.variant.breaks}")
    caught = sum(bool(verdict.by) for verdict in verdicts)
    print(f"{caught} of {len(verdicts)} caught")
    return 0 if caught == len(verdicts) else 1


if __name__ == "__main__":
    raise SystemExit(main())
