import resource
import subprocess
import sys

from nurseries.serve import raise_files

DEAR = ("openai", "pymongo", "onnxruntime", "aiohttp", "ctranslate2", "nurseries.rehearsal", "nurseries.replay.command")
"""What not every server needs, or not before it knows its settings: each takes a tenth of a second or more."""


def test_a_server_imports_nothing_dear_that_it_was_not_asked_for() -> None:
    asked = f"import sys, nurseries.main, nurseries.serve; print(*sys.modules.keys() & set({DEAR}))"
    done = subprocess.run([sys.executable, "-c", asked], check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_what_there_is_before_calls_is_not_looked_through_again() -> None:
    """In a process of its own: what is frozen stays so."""
    asked = (
        "import gc; gc.disable(); from nurseries.serve import keep_what_there_is; keep_what_there_is(); "
        "print(gc.isenabled(), gc.get_freeze_count() > 50_000, len(gc.get_objects()) < 5_000)"
    )
    done = subprocess.run([sys.executable, "-c", asked], check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True", "True"]


def test_as_many_files_may_be_open_as_the_system_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
        raise_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
