"""A cart is sold only what is on sale at that moment, to those who may have it; and no statement more is needed."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalog import Listing, ListingStatus
from domain.memberships import NOBODY
from domain.pricing import Cart, CartLine
from domain.refusals import Refused
from domain.tax import Destination
from models.memberships import standing
from models.quoting import price_book, quote_cart
from tests.members import MEMBER
from tests.models.catalog_kit import product, put, variant
from tests.models.kit import OWNER, Shop

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)
MOVE = sa.text(
    "UPDATE products SET status = :status, access = :access, publish_at = now() + :begin, unpublish_at = now() + :end"
)


def club(shop: Shop, customer: str, entitlement: str) -> None:
    """A member of a club that gives one entitlement."""
    shop.run(*MEMBER, role=OWNER, t=shop.tenant, customer=customer, entitlement=entitlement)


async def told(shop: Shop, *skus: str, customer: str = "nobody") -> str:
    """What a cart of these is told: `sold`, or why not and what it is about."""
    async with shop.transaction() as session:
        cart = Cart(tuple(CartLine(sku, 1) for sku in skus), "EUR", Destination("FR"), "standard")
        try:
            await quote_cart(session, cart, await standing(session, customer))
        except Refused as no:
            return f"{no.refusal.code} {no.refusal.facts.get('skus')}"
    return "sold"


@pytest.mark.parametrize(
    ("listing", "answer"),
    [
        (Listing(), "sold"),
        (Listing(publish_at=PAST, unpublish_at=FUTURE), "sold"),
        (Listing(ListingStatus.DRAFT), "not_for_sale"),
        (Listing(ListingStatus.ARCHIVED), "not_for_sale"),
        (Listing(publish_at=FUTURE), "not_for_sale"),
        (Listing(unpublish_at=PAST), "not_for_sale"),
        (Listing(access="vip"), "members_only"),
        (Listing(ListingStatus.DRAFT, access="vip"), "not_for_sale"),
    ],
    ids=str,
)
async def test_a_cart_with_it_is(shop: Shop, listing: Listing, answer: str) -> None:
    sku, other = shop.new_sku(), shop.new_sku()
    await put(shop, product("p", variant(sku), listing=listing))
    assert await told(shop, other) == "sold"
    assert await told(shop, other, sku) == ("sold" if answer == "sold" else f"{answer} {sku}")
    if answer == "members_only":
        club(shop, "cus_ada", "vip")
        assert await told(shop, other, sku, customer="cus_ada") == "sold"
        assert await told(shop, other, sku, customer="cus_bea") == f"members_only {sku}"
        await shop.open(sku)


@pytest.mark.parametrize("status", [ListingStatus.DRAFT, ListingStatus.ARCHIVED])
async def test_a_variant_is_off_sale_by_itself(shop: Shop, status: ListingStatus) -> None:
    sku, other = shop.new_sku(), shop.new_sku()
    await put(shop, product("p", variant(other, size="M"), variant(sku, size="L")))
    assert await told(shop, sku, other) == "sold"
    shop.run("UPDATE variants SET status = :status WHERE sku = :sku", sku=sku, status=status.value)
    assert await told(shop, other) == "sold"
    assert await told(shop, sku, other) == f"not_for_sale {sku}"


async def test_a_checkout_is_refused_where_it_is_opened(shop: Shop) -> None:
    """Whatever was true when it was looked at before: the transaction that would hold the stock asks again."""
    sku = shop.new_sku(3)
    await put(shop, product("p", variant(sku), listing=Listing(ListingStatus.DRAFT)))
    with pytest.raises(AssertionError, match="not_for_sale"):
        await shop.open(sku)
    assert shop.rows("SELECT state, reason FROM checkouts") == [("failed", "not_for_sale")]
    assert shop.level(sku) == (3, 0)


moments = st.none() | st.integers(-2, 2).map(lambda n: timedelta(microseconds=n))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ListingStatus), moments, moments, st.sampled_from([None, "vip"]))
async def test_the_statement_and_the_rule_agree_to_the_microsecond(
    stocked: Shop, status: ListingStatus, begin: timedelta | None, end: timedelta | None, access: str | None
) -> None:
    """A window that begins at this very instant has begun, and one that ends now has ended: `now()` does not move."""
    if begin is not None and end is not None and begin >= end:
        begin, end = end, begin + timedelta(microseconds=1)
    async with stocked.transaction() as session:
        at = (await session.execute(sa.select(sa.func.now()))).scalar_one()
        await session.execute(MOVE, {"status": status.value, "access": access, "begin": begin, "end": end})
        book = await price_book(session, Cart((CartLine("A", 1),), "EUR", Destination("FR"), "standard"), NOBODY)
    listing = Listing(status, at + begin if begin is not None else None, at + end if end is not None else None, access)
    assert book.variants["A"].for_sale == listing.on_sale(at)
    assert book.variants["A"].access == access


@pytest.fixture
async def stocked(shop: Shop) -> Shop:
    """A tenant with one product."""
    shop.new_sku(named="A")
    await put(shop, product("p", variant("A")))
    return shop
