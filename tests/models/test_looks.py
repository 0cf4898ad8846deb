"""Looks from threads: who asks together is answered from one, each of their own tenant, and a fault ends no thread."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from api.looks import Looks
from models.database import Database
from tests.models.kit import SUPERUSER, Server, Shop


@pytest.fixture
async def looks(server: Server) -> AsyncIterator[Looks]:
    """Of an API process."""
    opened = Looks(server.database)
    yield opened
    await opened.close()


def connections(server: Server) -> list[int]:
    """Of the threads' kind: what they asked last was a glance."""
    with server.engines[SUPERUSER].connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE '%%glance_as%%' AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in rows]


async def test_forty_at_once_each_see_what_they_asked_for(shop: Shop, looks: Looks) -> None:
    left = {shop.new_sku(units): units for units in range(40)}
    seen = await asyncio.gather(*(looks.ask(shop.tenant, [shop.asked(sku)]) for sku in left))
    assert [one.most[sku] for one, sku in zip(seen, left, strict=True)] == list(left.values())


async def test_another_tenants_sku_is_not_there(shop: Shop, looks: Looks) -> None:
    sku = shop.new_sku(0)
    mine, theirs = await asyncio.gather(
        looks.ask(shop.tenant, [shop.asked(sku)]), looks.ask("somebody", [shop.asked(sku)])
    )
    assert mine.most == {sku: 0}
    assert theirs.most != {sku: 0}
    assert theirs.known == frozenset()


async def test_a_lost_connection_is_told_once_and_then_replaced(shop: Shop, looks: Looks, server: Server) -> None:
    sku = shop.new_sku(3)
    before = set(connections(server))
    await asyncio.gather(*(looks.ask(shop.tenant, [shop.asked(sku)]) for _ in range(20)))
    with server.engines[SUPERUSER].begin() as connection:
        for pid in set(connections(server)) - before:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
    told = [
        *await asyncio.gather(*(looks.ask(shop.tenant, [shop.asked(sku)]) for _ in range(20)), return_exceptions=True),
        *[await _or_error(looks, shop, sku) for _ in range(20)],
    ]
    lost = [one for one in told if isinstance(one, BaseException)]
    assert lost
    assert all(isinstance(one, DBAPIError) for one in lost)
    assert (await looks.ask(shop.tenant, [shop.asked(sku)])).most == {sku: 3}


async def _or_error(looks: Looks, shop: Shop, sku: str) -> object:
    try:
        return await looks.ask(shop.tenant, [shop.asked(sku)])
    except DBAPIError as error:
        return error


async def test_without_a_database_everybody_is_told(shop: Shop) -> None:
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    looks = Looks(nowhere)
    asked = shop.asked(shop.new_sku(0))
    told = await asyncio.gather(*(looks.ask(shop.tenant, [asked]) for _ in range(5)), return_exceptions=True)
    assert {type(one) for one in told} == {OperationalError}
    await looks.close()
    await nowhere.close()


async def test_who_goes_away_takes_nobody_along(shop: Shop, looks: Looks) -> None:
    sku = shop.new_sku(2)
    gone = asyncio.create_task(looks.ask(shop.tenant, [shop.asked(sku)]))
    stays = asyncio.create_task(looks.ask(shop.tenant, [shop.asked(sku)]))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).most == {sku: 2}
