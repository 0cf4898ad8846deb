"""`/v1/quotes`: what a cart would cost this shopper, there, sent so, with these codes. Nothing is held."""

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api.price_lists import known_currency
from api.problems import refused
from api.resources import Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.quotes import QuoteIn, QuoteLineOut, QuoteOut, QuotePromotionOut, ShippingOfferOut
from api.shopper import Shopper, WhoShops
from domain.ids import customer_id
from domain.memberships import NOBODY, Standing
from domain.pricing import Cart, CartLine, Quote
from domain.refusals import Refused
from domain.shipping_methods import ShippingOffer
from domain.tax import Destination, Taxed
from models.memberships import standing
from models.quoting import quote_with_offers

router = APIRouter(prefix="/v1/quotes", tags=["prices"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (409, 422)}


@router.post("", response_model=QuoteOut, responses=_PROBLEMS)
async def quote(
    body: QuoteIn, tenant: Annotated[str, needs("prices:read")], shared: Shared, shopper: WhoShops
) -> QuoteOut:
    """Price a cart as a checkout would this moment, and say how it can be sent. Nothing is held or used up.

    A checkout with the same cart costs the same unless prices change meanwhile: give it the total as `expected_total`.
    """
    known_currency(body.currency)
    cart = _cart(body, tenant, shopper)
    async with shared.database.transaction(tenant) as session:
        try:
            made, offers = await quote_with_offers(
                session, cart, await _standing(session, shopper.benefits(cart.customer_id))
            )
        except Refused as no:
            raise refused(no.refusal) from None
    return _out(made, offers, cart)


async def _standing(session: AsyncSession, customer: str | None) -> Standing:
    return await standing(session, customer) if customer else NOBODY


def _cart(body: QuoteIn, tenant: str, shopper: Shopper) -> Cart:
    who, where = body.customer, body.destination
    number = shopper.number
    if who is not None and number is None:
        number = who.id or (customer_id(tenant, who.email) if who.email else None)
    return Cart(
        lines=tuple(CartLine(line.sku, line.quantity) for line in body.lines),
        currency=body.currency,
        destination=Destination(where.country, where.region or "", where.postal_code or ""),
        shipping_method=body.shipping_method,
        customer_id=number,
        codes=tuple(body.promotion_codes),
        expected_total_minor=body.expected_total,
    )


def _out(made: Quote, offers: tuple[tuple[ShippingOffer, Taxed], ...], cart: Cart) -> QuoteOut:
    return QuoteOut(
        currency=made.currency,
        total=made.total_minor,
        tax=made.tax_minor,
        discount=made.discount_minor,
        shipping=made.shipping_minor if cart.shipping_method else None,
        shipping_method=cart.shipping_method,
        lines=[
            QuoteLineOut(
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                unit=line.unit_minor,
                compare_at=line.list_minor,
                discount=line.discount_minor,
                net=line.net_minor,
                tax=line.tax_minor,
                gross=line.gross_minor,
                tax_basis_points=line.tax_basis_points,
                price_list=line.price_list,
            )
            for line in made.lines
        ],
        promotions=[QuotePromotionOut(code=one.code, discount=one.discount_minor) for one in made.promotions],
        shipping_methods=[
            ShippingOfferOut(
                method=one.method,
                name=one.name,
                amount=tax.gross_minor,
                tax=tax.tax_minor,
                list=one.list_minor,
                promise=one.promise,
                min_days=one.min_days,
                max_days=one.max_days,
            )
            for one, tax in offers
        ],
    )
