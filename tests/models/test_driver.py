"""What is given to psycopg itself writes what the session would, is the tenant's own, and fails as SQLAlchemy does."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.stock import BackorderKind
from models import driver
from models.base import Base
from models.driver import Statement
from models.events import Event
from models.promotions import Promotion
from models.stock import Location, StockLevel
from tests.models.kit import HOME, PLACE, SUPERUSER, Shop, complaint

NASTY = "it's \"quoted\", 100 % - \\n {braces} '; DROP TABLE events; --"
THEN = datetime(2026, 2, 3, 4, 5, 6, 789_012, UTC)


def _event(shop: Shop, message: str, **data: Any) -> Event:
    return Event(tenant_id=shop.tenant, checkout_id="chk", type="test", message=message, data=data, occurred_at=THEN)


async def _columns(session: AsyncSession, kind: type[Base], where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    rows = await session.scalars(sa.select(kind).where(where).execution_options(populate_existing=True))
    return [{c.key: getattr(row, c.key) for c in sa.inspect(kind).column_attrs} for row in rows]


async def test_rows_are_as_the_session_writes_them(shop: Shop) -> None:
    sku, day = shop.new_sku(), datetime(2026, 3, 1, tzinfo=UTC).date()

    def made(place: str) -> list[Base]:
        own = {"tenant_id": shop.tenant, "location_id": place}
        return [
            Location(**own, name=NASTY, priority=2**62, address=HOME | {"name": NASTY, "note": "ż\u2028"}),
            StockLevel(
                **own, sku=sku, on_hand=7, expected_on=day, backorder_kind=BackorderKind.PREORDER, backorder_limit=3
            ),
        ]

    async with shop.transaction() as session:
        await driver.together(session, *driver.insert(made("rome")))
        session.add_all(made("pisa"))
    for kind in (Location, StockLevel):
        async with shop.transaction() as session:
            ours, theirs = [await _columns(session, kind, kind.location_id == place) for place in ("rome", "pisa")]
        assert [one | {"location_id": ""} for one in ours] == [one | {"location_id": ""} for one in theirs]
        assert len(ours) == 1


async def test_values_come_back_as_they_were(shop: Shop) -> None:
    data = {"text": NASTY, "none": None, "number": 2**53, "list": [1, {"a": None}]}
    async with shop.transaction() as session:
        await driver.together(session, *driver.insert([_event(shop, NASTY, **data)]))
    async with shop.transaction() as session:
        row = (await session.scalars(sa.select(Event))).one()
    assert (row.message, row.data, row.occurred_at) == (NASTY, data, THEN)


async def test_rows_that_follow_each_other_are_one_statement_in_their_order(shop: Shop) -> None:
    place = Location(tenant_id=shop.tenant, location_id="rome", name="Rome", address=HOME)
    other = Location(tenant_id=shop.tenant, location_id="pisa", name="Pisa", address=HOME, priority=1)
    events = [_event(shop, str(n)) for n in range(300)]
    statements = driver.insert([*events, place, other])
    assert [one.text.split(" (")[0] for one in statements] == ["INSERT INTO events"] + ["INSERT INTO locations"] * 2
    async with shop.transaction() as session:
        await driver.together(session, *statements)
    assert [int(row.message) for row in shop.rows("SELECT message FROM events ORDER BY event_id")] == [*range(300)]
    assert shop.rows("SELECT priority FROM locations WHERE location_id IN ('rome', 'pisa') ORDER BY 1") == [(0,), (1,)]


async def test_nothing_is_nothing(shop: Shop) -> None:
    assert driver.insert([]) == driver.update([]) == []
    async with shop.transaction() as session:
        assert await driver.together(session) == []


async def test_what_was_changed_is_written_and_not_flushed_again(shop: Shop) -> None:
    async with shop.transaction() as session:
        row = await session.get_one(Location, (shop.tenant, PLACE))
        row.name, row.priority, row.address = NASTY, -3, HOME | {"city": "Fiesole"}
        statements = driver.update([row])
        assert len(statements) == 1
        assert not session.is_modified(row)
        assert driver.update([row]) == []
        await driver.together(session, *statements)
        shop_sees = await driver.ask(session, Statement("SELECT name, priority FROM locations", {}))
        assert [tuple(one) for one in shop_sees] == [(NASTY, -3)]
    assert shop.rows("SELECT name, priority, address->>'city' FROM locations") == [(NASTY, -3, "Fiesole")]


async def test_each_statement_has_its_answer(shop: Shop) -> None:
    async with shop.transaction() as session:
        first, second, third = await driver.together(
            session,
            Statement("SELECT %(n)s::int AS n, current_tenant() AS whose", {"n": 1}),
            *driver.insert([_event(shop, "x")]),
            Statement("SELECT message FROM events", {}),
        )
    assert [(row.n, row.whose) for row in first] == [(1, shop.tenant)]
    assert (second, [row.message for row in third]) == ([], ["x"])


async def test_a_row_of_another_tenant_is_refused(shop: Shop) -> None:
    other = shop.server.new_shop()
    with pytest.raises(ProgrammingError) as refused:
        async with shop.transaction() as session:
            await driver.together(session, *driver.insert([_event(other, "theirs")]))
    assert complaint(refused.value) == ("42501", None)
    assert other.rows("SELECT count(*) FROM events") == [(0,)]


async def test_the_first_that_fails_is_what_is_raised_and_nothing_stays(shop: Shop) -> None:
    again = Location(tenant_id=shop.tenant, location_id=PLACE, name="twice", address=HOME)
    writing = driver.insert([_event(shop, "before"), again, _event(shop, "after")])
    with pytest.raises(IntegrityError) as refused:
        async with shop.transaction() as session:
            await driver.together(session, *writing, Statement("SELECT 1 / 0", {}))
    assert complaint(refused.value) == ("23505", "pk_locations")
    assert refused.value.connection_invalidated is False
    assert shop.rows("SELECT count(*) FROM events") == [(0,)]
    async with shop.transaction() as session:  # the connection is fit for the next one
        assert (await driver.ask(session, Statement("SELECT 1 AS one", {})))[0].one == 1


@pytest.mark.parametrize("count", [1, 2])
async def test_a_lost_connection_is_lost_to_the_pool(shop: Shop, count: int) -> None:
    sleep = Statement("SELECT pg_terminate_backend(pg_backend_pid())", {})
    with pytest.raises(DBAPIError) as lost:
        async with shop.transaction() as session:
            await driver.together(session, *[sleep] * count)
    assert isinstance(lost.value, OperationalError)
    assert isinstance(lost.value.orig, psycopg.OperationalError)
    assert lost.value.connection_invalidated
    async with shop.transaction() as session:
        assert (await driver.ask(session, Statement("SELECT 1 AS one", {})))[0].one == 1


async def test_given_up_in_the_middle_nothing_stays_and_nobody_waits(shop: Shop) -> None:
    sleep = Statement("SELECT pg_sleep(60)", {})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), shop.transaction() as session:
            await driver.together(session, *driver.insert([_event(shop, "x")]), sleep)
    assert shop.rows("SELECT count(*) FROM events") == [(0,)]
    busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active'"
    assert shop.server.rows(busy + " AND pid <> pg_backend_pid()", role=SUPERUSER) == [(0,)]


async def test_a_column_of_a_list_is_written(shop: Shop) -> None:
    """JSON's arrays become PostgreSQL's."""
    code = Promotion(
        tenant_id=shop.tenant, code="TEN", name="Ten", kind="percent", basis_points=1000, skus=["a", "b,{"],
        products=[], starts_at=THEN, ends_at=THEN + timedelta(days=1),
    )  # fmt: skip
    async with shop.transaction() as session:
        await driver.together(session, *driver.insert([code]))
    assert shop.rows("SELECT skus, products FROM promotions") == [(["a", "b,{"], [])]
