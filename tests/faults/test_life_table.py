"""Whatever happens to an order at whatever stage, it ends as docs/lives.md says, and the audit finds nothing."""

import io
import uuid
from collections.abc import Callable

import pytest
from rich.console import Console

from tests.conftest import SHOWN
from tests.faults.life_table import markdown, on_page, run, show
from tests.flow.kit import Shop


@pytest.mark.timeout(900)
async def test_every_life_ends_as_the_page_says(shop: Shop, record_property: Callable[[str, object], None]) -> None:
    table = await run(shop, uuid.uuid4().hex)
    drawn = io.StringIO()
    show(table, Console(width=200, file=drawn))
    record_property(SHOWN, drawn.getvalue())
    assert not table.failures, "\n".join(table.failures)
    assert markdown(table) == on_page(), "the page is another: python -m tests.faults.life_table writes it"
