"""A webhook is kept once, comes back until it is handled, and is in one pair of hands at a time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from models import inbox
from models.inbox import Outcome
from tests.models.kit import SUPERUSER, Server, Shop, at_once

ALL = 1_000


async def store(shop: Shop, event: str = "evt_1", source: str = "stripe", body: bytes = b"first") -> bool:
    """As a comparison with the sender's log does it."""
    async with shop.transaction() as session:
        return bool(await inbox.store(session, shop.tenant, source, {event: body}))


async def receive(
    shop: Shop, event: str = "evt_1", source: str = "stripe", body: bytes = b"first", *, tenant: str | None = None
) -> bool | None:
    """As a webhook's route does it: one statement, no transaction around it."""
    async with shop.server.database.one_statement() as connection:
        return await inbox.receive(connection, tenant or shop.tenant, source, event, body)


@contextmanager
def overheard(server: Server) -> Iterator[list[tuple[str, bool]]]:
    """Every statement of the application's pool, and whether its connection was one of automatic commits."""
    heard: list[tuple[str, bool]] = []

    def listen(connection: sa.Connection, _: Any, statement: str, *__: Any) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        heard.append((statement, driver.autocommit))

    engine = server.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", listen)
    try:
        yield heard
    finally:
        sa.event.remove(engine, "before_cursor_execute", listen)


async def due(shop: Shop) -> list[tuple[str, str]]:
    """What a relay, which has no tenant, would find of this one's."""
    async with shop.server.database.transaction(None) as session:
        return [(source, event) for tenant, source, event in await inbox.due(session, ALL) if tenant == shop.tenant]


async def handle(shop: Shop, event: str = "evt_1", outcome: Outcome = Outcome.DELIVERED) -> bool:
    """Claim and settle; whether there was something to settle."""
    async with shop.transaction() as session:
        if message := await inbox.claim(session, "stripe", event):
            inbox.settle(message, outcome)
        return message is not None


async def test_an_event_that_comes_twice_is_one_row_with_its_first_body(shop: Shop) -> None:
    assert await store(shop)
    assert not await store(shop, body=b"second")
    assert shop.rows("SELECT event_id, body FROM inbox") == [("evt_1", b"first")]


async def test_of_many_those_count_that_were_not_here(shop: Shop) -> None:
    assert await store(shop, "evt_2")
    async with shop.transaction() as session:
        assert await inbox.store(session, shop.tenant, "stripe", {}) == 0
        many = {f"evt_{number}": b"many" for number in range(150)}
        assert await inbox.store(session, shop.tenant, "stripe", many) == 149
    assert shop.rows("SELECT body, count(*) FROM inbox GROUP BY body ORDER BY body") == [(b"first", 1), (b"many", 149)]


async def test_of_twenty_that_come_at_once_one_is_new(shop: Shop) -> None:
    assert sorted(await at_once([lambda: store(shop)] * 20)) == [False] * 19 + [True]
    assert shop.rows("SELECT count(*) FROM inbox") == [(1,)]


async def test_the_same_id_from_another_sender_or_for_another_tenant_is_another_event(
    server: Server, shop: Shop
) -> None:
    other = server.new_shop()
    assert [await store(shop), await store(shop, source="generic"), await store(other)] == [True] * 3
    assert await due(shop) == [("stripe", "evt_1"), ("generic", "evt_1")]
    assert await due(other) == [("stripe", "evt_1")]


async def test_it_is_due_until_it_is_handled_however_often_it_came(shop: Shop) -> None:
    await store(shop)
    for _ in range(3):
        assert await due(shop) == [("stripe", "evt_1")]
        await store(shop)
    assert await handle(shop)
    assert await due(shop) == []
    assert not await store(shop)
    assert await due(shop) == []
    assert not await handle(shop, outcome=Outcome.NO_NEWS)
    assert shop.rows("SELECT outcome, handled_at IS NOT NULL FROM inbox") == [("delivered", True)]


async def test_a_relay_that_dies_with_it_in_hand_leaves_it_due(shop: Shop) -> None:
    await store(shop)

    async def die() -> None:
        async with shop.transaction() as session:
            message = await inbox.claim(session, "stripe", "evt_1")
            assert message is not None
            inbox.settle(message, Outcome.DELIVERED)
            await session.flush()
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await die()
    assert await due(shop) == [("stripe", "evt_1")]
    assert await handle(shop)


async def test_of_ten_relays_one_gets_it_and_none_waits(shop: Shop) -> None:
    await store(shop)
    tried = asyncio.Barrier(10)

    async def relay() -> bool:
        async with shop.transaction() as session:
            message = await inbox.claim(session, "stripe", "evt_1")
            async with asyncio.timeout(10):
                await tried.wait()
            return message is not None

    assert sorted(await at_once([relay] * 10)) == [False] * 9 + [True]


async def test_relays_beside_each_other_work_on_different_messages(shop: Shop) -> None:
    await store(shop, "evt_1")
    await store(shop, "evt_2")
    async with shop.transaction() as session:
        assert await inbox.claim(session, "stripe", "evt_1") is not None
        assert not await handle(shop, "evt_1")
        assert await handle(shop, "evt_2")


