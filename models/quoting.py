"""Quotes: the price books of any number of carts in one statement, and each cart priced by its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.memberships import Standing
from domain.pricing import Cart, PriceBook, PricedVariant, Quote, quote, shipping_offers
from domain.promotions import Promotion, PromotionKind, canonical
from domain.refusals import Refusal, Refused
from domain.shipping_methods import RateBand, ShippingMethod, ShippingOffer
from domain.tax import Taxed, TaxRate, TaxTable
from models.driver import Statement, ask
from models.prices import RESOLVED
from models.selling import FOR_SALE

Asked = tuple[Cart, Standing]
"""A cart, and what its shopper's memberships give them."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the one statement found for all carts, each thing once."""

    goods: dict[tuple[str, str, str, str | None], PricedVariant]
    rates: dict[str, tuple[TaxRate, ...]]
    shipping: dict[tuple[str, str], tuple[ShippingMethod, ...]]
    promotions: dict[tuple[str, str | None], Promotion]
    at: datetime

    def book(self, cart: Cart, standing: Standing) -> PriceBook:
        """The book of one cart."""
        country = cart.destination.country
        market = (cart.currency, country, standing.price_tier)
        goods = {line.sku: self.goods.get((line.sku, *market)) for line in cart.lines}
        uses = {canonical(code): self.promotions.get((canonical(code), cart.customer_id)) for code in cart.codes}
        return PriceBook(
            currency=cart.currency,
            variants={sku: one for sku, one in goods.items() if one is not None},
            tax=TaxTable(self.rates.get(country, ())),
            shipping=self.shipping.get((country, cart.currency), ()),
            promotions={code: one for code, one in uses.items() if one is not None},
            free_shipping=standing.free_shipping,
            at=self.at,
            entitlements=standing.entitlements,
        )


_LOAD = f"""
    WITH asked AS (
      SELECT a.*, now() AS at FROM unnest(CAST(%(skus)s AS text[]), CAST(%(currencies)s AS text[]),
        CAST(%(countries)s AS text[]), CAST(%(tiers)s AS text[])) AS a(sku, currency, country, price_tier)
    ), markets AS (SELECT DISTINCT country, currency FROM asked)
    SELECT now() AS at,
      (SELECT jsonb_agg(to_jsonb(g)) FROM (
        SELECT asked.sku, asked.currency, asked.country, asked.price_tier, v.title, v.weight_grams, v.tax_class,
          v.product_id, p.access, {FOR_SALE} AS for_sale, found.*
        FROM asked JOIN variants v USING (sku)
        LEFT JOIN products p ON p.tenant_id = v.tenant_id AND p.product_id = v.product_id
        LEFT JOIN LATERAL ({RESOLVED}) AS found ON true) g) AS goods,
      (SELECT jsonb_agg(to_jsonb(t)) FROM (
        SELECT country, region, tax_class, basis_points, included FROM tax_rates
        WHERE country IN (SELECT country FROM markets)) t) AS rates,
      (SELECT jsonb_agg(to_jsonb(s)) FROM (
        SELECT m.method, m.name, m.promise, m.min_days, m.max_days, m.members_free, r.country, r.currency,
          jsonb_agg(jsonb_build_array(r.amount_minor, r.min_weight_grams, r.max_weight_grams, r.min_order_minor)
                    ORDER BY r.min_order_minor, r.min_weight_grams) AS bands
        FROM shipping_methods m JOIN shipping_rates r USING (tenant_id, method) JOIN markets USING (country, currency)
        WHERE m.active
        GROUP BY m.tenant_id, m.method, r.country, r.currency ORDER BY m.position, m.method) s) AS shipping,
      (SELECT jsonb_agg(to_jsonb(p)) FROM (
        SELECT p.*, u.customer,
          CASE WHEN p.usage_limit IS NOT NULL THEN p.usage_limit - (
            SELECT count(*) FROM promotion_redemptions r WHERE r.code = p.code AND r.state <> 'released') END
            AS uses_left,
          CASE WHEN p.customer_limit IS NOT NULL THEN p.customer_limit - (
            SELECT count(*) FROM promotion_redemptions r
            WHERE r.code = p.code AND r.customer_id = u.customer AND r.state <> 'released') END AS own_uses_left,
          NOT (p.first_order_only AND EXISTS (
            SELECT 1 FROM orders o WHERE o.customer_id = u.customer AND o.state <> 'cancelled')) AS first_order
        FROM promotions p
        JOIN unnest(CAST(%(codes)s AS text[]), CAST(%(customers)s AS text[])) AS u(code, customer) ON u.code = p.code
        ) p) AS promotions"""  # noqa: S608  # text of ours


