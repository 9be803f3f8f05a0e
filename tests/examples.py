"""How many random examples hypothesis tries: fewer if slow tests are left out (`make test`)."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# No test fails because the machine is busy: neither an example nor the drawing of one has a deadline.
settings.register_profile("thorough", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=15)


def choose_profile(quick: bool) -> None:
    """Decide, before any test module is read, how many examples its tests get."""
    settings.load_profile("quick" if quick else "thorough")


def is_quick() -> bool:
    """Whether slow tests are left out."""
    return settings.get_current_profile_name() == "quick"


def most(examples: int) -> settings:
    """Settings for at most so many examples, or a sixth of them under the profile `quick`."""
    return settings(max_examples=examples // 6 if is_quick() else examples)


def slowly(cases: Iterable[Any]) -> list[Any]:
    """The cases as parameters of a test, each marked slow: `make test` leaves them out."""
    return [pytest.param(case, marks=pytest.mark.slow) for case in cases]
