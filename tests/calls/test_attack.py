"""The attack of ops/bench, in its short form: a real server, with calls going on in it."""

import subprocess
import sys
from pathlib import Path

from tests.calls.server import environment

ATTACK = Path(__file__).parents[2] / "ops" / "bench" / "attack.py"


def test_an_attack_leaves_the_server_as_it_was_and_its_calls_undisturbed() -> None:
    done = subprocess.run(
        [sys.executable, str(ATTACK), "--short"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
