"""Runs the whole fault table on one stack and shows it; `python -m tests.faults.table` prints it as Markdown."""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.stack import Stack
from tests.faults.cells import FAULTS, Cell, all_cells
from tests.faults.declines import Decline, all_declines
from tests.faults.members import MemberCell
from tests.faults.operations import OPERATIONS, together
from tests.faults.shop import OPTIONS, open_shop
from tests.flow.kit import Shop, until

AT_ONCE = 12


@dataclass
class FaultTable:
    """Every cell and decline, judged. `findings` is what the auditor says of everything together."""

    cells: list[Cell]
    declines: list[Decline]
    findings: list[object] = field(default_factory=list)
    seconds: float = 0

    @property
    def failures(self) -> list[str]:
        """By the cell's name, everything that is not as it should be."""
        judged: Iterable[Cell | Decline] = [*self.cells, *self.declines]
        named = [f"{one.name}: {complaint}" for one in judged for complaint in one.complaints]
        return named + [f"the audit: {finding}" for finding in self.findings]

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Head and rows: a row an operation, a column a fault, and in it what Stripe has."""
        found = {(cell.operation.name, cell.fault.name): cell for cell in self.cells}
        head = ["", *(fault.name for fault in FAULTS)]
        return head, [
            [operation.name, *(_told(found[operation.name, fault.name]) for fault in FAULTS)]
            for operation in OPERATIONS
        ]

    def decline_rows(self) -> tuple[list[str], list[list[str]]]:
        """The same for what is refused for good."""
        head = ["", "at Stripe, in minor units", "how it ended"]
        return head, [[one.name, _told(one), one.ended] for one in self.declines]


def _told(one: Cell | Decline) -> str:
    return one.found if not one.complaints else f"{one.found} WRONG"


async def run(shop: Shop, salt: str) -> FaultTable:
    """A dozen cells at a time; those whose worker is killed are struck first and end while the others run."""
    began = time.monotonic()
    table = FaultTable(all_cells(shop, salt), all_declines(shop, salt))
    doomed = [cell for cell in table.cells if cell.fault.kills_worker]
    others = [cell for cell in table.cells if not cell.fault.kills_worker]
    await _each(doomed, [cell.prepare() for cell in doomed])
    await _each(doomed, [cell.arm() for cell in doomed])
    turn = asyncio.Semaphore(AT_ONCE)
    dying = asyncio.create_task(_each(doomed, [cell.run() for cell in doomed]))
    await kill_worker(shop, doomed)
    await asyncio.gather(
        dying,
        _each(others, [_in_turn(turn, _whole(cell)) for cell in others]),
        _each(table.declines, [_in_turn(turn, one.play()) for one in table.declines]),
    )
    await _judge(shop, table)
    table.seconds = time.monotonic() - began
    return table


async def _in_turn(turn: asyncio.Semaphore, work: Awaitable[object]) -> None:
    async with turn:
        await work


async def _each(ones: Iterable[Cell | Decline], work: Iterable[Any]) -> None:
    """What goes wrong with one does not stop the others."""
    for one, error in zip(ones, await together(*work), strict=True):
        if error is not None:
            one.complaints.append(f"{type(error).__name__}: {error}")


async def _whole(cell: Cell) -> None:
    await cell.prepare()
    await cell.arm()
    await cell.run()


async def kill_worker(shop: Shop, doomed: Sequence[Cell | MemberCell]) -> None:
    """Once Stripe has all their requests and has answered none."""

    async def struck() -> int:
        faults = await faults_by_keys(shop)
        return sum(faults[cell.keys]["struck"] for cell in doomed)

    await until(struck, lambda seen: seen == len(doomed))
    shop.stack.kill("worker-1")
    await asyncio.to_thread(shop.stack.start, "worker-1")


async def _judge(shop: Shop, table: FaultTable) -> None:
    intents, faults = (await shop.stripe("state"))["payment_intents"], await faults_by_keys(shop)
    for cell in table.cells:
        nothing = {"struck": 0, "seen": 0}
        cell.judge(intents, faults.get(cell.keys, nothing))
    for decline in table.declines:
        decline.judge(intents)
    await shop.calm()
    try:
        await until(shop.audit, lambda findings: not findings)
    except AssertionError:
        table.findings = await shop.audit()


async def faults_by_keys(shop: Shop) -> dict[str, dict[str, Any]]:
    """What was ordered of Stripe, by the keys it is for."""
    answer = await shop.http.get(f"{shop.links.stripe}/_control/faults")
    return {str(one["idempotency_key"]): one for one in answer.json()["faults"]}


def show(table: FaultTable, console: Console) -> None:
    """Both tables, for a terminal."""
    for title, (head, rows) in (
        ("What Stripe has after one operation under one fault", table.rows()),
        ("What is refused for good", table.decline_rows()),
    ):
        drawn = Table(*head, title=title)
        for row in rows:
            drawn.add_row(*row)
        console.print(drawn)
    console.print(f"{len(table.cells)} cells in {table.seconds:.0f} s")


def markdown(table: FaultTable) -> str:
    """Both tables, for the documentation."""
    parts = []
    for head, rows in (table.rows(), table.decline_rows()):
        lines = [head, ["---"] * len(head), *rows]
        parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n")
    return "\n".join(parts)


async def _main() -> int:
    with Stack(OPTIONS) as stack:
        async with open_shop(stack) as shop:
            table = await run(shop, "by hand")
    Console().file.write(markdown(table))
    Console(stderr=True).print("\n".join(table.failures) or f"all as wanted, in {table.seconds:.0f} s")
    return 1 if table.failures else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(_main()))
