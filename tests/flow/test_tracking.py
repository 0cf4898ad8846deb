"""A customer follows an order on a page of its own: by a link nobody else can make, live, in their language."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from domain.links import Link
from settings import Settings, links_of
from tests.flow.kit import TENANT, Shop
from tests.flow.mail_kit import new_address


def token_for(shop: Shop, number: str, *, tenant: str = TENANT, seconds: int = 60) -> str:
    """A link as the shop signs it."""
    environment = {name.lower(): value for name, value in shop.stack.environment().items()}
    return links_of(Settings.model_validate(environment)).make(Link(tenant, number, int(time.time()) + seconds))


async def page(shop: Shop, token: str, **headers: str) -> httpx.Response:
    """`/t/{token}`, as a browser without a key asks."""
    async with httpx.AsyncClient(base_url=shop.links.api, trust_env=False) as browser:
        return await browser.get(f"/t/{token}", headers=headers)


async def test_the_page_shows_the_order_and_nothing_personal_but_first_name_and_city(shop: Shop) -> None:
    address = new_address()
    order = await shop.bought(shop.new_sku(), customer={"email": address, "name": "Ada Lovelace"})
    made = await shop.http.post(f"/v1/orders/{order['number']}/tracking-links", json={"days": 3})
    assert made.status_code == 201, made.text
    seen = await page(shop, made.json()["url"].rpartition("/")[2])
    assert seen.status_code == 200
    parcel = order["shipments"][0]
    for told in (order["number"], "Thing", parcel["tracking_number"], "Ready to leave", "Paris", "Ada", "€115.00"):
        assert told in seen.text
    for kept in (address, "Lovelace", "Rue de la Paix", "75002", order["customer_id"]):
        assert kept not in seen.text
    headers = seen.headers
    assert headers["cache-control"] == "private, no-store"
    assert headers["x-robots-tag"] == "noindex, nofollow"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    nonce = policy.partition("script-src 'nonce-")[2].partition("'")[0]
    assert seen.text.count(f'nonce="{nonce}"') == 2
    assert (await shop.http.post("/v1/orders/0/tracking-links")).status_code == 404
    answer = await shop.http.post(f"/v1/orders/{order['number']}/tracking-links", json={"days": 0})
    assert answer.status_code == 422


async def test_links_that_are_over_forged_or_of_another_shop_open_nothing(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku(), labelled=False)
    over = await page(shop, token_for(shop, order["number"], seconds=-1), **{"Accept-Language": "fr-FR"})
    assert (over.status_code, "expiré" in over.text, 'lang="fr"' in over.text) == (410, True, True)
    good = token_for(shop, order["number"])
    for bad in (good[:-2] + "AA", "x", "x.y", token_for(shop, order["number"], tenant="other"), token_for(shop, "0")):
        answer = await page(shop, bad)
        assert answer.status_code == 404, bad
        assert answer.headers["content-type"].startswith("text/html")
        assert (await page(shop, f"{bad}/events")).status_code == 404
    assert (await page(shop, f"{token_for(shop, order['number'], seconds=-1)}/events")).status_code == 204


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "€115.00"), ("fr", "115,00\xa0€"), ("de", "Bestellung"), ("it", "In preparazione"), ("ja", "ご注文")],
)
async def test_it_speaks_the_customers_language(shop: Shop, language: str, told: str) -> None:
    order = await shop.bought(shop.new_sku(), labelled=False)
    seen = await page(shop, token_for(shop, order["number"]), **{"Accept-Language": language})
    assert f'<html lang="{language}">' in seen.text
    assert told in seen.text


async def told(shop: Shop, token: str, *, after: int | None = None) -> AsyncIterator[tuple[int, str]]:
    """(id, kind) of each message of the stream, `bare` for what is not for customers."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    async with (
        httpx.AsyncClient(base_url=shop.links.api, trust_env=False, timeout=30) as browser,
        browser.stream("GET", f"/t/{token}/events", headers=headers) as stream,
    ):
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        number, kind = 0, "bare"
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            number = int(value) if name == "id" else number
            kind = value if name == "event" else kind
            if not line and number:
                yield number, kind
                number, kind = 0, "bare"


async def test_news_come_as_they_happen_and_a_lost_connection_misses_none(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    token = token_for(shop, order["number"])
    first: list[tuple[int, str]] = []
    async with asyncio.timeout(60):
        async for one in told(shop, token):
            first.append(one)
            if len(first) == 1:
                assert (await shop.hand_over(order)).status_code == 200
            types = dict(shop.sql("SELECT event_id, type FROM events WHERE checkout_id = :c", c=order["checkout_id"]))
            if types[one[0]] == "shipment.handed_over":
                break
    await shop.scan(order, "in_transit", "out_for_delivery", "delivered")
    await shop.order_in(order["number"], "delivered")
    await shop.skip_time(shop.order_flow(order["number"]))
    await shop.order_in(order["number"], "closed")
    async with asyncio.timeout(60):
        rest = [one async for one in told(shop, token, after=first[-1][0])]
    types = dict(shop.sql("SELECT event_id, type FROM events WHERE checkout_id = :c", c=order["checkout_id"]))
    assert rest[-1] == (max(types), "end")
    assert [number for number, _ in [*first, *rest[:-1]]] == sorted(types)
    news = [types[number] for number, kind in rest if kind == "news"]
    assert news.count("shipment.scan") == 3
    assert "shipment.delivered" in news
    assert "payment.captured" not in news
    ended = await page(shop, f"{token}/events", **{"Last-Event-ID": str(max(types))})
    assert ended.status_code == 204
