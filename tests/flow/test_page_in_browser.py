"""The customer's page as a browser shows it: on a phone and on a desk, live and without scripts, calm and readable."""

import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow.browser_kit import FOUND, WHY_SKIPPED, Browser, Tab
from tests.flow.kit import Shop
from tests.flow.mail_kit import arrived, new_address, settled
from tests.flow.parcels_kit import Parcels
from tests.flow.returns_kit import Returns
from tests.flow.test_backorder import EXPECTED, set_terms
from tests.flow.test_tracking import token_for

pytestmark = [pytest.mark.browser, pytest.mark.skipif(FOUND is None, reason=WHY_SKIPPED)]

WIDTHS = (390, 500, 768, 1280)
_SEEN = Path(__file__).with_name("seen.js").read_text()
"""`seen()`: what is drawn where, and in which colours."""


@pytest.fixture(scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """One for all tests of this file."""
    async with Browser.running(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@contextlib.asynccontextmanager
async def looking(shop: Shop, browser: Browser, number: str, width: int, **how: Any) -> AsyncIterator[Tab]:
    """The order's page in a tab."""
    async with browser.tab(width, **how) as tab:
        await tab.open(f"{shop.links.api}/t/{token_for(shop, number)}")
        yield tab


async def is_calm(tab: Tab) -> None:
    """Nothing to scroll sideways, nothing on top of something else, and all of it can be read."""
    seen = await tab.run(f"({_SEEN})()")
    assert seen["wide"] <= seen["window"], seen
    assert seen["overlaps"] == []
    assert seen["pale"] == []
    assert seen["language"]


def thing(shop: Shop, title: str, count: int = 5) -> str:
    """A SKU of its own that has a name."""
    sku = shop.new_sku(count)
    shop.write("UPDATE variants SET title = :title WHERE sku = :sku", title=title, sku=sku)
    return sku


async def headings(tab: Tab) -> list[str]:
    """What it says in large letters."""
    return list(await tab.run("[...document.querySelectorAll('h1, h2')].map((one) => one.innerText)"))


async def test_a_parcel_on_its_way_is_calm_on_every_screen_by_day_and_night(shop: Shop, browser: Browser) -> None:
    order = await shop.bought(thing(shop, "Silk scarf, midnight blue"))
    assert (await shop.hand_over(order)).json()["released"]
    await shop.scan(order, "in_transit", "out_for_delivery")
    parcel = (await shop.order(order["number"]))["shipments"][0]
    for width, dark in (*((width, False) for width in WIDTHS), (390, True), (1280, True)):
        async with looking(shop, browser, order["number"], width, dark=dark) as tab:
            await tab.until("document.querySelector('[aria-current]').innerText.includes('Out for delivery')")
            await is_calm(tab)
            assert await headings(tab) == ["Your order is on its way", "Out for delivery"]
            link = await tab.run("document.querySelector('dd a').outerHTML")
            assert parcel["tracking_number"] in link
            assert parcel["tracking_url"] in link
            await tab.picture(f"tracking-{width}{'-dark' if dark else ''}")


@pytest.mark.parametrize("width", [390, 1280])
async def test_news_come_without_a_reload_and_move_nothing(shop: Shop, browser: Browser, width: int) -> None:
    order = await shop.bought(thing(shop, "Silk scarf"))
    async with looking(shop, browser, order["number"], width) as tab:
        await tab.run("window.kept = true")
        await tab.until("document.getElementById('live').classList.contains('on')")
        where = "JSON.stringify([...document.querySelectorAll('main > *, h1, h2, .way, .facts')].map((one) => {"
        where += " const box = one.getBoundingClientRect(); return [one.id || one.nodeName, box.top, box.height]; }))"
        before = json.loads(await tab.run(where))
        assert (await shop.hand_over(order)).json()["released"]
        await tab.until("document.querySelector('h2').innerText === 'On its way'")
        await tab.until("document.getElementById('news').textContent.startsWith('Updated')")
        await shop.scan(order, "in_transit", "attempt_failed")
        await tab.until("document.querySelector('h2').innerText === 'Delayed'")
        await is_calm(tab)
        await tab.picture(f"tracking-delayed-{width}")
        await shop.scan(order, "out_for_delivery", "delivered")
        await tab.until("document.querySelector('h1').innerText.includes('delivered')")
        await tab.until("document.querySelector('h2').innerText === 'Delivered'")
        assert json.loads(await tab.run(where)) == before
        assert await tab.run("shifts") == []
        assert await tab.run("window.kept"), "it was loaded anew"
        assert await tab.run("document.querySelector('time').textContent.includes('GMT+')"), "the customer's own time"
        await is_calm(tab)


async def test_it_is_used_with_the_keyboard_and_news_take_nothing_away_from_who_reads(
    shop: Shop, browser: Browser
) -> None:
    order = await shop.bought(shop.new_sku())
    async with looking(shop, browser, order["number"], 390) as tab:
        await tab.until("document.getElementById('live').classList.contains('on')")
        for name in ("number-1", "history-1"):
            await tab.press("Tab")
            assert await tab.run("document.activeElement.id") == name
            assert await tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await tab.press("Enter")
        assert await tab.run("document.querySelector('details').open")
        assert (await shop.hand_over(order)).json()["released"]
        await shop.scan(order, "in_transit")
        await tab.until("document.querySelectorAll('details li').length >= 1")
        assert await tab.run("document.querySelector('details').open")
        assert await tab.run("document.activeElement.id") == "history-1"
        await is_calm(tab)


async def test_without_scripts_all_of_it_is_there_in_every_language(shop: Shop, browser: Browser) -> None:
    parcels = Parcels(shop)
    scarf, bag = thing(shop, "Silk scarf"), thing(shop, "Leather bag, hand-stitched, with a very long name of its own")
    order = await parcels.bought({scarf: 1}, {bag: 2})
    for language, width in itertools.product(("fr", "de", "it", "ja"), (390, 768)):
        async with looking(shop, browser, order["number"], width, scripts=False, language=language) as tab:
            await is_calm(tab)
            assert await tab.run("document.querySelectorAll('main > section[id^=parcel]').length") == 2
            assert await tab.run("document.documentElement.lang") == language
            assert not await tab.run("document.getElementById('live').classList.contains('on')")
            await tab.picture(f"tracking-{language}-{width}")


async def test_two_parcels_a_waiting_piece_and_a_cancelled_one(shop: Shop, browser: Browser) -> None:
    parcels = Parcels(shop)
    scarf, bag = thing(shop, "Silk scarf"), thing(shop, "Leather bag")
    order = await parcels.bought({scarf: 2}, {bag: 1})
    assert (await parcels.cancel(order, lines={scarf: 1})).status_code == 200
    await parcels.deliver(order, 1)
    waited = thing(shop, "Cashmere coat", 0)
    assert (await set_terms(shop, waited, backorder_limit=5, expected_on=EXPECTED)).status_code == 200
    late = await shop.bought(waited, labelled=False)
    for width in (390, 1280):
        async with looking(shop, browser, order["number"], width) as tab:
            await tab.until("document.querySelectorAll('h2')[1].innerText === 'Delivered'")
            await is_calm(tab)
            told = await headings(tab)
            assert told[1:] == ["Ready to leave", "Delivered", "Cancelled"]
            assert "Silk scarf" in await tab.run("document.getElementById('cancelled').innerText")
            await tab.picture(f"tracking-parcels-{width}")
        async with looking(shop, browser, late["number"], width) as tab:
            await is_calm(tab)
            assert (await headings(tab))[1] == "Waiting for stock"
            assert "December 10, 2026" in await tab.run("document.querySelector('.word').innerText")
            await tab.picture(f"tracking-waiting-{width}")


async def test_what_was_cancelled_what_comes_back_and_links_that_are_over(shop: Shop, browser: Browser) -> None:
    gone = await shop.bought(shop.new_sku())
    assert (await shop.cancel_order(gone["number"])).status_code == 200
    back, sku = Returns(shop), thing(shop, "Silk scarf")
    order = await back.delivered(sku)
    asked = await back.labelled(order, sku, reason="damaged")
    async with looking(shop, browser, gone["number"], 390) as tab:
        await is_calm(tab)
        assert (await headings(tab))[0] == "Your order was cancelled"
        assert await tab.run("document.querySelectorAll('.way').length") == 0
        await tab.picture("tracking-cancelled-390")
    async with looking(shop, browser, order["number"], 390) as tab:
        assert (await headings(tab))[-1] == "Your return label is ready"
        await tab.until("document.getElementById('live').classList.contains('on')")
        assert (await back.act(asked, "receive")).status_code == 200
        await tab.until("document.getElementById('return-1-name').innerText === 'Your return has arrived'")
        assert (await back.inspect(asked, sku, restock=1)).status_code == 200
        await tab.until("document.getElementById('return-1-name').innerText === 'Your return is refunded'")
        await is_calm(tab)
        await tab.picture("tracking-returned-390")
    for token, title in ((token_for(shop, order["number"], seconds=-1), "expired"), ("x.y", "nothing here")):
        async with browser.tab(390) as tab:
            await tab.open(f"{shop.links.api}/t/{token}")
            await is_calm(tab)
            assert title in (await headings(tab))[0]
            await tab.picture(f"tracking-{title.replace(' ', '-')}")


async def test_an_e_mail_reads_on_a_phone_and_on_a_desk(shop: Shop, browser: Browser) -> None:
    address = new_address()
    order = await shop.bought(thing(shop, "Silk scarf, midnight blue"), customer={"email": address, "name": "Ada"})
    assert (await shop.hand_over(order)).json()["released"]
    await settled(shop, order["number"], "order_placed", "parcel_handed_over")
    number = (await arrived(shop, address))[-1]["number"]
    for width in (390, 1280):
        async with browser.tab(width, scripts=False) as tab:
            await tab.open(f"{shop.links.mail}/mails/{number}")
            await is_calm(tab)
            assert (await headings(tab))[0] == f"Order {order['number']}: your parcel is on its way"
            await tab.picture(f"mail-{width}")
