"""Each operation that moves money, under each fault: it happens exactly once, and nothing else happens."""

import uuid
from pathlib import Path

import pytest
from rich.console import Console

from tests.faults.table import run, show
from tests.flow.kit import Shop


@pytest.mark.timeout(900)
async def test_every_operation_happens_once_under_every_fault(shop: Shop, tmp_path: Path) -> None:
    table = await run(shop, uuid.uuid4().hex)
    show(table, Console(width=180))
    written = tmp_path / "faults.txt"
    with written.open("w") as file:
        show(table, Console(width=180, file=file))
    wrong = "\n".join(table.failures)
    assert not wrong, f"{wrong}\n\nThe table is in {written}"