async def test_what_is_postponed_comes_back_when_its_time_is_up(shop: Shop) -> None:
    await store(shop)
    for attempt in (1, 2):
        async with shop.transaction() as session:
            message = await inbox.claim(session, "stripe", "evt_1")
            assert message is not None
            inbox.postpone(message, 60)
        assert await due(shop) == []
        assert shop.rows("SELECT attempts, due_at > now() + interval '50 s' FROM inbox") == [(attempt, True)]
        shop.run("UPDATE inbox SET due_at = now() - interval '1 s'")
        assert await due(shop) == [("stripe", "evt_1")]


async def test_the_oldest_is_due_first_and_no_more_than_asked(shop: Shop) -> None:
    for n in range(5):
        await store(shop, f"evt_{n}")
        shop.run("UPDATE inbox SET due_at = 'epoch'::timestamptz - make_interval(secs => :n) WHERE event_id = :e",
                 n=n, e=f"evt_{n}")  # fmt: skip
    assert await due(shop) == [("stripe", f"evt_{n}") for n in (4, 3, 2, 1, 0)]
    async with shop.server.database.transaction(None) as session:
        first = await inbox.due(session, 2)
    assert first == [(shop.tenant, "stripe", "evt_4"), (shop.tenant, "stripe", "evt_3")]


async def test_another_tenants_message_cannot_be_claimed(server: Server, shop: Shop) -> None:
    await store(shop)
    async with server.new_shop().transaction() as session:
        assert await inbox.claim(session, "stripe", "evt_1") is None
    async with server.database.transaction(None) as session:
        assert await inbox.claim(session, "stripe", "evt_1") is None


async def test_a_webhook_is_kept_in_one_statement_without_a_transaction(shop: Shop) -> None:
    with overheard(shop.server) as heard:
        assert await receive(shop)
    ((statement, commits_by_itself),) = heard
    assert statement.startswith("SELECT receive_webhook(")
    assert commits_by_itself
    assert shop.rows("SELECT source, event_id, body, attempts, handled_at FROM inbox") == [
        ("stripe", "evt_1", b"first", 0, None)
    ]
    assert await due(shop) == [("stripe", "evt_1")]
    assert await handle(shop)


async def test_one_that_tells_nothing_is_handled_as_it_is_kept(shop: Shop) -> None:
    async with shop.server.database.one_statement() as connection:
        new = [
            await inbox.receive(connection, shop.tenant, "stripe", "evt_1", b"first", told=inbox.Outcome.NO_NEWS)
            for _ in range(2)
        ]
    assert new == [True, False]
    assert shop.rows("SELECT outcome, attempts, handled_at IS NOT NULL FROM inbox") == [("no_news", 0, True)]
    assert await due(shop) == []


async def test_one_that_echoes_our_own_call_is_due_later(shop: Shop) -> None:
    async with shop.server.database.one_statement() as connection:
        assert await inbox.receive(connection, shop.tenant, "stripe", "evt_1", b"first", wait_seconds=2.5)
    seen = shop.rows("SELECT due_at - received_at, attempts, handled_at FROM inbox")
    assert seen == [(timedelta(seconds=2.5), 0, None)]
    assert await due(shop) == []


async def test_and_nothing_of_its_tenant_stays_on_the_connection(shop: Shop) -> None:
    async with shop.server.database.one_statement() as connection:
        assert await inbox.receive(connection, shop.tenant, "stripe", "evt_1", b"first")
        assert (await connection.execute(sa.text("SELECT current_tenant()"))).scalar_one() is None
        assert (await connection.execute(sa.text("SELECT count(*) FROM inbox"))).scalar_one() == 0
    with overheard(shop.server) as heard:
        assert not await store(shop)
    assert {commits_by_itself for _, commits_by_itself in heard} == {False}


async def test_a_webhook_that_comes_twice_is_kept_once(shop: Shop) -> None:
    assert await receive(shop) is True
    assert await receive(shop, body=b"second") is False
    assert not await store(shop, body=b"third")
    assert shop.rows("SELECT body FROM inbox") == [(b"first",)]
    assert await receive(shop, source="generic") is True


async def test_a_webhook_that_comes_twenty_times_at_once_is_new_once(shop: Shop) -> None:
    told = await at_once([lambda: receive(shop)] * 20)
    assert sorted(map(bool, told)) == [False] * 19 + [True]
    assert shop.rows("SELECT count(*) FROM inbox") == [(1,)]


@pytest.mark.parametrize("tenant", ["t-nobody", "' OR true --"])
async def test_of_a_tenant_that_is_none_nothing_is_kept(shop: Shop, tenant: str) -> None:
    everything = "SELECT count(*) FROM inbox"
    before = shop.rows(everything, role=SUPERUSER)
    assert await receive(shop, tenant=tenant) is None
    assert shop.rows(everything, role=SUPERUSER) == before


async def test_bytes_are_kept_as_they_came(shop: Shop) -> None:
    body = bytes(range(256)) * 40
    await receive(shop, body=body)
    assert shop.rows("SELECT body FROM inbox") == [(body,)]
