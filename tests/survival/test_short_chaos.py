"""`make chaos` with few shoppers: everything is killed under 30 checkouts, then there is trouble from a seed.

All of its verdict must hold. The whole of it, 300 or 3,000 shoppers, takes longer than a test may.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SHOWN

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

SEED, SHOPPERS = 7, 24


def test_nothing_that_was_promised_breaks(record_property: Callable[[str, object], None]) -> None:
    command = (sys.executable, "-m", "benchmarks.survival", "--seed", str(SEED), "--count", str(SHOPPERS))
    root = Path(__file__).parents[2]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=570)
    record_property(SHOWN, ended.stdout)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
