"""A short day of random orders: each ends, and the audit finds nothing. `make day` is a long one."""

import io
import os
from collections.abc import Callable

import pytest
from rich.console import Console

from tests.conftest import SHOWN
from tests.faults.day import SEED, run, show
from tests.faults.day_plans import plans
from tests.flow.kit import Shop

ORDERS = int(os.environ.get("MILEPOST_DAY_ORDERS", "12"))


def test_a_seed_is_a_day() -> None:
    assert plans(7, 20)[:5] == plans(7, 5)
    assert plans(7, 20) != plans(8, 20)


@pytest.mark.timeout(900)
async def test_each_order_of_a_day_ends(shop: Shop, record_property: Callable[[str, object], None]) -> None:
    day = await run(shop, SEED, ORDERS)
    drawn = io.StringIO()
    show(day, Console(width=160, file=drawn))
    record_property(SHOWN, drawn.getvalue())
    assert not day.failures, "\n\n".join(day.failures)
