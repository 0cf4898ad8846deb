"""Whatever happens to an order at whatever stage: how it ends, found on the real stack and kept in docs/lives.md.

`python -m tests.faults.life_table` plays every cell and writes what it found into that page; with names of stages it
plays these and writes nothing. `--only "address change"` plays one column and writes its lines alone.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sandbox.stack import Stack
from tests.faults.happenings import HAPPENINGS, Happening
from tests.faults.journey import ENDED, PATIENCE, Journey, Stage
from tests.faults.operations import together
from tests.faults.shop import OPTIONS, open_shop
from tests.flow.kit import Shop, until

PAGE = Path(__file__).parents[2] / "docs" / "lives.md"
FROM_HERE = "<!-- From here on it is written by `python -m tests.faults.life_table`. -->"
HEAD = ("what happens", "at once", "order", "money, minor units", "stock", "parcels")


@dataclass
class Life:
    """One cell: a journey to a stage, what happens there, and the rest of its way."""

    stage: Stage
    happening: Happening
    journey: Journey
    said: str = ""
    end: tuple[str, ...] = ("", "", "", "")
    complaints: list[str] = field(default_factory=list)

    async def live(self) -> None:
        """Raises `AssertionError` for whatever does not come."""
        await self.journey.reach(self.stage)
        self.said = await self.happening.strike(self.journey)
        await self.journey.live_on()
        if self.happening.again:
            await self.happening.strike(self.journey)
        self.end = await self._end()
        self.complaints += self._wrong()

    async def _end(self) -> tuple[str, str, str, str]:
        one = self.journey
        query = "SELECT sum(on_hand)::int, sum(reserved)::int FROM stock_levels WHERE sku = :s"
        ((on_hand, reserved),) = one.shop.sql(query, s=one.sku)
        stock = f"{on_hand} there, {reserved} reserved"
        if not one.order:
            checkout = await one.shop.checkout(one.checkout_id)
            return f"none, checkout {checkout['state']}", self._money(), stock, "none"
        order = await one.look()
        states = ", ".join(parcel["state"].replace("_", " ") for parcel in order["shipments"])
        person = ", with a person" if order["needs_attention"] else ""
        return order["state"] + person, self._money(), stock, states

    def _money(self) -> str:
        query = "SELECT state, captured_minor, refunded_minor FROM payments WHERE checkout_id = :c"
        ((state, captured, refunded),) = self.journey.shop.sql(query, c=self.journey.checkout_id)
        back = f", {refunded} back" if refunded else ""
        return f"{captured} captured{back}" if captured else state

    def _wrong(self) -> Iterator[str]:
        """What no end may be, whatever the page says."""
        one = self.journey
        query = (
            "SELECT o.kind FROM payment_operations o JOIN payments p USING (tenant_id, payment_id)"
            " WHERE p.checkout_id = :c AND o.state = 'pending'"
        )
        if out := one.shop.sql(query, c=one.checkout_id):
            yield f"still out: {out}"
        lost = any(each["state"] == "lost" for each in one.order.get("shipments", ()))
        if one.order and one.order["state"] not in ENDED and not lost:
            yield f"the order has not ended: {one.order['state']}"


@dataclass
class LifeTable:
    """Every cell, stage by stage. `findings` is what the auditor said after a stage's row."""

    rows: dict[Stage, list[Life]]
    findings: dict[Stage, list[object]] = field(default_factory=dict)
    seconds: float = 0

    @property
    def failures(self) -> list[str]:
        """By the cell's name, everything that is not as it should be."""
        cells = (life for row in self.rows.values() for life in row)
        named = [f"{one.stage}, {one.happening.name}: {complaint}" for one in cells for complaint in one.complaints]
        return named + [f"the audit after {stage}: {found}" for stage, found in self.findings.items() if found]

    def lines(self) -> Iterator[tuple[Stage, list[tuple[str, ...]]]]:
        """For each stage what happened and how it ended, one line a happening."""
        for stage, row in self.rows.items():
            yield stage, [(life.happening.name, life.said, *life.end) for life in row]


async def run(
    shop: Shop, salt: str, stages: Sequence[Stage] = tuple(Stage), happenings: Sequence[Happening] = HAPPENINGS
) -> LifeTable:
    """A stage's cells side by side; after each stage the auditor is asked."""
    began = time.monotonic()
    table = LifeTable({stage: [_life(shop, stage, happening, salt) for happening in happenings] for stage in stages})
    for stage, row in table.rows.items():
        for life, error in zip(row, await together(*(life.live() for life in row)), strict=True):
            if error is not None:
                life.complaints.append(f"{type(error).__name__}: {error}; {error.__cause__ or ''}")
        try:
            await until(shop.audit, lambda findings: not findings, within=PATIENCE / 2)
        except AssertionError:
            table.findings[stage] = await shop.audit()
    table.seconds = time.monotonic() - began
    return table


def _life(shop: Shop, stage: Stage, happening: Happening, salt: str) -> Life:
    return Life(stage, happening, Journey(shop, f"{stage} {happening.name} {salt}", **happening.how))


def markdown(table: LifeTable, known: str = "") -> str:
    """What the page has below its mark. Lines of what was not played are as in `known`."""
    parts = []
    for stage, lines in table.lines():
        title = f"\n### {stage.capitalize()}\n\n"
        before = known.partition(title)[2].partition("\n\n")[0].splitlines()
        rows = {row.split(" | ")[0].removeprefix("| "): row for row in before}
        rows |= {line[0]: _row(line) for line in lines}
        body = [_row(HEAD), _row(["---"] * len(HEAD)), *(rows[one.name] for one in HAPPENINGS if one.name in rows)]
        parts.append(title + "\n".join(body) + "\n")
    return "".join(parts)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def on_page() -> str:
    """What the page says at this moment."""
    return PAGE.read_text().partition(FROM_HERE + "\n")[2]


def show(table: LifeTable, console: Console) -> None:
    """For a terminal."""
    drawn = Table("stage", *HEAD, title="Whatever happens to an order")
    for stage, lines in table.lines():
        for place, line in enumerate(lines):
            drawn.add_row("" if place else stage.value, *line, end_section=place == len(lines) - 1)
    console.print(drawn)
    cells = sum(len(row) for row in table.rows.values())
    audits = len(table.rows) - len(table.findings)
    console.print(f"{cells} lives in {table.seconds:.0f} s; audits without a finding: {audits} of {len(table.rows)}")


async def _main(stages: Sequence[Stage], only: Sequence[str]) -> int:
    happenings = [one for one in HAPPENINGS if not only or one.name in only]
    with Stack(OPTIONS) as stack:
        async with open_shop(stack) as shop:
            table = await run(shop, "by hand", stages or tuple(Stage), happenings)
    show(table, Console(width=200))
    if table.failures:
        sys.stderr.write("\n".join(table.failures) + "\n")
        return 1
    if stages:
        return 0
    before = PAGE.read_text().partition(FROM_HERE)[0]
    PAGE.write_text(before + FROM_HERE + "\n" + markdown(table, on_page() if only else ""))
    return 0


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("stages", nargs="*", type=Stage)
    asked.add_argument("--only", action="append", default=[], choices=[one.name for one in HAPPENINGS])
    told = asked.parse_args()
    raise SystemExit(asyncio.run(_main(told.stages, told.only)))
