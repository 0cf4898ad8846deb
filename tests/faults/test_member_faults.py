"""A member who is past due gives another card, under each fault: it is kept once, and the period is paid once."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.faults.members import MEMBER_OPERATIONS, MemberCell, member_cells
from tests.faults.operations import together
from tests.faults.table import faults_by_keys, kill_worker
from tests.flow.kit import Shop


async def _all(cells: Sequence[MemberCell], step: str) -> None:
    """One step of each, side by side; what goes wrong with one does not stop the others."""
    for cell, error in zip(cells, await together(*(getattr(cell, step)() for cell in cells)), strict=True):
        if error is not None:
            cell.complaints.append(f"{step}: {type(error).__name__}: {error}")


@pytest.mark.timeout(900)  # twice 20 s of silence, a killed worker, and members whose month passes; 4 min were seen
async def test_a_card_is_kept_once_and_a_period_paid_once_under_every_fault(shop: Shop) -> None:
    cells = member_cells(shop)
    doomed = [cell for cell in cells if cell.fault.kills_worker]
    groups = [[one for one in cells if one.operation is kind and one not in doomed] for kind in MEMBER_OPERATIONS]
    for group in (doomed, *groups):
        for step in ("prepare", "arm"):
            await _all(group, step)
        running = asyncio.create_task(_all(group, "run"))
        if group is doomed:
            await kill_worker(shop, doomed)
        await running
    intents, faults = (await shop.stripe("state"))["payment_intents"], await faults_by_keys(shop)
    for cell in cells:
        cell.judge(intents, faults.get(cell.keys, {"struck": 0, "seen": 0}))
    assert not [f"{cell.name}: {complaint}" for cell in cells for complaint in cell.complaints]
    await shop.calm()
    assert await shop.audit() == []
