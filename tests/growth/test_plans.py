"""With 20,000 orders in the tables, every look and a whole life of an order lead through an index.

PostgreSQL counts for each table how often it was read from end to end; and of the lists its plan is shown.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.growth.copies import TABLES, copies_of, customer_id
from benchmarks.growth.looks import Looks
from benchmarks.shelf import rows
from models import in_bulk
from sandbox.stack import Stack
from tests.flow.kit import TENANT, Shop

pytestmark = [pytest.mark.timeout(600)]

ORDERS = 20_000
FLUSHED_SECONDS = 2.0
"""A session that is idle for longer than a second has told its counts."""

_SCANS = "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(%s)"


@pytest.fixture(scope="package")
async def full_shop(stack: Stack, whole_shop: Shop) -> Shop:
    """The shop, and 20,000 copies of a delivered order."""
    order = await _delivered(whole_shop)
    copies = copies_of(_admin(stack), order["number"])
    await asyncio.to_thread(copies.load, _admin(stack), range(ORDERS), lambda _: None)
    return whole_shop


async def test_no_look_reads_a_table_from_end_to_end(stack: Stack, full_shop: Shop) -> None:
    headers = {"Authorization": full_shop.http.headers["Authorization"]}
    with httpx.Client(base_url=stack.links.api, headers=headers, timeout=60, trust_env=False) as http:
        for name, look in Looks(http, ORDERS).all().items():
            before = await _scans(stack)
            for _ in range(3):
                await asyncio.to_thread(look)
            assert _grown(before, await _scans(stack)) == [], name


@pytest.mark.usefixtures("full_shop")
async def test_a_table_that_is_read_from_end_to_end_is_noticed(stack: Stack) -> None:
    before = await _scans(stack)
    await asyncio.to_thread(rows, stack, "SELECT max(total_minor) FROM orders")
    assert _grown(before, await _scans(stack)) == ["orders"]


async def test_a_whole_life_reads_no_table_from_end_to_end(stack: Stack, full_shop: Shop) -> None:
    before = await _scans(stack)
    await _delivered(full_shop)
    assert _grown(before, await _scans(stack)) == []


@pytest.mark.parametrize(
    ("of", "index"), [(None, "ix_orders_placed"), (customer_id(7), "ix_orders_customer")], ids=["all", "a customer's"]
)
@pytest.mark.usefixtures("full_shop")
async def test_a_page_of_orders_is_read_from_its_index(stack: Stack, of: str | None, index: str) -> None:
    """From its place on, without sorting: as many rows as are shown."""
    plan = _plan(stack, await _statement(of, (datetime.now(UTC), "C00010000")))
    assert index in plan, plan
    assert "Sort" not in plan, plan


async def _delivered(shop: Shop) -> dict[str, Any]:
    order = await shop.bought(shop.new_sku())
    assert (await shop.hand_over(order)).json()["released"] is True
    await shop.scan(order, "picked_up", "in_transit", "delivered")
    return await shop.order_in(order["number"], "delivered")


def _admin(stack: Stack) -> str:
    return stack.links.database_admin_url.replace("+psycopg", "")


async def _scans(stack: Stack) -> dict[str, int]:
    await asyncio.sleep(FLUSHED_SECONDS)
    with psycopg.connect(_admin(stack)) as connection:
        return dict(connection.execute(_SCANS, (list(TABLES),)).fetchall())


def _grown(before: dict[str, int], after: dict[str, int]) -> list[str]:
    return sorted(name for name in after if after[name] > before[name])


async def _statement(of: str | None, after: tuple[datetime, str]) -> str:
    """As the list's own code asks it, with its values in it."""
    asked = list[sa.Select[Any]]()

    class Heard:
        async def scalars(self, query: sa.Select[Any]) -> "Heard":
            asked.append(query)
            return self

        def all(self) -> Sequence[Any]:
            return ()

    heard: Any = Heard()
    session: AsyncSession = heard
    await in_bulk.page_of_orders(session, of, after, 21)
    query = asked[0].compile(
        dialect=sa.create_engine("postgresql+psycopg://").dialect, compile_kwargs={"literal_binds": True}
    )
    return str(query)


def _plan(stack: Stack, statement: str) -> str:
    """As the application's role gets it, under row-level security."""
    with psycopg.connect(stack.links.database_url.replace("+psycopg", "")) as connection:
        connection.execute("SELECT set_config('milepost.tenant', %s, true)", (TENANT,))
        lines = connection.execute(b"EXPLAIN " + statement.encode()).fetchall()
    return "\n".join(line for (line,) in lines)
