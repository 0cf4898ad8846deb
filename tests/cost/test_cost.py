"""What an order costs does not grow unnoticed."""

import json

import pytest

from sandbox.stack import Stack
from tests.cost.counting import KEPT, count, grown
from tests.faults.shop import OPTIONS

pytestmark = pytest.mark.stack


async def test_an_order_costs_no_more_than_was_written_down() -> None:
    kept = json.loads(KEPT.read_text())
    with Stack(OPTIONS) as stack:
        found = await count(stack)
    assert found.keys() == kept.keys()
    assert not grown(found, kept), "if it must be so: python -m tests.cost.counting --save"
