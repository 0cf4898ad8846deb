"""One look for many carts: who is known or in line is never refused by it, nor is anybody while there is some left."""

from typing import Any

from domain.checkouts import CheckoutInput, Customer, Policy
from domain.parcels import PostalAddress
from domain.payments import PaymentMode
from domain.pricing import CartLine
from domain.refusals import RefusalCode
from models import glances
from models.glances import Glance
from tests.models.drops_kit import Sale, sale
from tests.models.kit import HOME, Shop


async def look(shop: Shop, *skus: str, checkouts: tuple[str, ...] = (), customers: tuple[str, ...] = ()) -> Glance:
    """What is seen of these."""
    given: dict[str, Any] = {
        "tenant": shop.tenant, "checkouts": list(checkouts), "customers": list(customers), "skus": list(skus),
    }  # fmt: skip
    async with shop.server.database.one_statement() as connection:
        return await connection.run_sync(glances.seen, given)


def wants(sku: str) -> CheckoutInput:
    """One piece of it."""
    return CheckoutInput(
        tenant="t",
        checkout_id="co_new",
        fingerprint="f",
        currency="EUR",
        lines=(CartLine(sku, 1),),
        customer=Customer("cus_new", "new@example.com", "New"),
        address=PostalAddress(**HOME),
        shipping_method="standard",
        payment_mode=PaymentMode.SERVER,
        payment_method="pm_card_visa",
        return_url=None,
        expected_total_minor=None,
        policy=Policy(900, 3, 86_400),
    )


async def sold_out(shop: Shop, **how: Any) -> Sale:
    """A drop of two units with a line for one: `a` and `b` have them, `c` is in line, `d` came too late."""
    one = sale(shop, 5, allotment=2, line_length=1, **how)
    await one.enter(*"abcd")
    return one


async def test_it_sees_what_is_left_of_what_is_in_no_drop(shop: Shop) -> None:
    some, none = shop.new_sku(2), shop.new_sku(0)
    await shop.reserve("co_1", (some, 1))
    seen = await look(shop, some, none, "UNKNOWN")
    assert seen.most == {some: 1, none: 0}


async def test_a_drop_is_sold_out_when_nobody_can_join_its_line_either(shop: Shop) -> None:
    one = await sold_out(shop)
    assert (await look(shop, one.sku)).most == {one.sku: 0}
    shop.run("UPDATE drops SET line_length = 2")
    assert (await look(shop, one.sku)).most == {}


async def test_what_came_back_needs_a_closer_look(shop: Shop) -> None:
    one = await sold_out(shop)
    await one.give_back("a")
    assert (await look(shop, one.sku)).most == {}
    await one.look()
    shop.run("UPDATE drops SET line_length = 0")
    assert (await look(shop, one.sku)).most == {one.sku: 0}
    shop.run("UPDATE drop_tickets SET granted_until = now() WHERE state = 'granted'")
    assert (await look(shop, one.sku)).most == {}


async def test_before_and_after_the_sale_it_says_nothing(shop: Shop) -> None:
    one = await sold_out(shop)
    shop.run("UPDATE drops SET opens_at = now() + interval '1 minute'")
    assert (await look(shop, one.sku)).most == {}
    shop.run("UPDATE drops SET opens_at = now() - interval '2 hours', closes_at = now() - interval '1 hour'")
    assert (await look(shop, one.sku)).most == {}


async def test_who_is_known_or_in_line_is_seen(shop: Shop) -> None:
    one = await sold_out(shop)
    opened = await shop.open(shop.new_sku())
    seen = await look(shop, one.sku, checkouts=(opened, "co_x"), customers=("a", "c", "d"))
    assert (seen.known, seen.in_line) == (frozenset({opened}), frozenset({"c"}))


async def test_it_refuses_what_is_sold_out_and_nothing_else(shop: Shop) -> None:
    one = await sold_out(shop)
    cart = wants(one.sku)
    seen = await look(shop, one.sku)
    refusal = seen.refusal(cart)
    assert refusal
    assert (refusal.code, refusal.facts) == (RefusalCode.OUT_OF_STOCK, {"skus": one.sku, "drop": one.drop_id})
    known = Glance(frozenset({cart.checkout_id}), frozenset(), seen.most, seen.drops)
    in_line = Glance(frozenset(), frozenset({cart.customer.customer_id}), seen.most, seen.drops)
    left = Glance(frozenset(), frozenset(), {one.sku: 1}, seen.drops)
    assert [other.refusal(cart) for other in (known, in_line, left)] == [None] * 3
