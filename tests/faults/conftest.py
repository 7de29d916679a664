"""The seed of this run's faults, printed, so that a failure can be played again: RADBRIDGE_FAULT_SEED."""

import os
import random

import pytest

SOAK_ROUNDS = 200


def rounds(usual: int) -> int:
    """How many rounds: as many as CI has time for, or those of ``make soak``."""
    return SOAK_ROUNDS if os.environ.get("RADBRIDGE_SOAK") else usual


def pytest_report_header() -> str:
    return f"faults are drawn from RADBRIDGE_FAULT_SEED={_SEED}"


_SEED = int(os.environ.get("RADBRIDGE_FAULT_SEED") or random.SystemRandom().randrange(10**6))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``embedded_seed`` or ``real_seed`` runs once for each round."""
    for name, usual in (("embedded_seed", 10), ("real_seed", 5)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, [_SEED + number for number in range(rounds(usual))])
