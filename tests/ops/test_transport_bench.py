"""That the measure of the media socket runs: nothing is measured here."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_sockets_carry_sound_both_ways():
    done = subprocess.run(
        [
            sys.executable,
            "ops/bench/transport.py",
            "--calls",
            "2",
            "--rounds",
            "1",
            "--seconds",
            "0.2",
            "--kinds",
            "ours",
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert [line.split()[3] for line in done.stdout.splitlines()[1:]] == ["ours", "ours"]
