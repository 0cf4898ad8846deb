"""Limits, kept answers and their sweeping, as the database keeps them for any number of processes."""

import asyncio
import time

import sqlalchemy as sa

from activities.access import AccessActivities
from api.allowance import Allowances
from domain.sweeping import ForgetOld
from models import answers
from tests.models.kit import OWNER, Server, Shop, at_once


async def test_several_processes_keep_to_one_limit_together(server: Server, shop: Shop) -> None:
    processes = [Allowances(server.database, 20) for _ in range(3)]
    began = time.monotonic()
    taken = await asyncio.gather(*(one.take(shop.tenant, "key_1", None) for _ in range(60) for one in processes))
    seconds = time.monotonic() - began
    granted = sum(one.granted for one in taken)
    assert 40 - 3 * 2 <= granted <= 40 + 20 * seconds + 1
    assert all(one.retry_after >= 1 for one in taken if not one.granted)


async def test_a_busy_key_never_waits_for_its_next_tokens(server: Server, shop: Shop) -> None:
    one, bucket = Allowances(server.database, 500), "SELECT filled_at FROM rate_buckets"
    assert (await one.take(shop.tenant, "key_1", None)).granted
    first = shop.rows(bucket)
    for _ in range(29):
        assert (await one.take(shop.tenant, "key_1", None)).granted
    for _ in range(1000):
        await asyncio.sleep(0.01)
        if shop.rows(bucket) != first:
            break
    with server.connect(OWNER, shop.tenant) as holder:
        holder.execute(sa.text("SELECT 1 FROM rate_buckets FOR UPDATE"))
        async with asyncio.timeout(30):
            for _ in range(60):
                assert (await one.take(shop.tenant, "key_1", None)).granted


async def test_a_crowd_that_comes_at_once_asks_for_its_tokens_together(server: Server, shop: Shop) -> None:
    one, engine, asked = Allowances(server.database, 500), server.database.engine.sync_engine, list[str]()

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.extend(["take"] if "take_tokens" in statement else [])

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        taken = await asyncio.gather(*(one.take(shop.tenant, "key_1", None) for _ in range(400)))
        for _ in range(3000):
            if len(asked) > 1:  # the next handful, ahead of need
                break
            await asyncio.sleep(0.01)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert all(each.granted for each in taken)
    assert len(asked) == 2


async def test_of_claims_at_once_one_is_new_and_a_dead_holders_is_taken_over(server: Server, shop: Shop) -> None:
    async def claim(print_: str = "f") -> str:
        async with server.database.one_statement() as connection:
            return (await answers.claim(connection, shop.tenant, "k", print_)).verdict

    assert sorted(await at_once([claim] * 10)) == ["new"] + ["running"] * 9
    shop.run("UPDATE kept_answers SET held_until = now() - interval '1 second'")
    assert await claim("other") == "other_body"
    assert sorted(await at_once([claim] * 10)) == ["new"] + ["running"] * 9
    async with server.database.one_statement() as connection:
        await answers.keep(connection, shop.tenant, "k", "f", 200, {"etag": '"1"'}, b"{}")
        assert await answers.claim(connection, shop.tenant, "k", "f") == ("known", 200, {"etag": '"1"'}, b"{}")
        await answers.give_up(connection, shop.tenant, "k", "f")
        assert (await answers.claim(connection, shop.tenant, "k", "f")).verdict == "known"
    shop.run("UPDATE kept_answers SET begun_at = now() - interval '25 hours'")
    assert await claim("other") == "new"


async def test_what_is_kept_for_a_day_is_forgotten_after_it(server: Server, shop: Shop) -> None:
    async with server.database.one_statement() as connection:
        for key in ("old", "new"):
            await answers.claim(connection, shop.tenant, key, "f")
    shop.run("UPDATE kept_answers SET begun_at = now() - interval '25 hours' WHERE idempotency_key = 'old'", role=OWNER)
    assert await AccessActivities(server.database).forget(ForgetOld(shop.tenant, 10)) == 1
    assert shop.rows("SELECT idempotency_key FROM kept_answers") == [("new",)]