async def quote_many(session: AsyncSession, asked: Sequence[Asked]) -> list[Quote | Refusal]:
    """Price carts in one statement, in their order: each its quote, or why not. What they share is loaded once."""
    found = await _load(session, asked)
    answers: list[Quote | Refusal] = []
    for cart, standing in asked:
        try:
            answers.append(quote(found.book(cart, standing), cart))
        except Refused as no:
            answers.append(no.refusal)
    return answers


async def quote_cart(session: AsyncSession, cart: Cart, standing: Standing) -> Quote:
    """Price one cart, in one statement; nothing is held. Raises `Refused` with what is wrong."""
    return quote(await price_book(session, cart, standing), cart)


async def price_book(session: AsyncSession, cart: Cart, standing: Standing) -> PriceBook:
    """All that the quote of a cart reads, in one statement."""
    return (await _load(session, [(cart, standing)])).book(cart, standing)


async def quote_with_offers(
    session: AsyncSession, cart: Cart, standing: Standing
) -> tuple[Quote, tuple[tuple[ShippingOffer, Taxed], ...]]:
    """As `quote_cart`, with the shipping methods that take the cart and what each costs."""
    book = await price_book(session, cart, standing)
    return quote(book, cart), shipping_offers(book, cart)


async def _load(session: AsyncSession, asked: Sequence[Asked]) -> _Found:
    goods = {
        (line.sku, cart.currency, cart.destination.country, standing.price_tier)
        for cart, standing in asked
        for line in cart.lines
    }
    uses = {(canonical(code), cart.customer_id) for cart, _ in asked for code in cart.codes}
    columns = list(zip(*goods, strict=True)) or [(), (), (), ()]
    codes = list(zip(*uses, strict=True)) or [(), ()]
    values = {
        **{name: list(part) for name, part in zip(_GOODS, columns, strict=True)},
        **{name: list(part) for name, part in zip(("codes", "customers"), codes, strict=True)},
    }
    (row,) = await ask(session, Statement(_LOAD, values))
    return _Found(
        goods={_market(one): _variant(one) for one in row.goods or ()},
        rates=_rates(row.rates or ()),
        shipping=_shipping(row.shipping or ()),
        promotions={(one["code"], one["customer"]): _promotion(one) for one in row.promotions or ()},
        at=row.at,
    )


_GOODS = ("skus", "currencies", "countries", "tiers")


def _market(one: dict[str, Any]) -> tuple[str, str, str, str | None]:
    return one["sku"], one["currency"], one["country"], one["price_tier"]


def _variant(one: dict[str, Any]) -> PricedVariant:
    return PricedVariant(
        sku=one["sku"],
        title=one["title"],
        weight_grams=one["weight_grams"],
        unit_minor=one["amount_minor"],
        list_minor=one["compare_at_minor"],
        tax_class=one["tax_class"],
        price_list=one["list_id"],
        product=one["product_id"],
        for_sale=one["for_sale"],
        access=one["access"],
    )


def _rates(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[TaxRate, ...]]:
    found: dict[str, list[TaxRate]] = {}
    for row in rows:
        found.setdefault(row["country"], []).append(TaxRate(**row))
    return {country: tuple(rates) for country, rates in found.items()}


def _shipping(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], tuple[ShippingMethod, ...]]:
    found: dict[tuple[str, str], list[ShippingMethod]] = {}
    for row in rows:
        market = row.pop("country"), row.pop("currency")
        bands = tuple(RateBand(*band) for band in row.pop("bands"))
        found.setdefault(market, []).append(ShippingMethod(**row, bands=bands))
    return {market: tuple(methods) for market, methods in found.items()}


def _promotion(one: dict[str, Any]) -> Promotion:
    return Promotion(
        code=one["code"],
        kind=PromotionKind(one["kind"]),
        basis_points=one["basis_points"],
        amount_minor=one["amount_minor"],
        currency=one["currency"],
        minimum_minor=one["minimum_minor"],
        skus=frozenset(one["skus"]),
        products=frozenset(one["products"]),
        starts_at=_time(one["starts_at"]),
        ends_at=_time(one["ends_at"]),
        active=one["active"],
        stackable=one["stackable"],
        first_order_only=one["first_order_only"],
        uses_left=one["uses_left"],
        own_uses_left=one["own_uses_left"],
        first_order=one["first_order"],
    )


def _time(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None
