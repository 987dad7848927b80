"""How much is explored: what Hypothesis draws in the profile that the environment names.

`house` is the suite's. `nightly` (HYPOTHESIS_PROFILE=nightly) draws ten times as many examples of everything, and
prints what it takes to draw a failing one again.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "house")
TIMES = {"house": 1, "nightly": 10}
"""Examples, by profile, for each that the suite draws."""


def examples(number: int) -> int:
    """For a test that says itself how many it wants: so many in the suite, more at night."""
    return number * TIMES[PROFILE]


def load() -> None:
    """Set the profile. Raises KeyError where there is none of this name."""
    if PROFILE not in TIMES:
        raise KeyError(f"HYPOTHESIS_PROFILE={PROFILE}: there is {' and '.join(TIMES)}")
    # A busy machine is no fault of a test's.
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile(PROFILE, patient, max_examples=examples(100), print_blob=PROFILE == "nightly")
    settings.load_profile(PROFILE)
