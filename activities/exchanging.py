"""An exchange in the tables: what it costs as it is asked for, its stock, and the parcel in which it goes out."""

from collections import Counter
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ids import exchange_shipment_id
from domain.line_shares import Share, SoldLine
from domain.money import Money
from domain.parcels import SentFor
from domain.pricing import Cart, CartLine
from domain.refusals import Refused
from domain.returns import Delivered, ExchangeState, ReturnInput, ReturnLine, ReturnRefusal, swap
from domain.shares import Part
from domain.shipments import AnotherParcel
from domain.tax import Destination
from models import another_parcel, memberships, payments
from models.base import now
from models.drops import Drop, DropSku
from models.orders import Order
from models.quoting import quote_cart
from models.returns import Return, ReturnedLine

Places = Mapping[tuple[str, str], Delivered]
"""(Parcel, SKU) → what was delivered there."""


async def price(
    session: AsyncSession, order: Order, delivered: Places, asked: ReturnInput
) -> dict[tuple[str, str], Share] | ReturnRefusal:
    """What is wanted instead costs so much now, all pieces of a line; or why it may not be had for what comes back.

    The same SKU costs what was paid for it. Another one costs what this customer would pay for it today, without codes.
    """
    prices: dict[tuple[str, str], Share] = {}
    for one in asked.lines:
        if one.exchange_for is None:
            continue
        paid = delivered[one.shipment_id, one.sku].worth(one.quantity)
        if one.exchange_for == one.sku:
            prices[one.shipment_id, one.sku] = paid
            continue
        cost = await _price_of(session, order, one)
        if isinstance(cost, ReturnRefusal):
            return cost
        if cost.gross_minor > paid.gross_minor:
            costs, worth = Money(cost.gross_minor, order.currency), Money(paid.gross_minor, order.currency)
            message = (
                f"{one.quantity} {one.exchange_for} cost {costs}, and {worth} was paid for what comes back: choose what"
                " costs no more, or send it back and buy anew"
            )
            return ReturnRefusal("exchange_costs_more", message)
        prices[one.shipment_id, one.sku] = cost
    return prices


async def _price_of(session: AsyncSession, order: Order, one: ReturnLine) -> Share | ReturnRefusal:
    wanted, address = one.exchange_for or "", order.address
    dropped = (
        sa.select(DropSku.sku)
        .join(Drop, (Drop.tenant_id == DropSku.tenant_id) & (Drop.drop_id == DropSku.drop_id))
        .where(DropSku.sku == wanted, Drop.closes_at > now())
    )
    if await session.scalar(dropped.limit(1)) is not None:
        return ReturnRefusal("not_for_sale", f"{wanted} is sold in a drop only")
    place = Destination(str(address["country"]), str(address.get("region") or ""), str(address["postal_code"]))
    cart = Cart((CartLine(wanted, one.quantity),), order.currency, place, None, order.customer_id)
    try:
        quote = await quote_cart(session, cart, await memberships.standing(session, order.customer_id))
    except Refused as no:
        return ReturnRefusal(no.refusal.code, no.refusal.message.rstrip("."))
    return Share(quote.lines[0].net_minor, quote.lines[0].tax_minor)


async def reserve(session: AsyncSession, row: Return, lines: Sequence[ReturnedLine]) -> None:
    """It may come back: what is wanted instead is set aside, all of it at one place; or there is none left."""
    if row.exchange_state is not ExchangeState.ASKED:
        return
    wanted = Counter[str]()
    for line in lines:
        if line.exchange_for is not None:
            wanted[line.exchange_for] += line.quantity
    cart = [CartLine(sku, wanted[sku]) for sku in sorted(wanted)]
    place = await another_parcel.allocate(session, exchange_shipment_id(row.return_id), cart, _cause(row))
    row.exchange_state = ExchangeState.RESERVED if place else ExchangeState.NONE_LEFT
    row.exchange_location_id = place


async def give_up(session: AsyncSession, row: Return) -> None:
    """It does not come back, or not as it should: what was set aside is free again."""
    if row.exchange_state not in (ExchangeState.ASKED, ExchangeState.RESERVED):
        return
    await another_parcel.give_up(session, exchange_shipment_id(row.return_id), _cause(row))
    row.exchange_state = ExchangeState.RELEASED


async def pack(session: AsyncSession, order: Order, row: Return, lines: Sequence[ReturnedLine]) -> None:
    """What was accepted is exchanged: for each such line as much goes out as came back, in one parcel.

    Not if less is left of the payment than all of it is worth: then it was paid back by hand before.
    """
    if row.exchange_state is not ExchangeState.RESERVED or row.exchange_location_id is None:
        return
    payment = await payments.get(session, order.payment_id)
    parts: dict[str, Part] = {}
    if sum(line.gross_minor or 0 for line in lines) <= payment.captured_minor - payment.refunded_minor:
        for line in lines:
            if line.exchange_for is not None and line.accepted:
                out = _out(line)
                line.exchanged, line.exchanged_minor = line.accepted, out.gross_minor
                before = parts.get(line.exchange_for, Part(line.exchange_for, 0, 0, 0))
                parts[line.exchange_for] = Part(
                    line.exchange_for,
                    before.quantity + line.accepted,
                    before.gross_minor + out.gross_minor,
                    before.tax_minor + out.tax_minor,
                )
    if not parts:
        await give_up(session, row)
        return
    number, place = exchange_shipment_id(row.return_id), row.exchange_location_id
    await another_parcel.pack(session, order, number, place, [parts[sku] for sku in sorted(parts)], SentFor.EXCHANGE)
    row.exchange_state = ExchangeState.SENT


def _out(line: ReturnedLine) -> Share:
    """What goes out for what was accepted of a line. The same SKU is worth what came back, to the last minor unit."""
    gross, tax = line.exchange_gross_minor or 0, line.exchange_tax_minor or 0
    back = Share((line.gross_minor or 0) - (line.tax_minor or 0), line.tax_minor or 0)
    return (
        back if line.exchange_for == line.sku else swap(SoldLine(line.quantity, gross - tax, tax), line.accepted, back)
    )


async def parcel_of(session: AsyncSession, order: Order, row: Return) -> AnotherParcel | None:
    """The parcel that goes out, for the process that sends it."""
    if row.exchange_state is not ExchangeState.SENT:
        return None
    payment = await payments.get(session, order.payment_id)
    return AnotherParcel(
        tenant=row.tenant_id,
        shipment_id=exchange_shipment_id(row.return_id),
        order_number=order.order_number,
        checkout_id=order.checkout_id,
        payment_id=order.payment_id,
        intent_id=payment.intent_id or "",
        service=order.shipping_method,
        city=str(order.address.get("city") or ""),
    )


def told(row: Return) -> str:
    """What became of the wish, in a sentence; empty where there is none."""
    return _TOLD.get(row.exchange_state, "") if row.exchange_state else ""


_TOLD = {
    ExchangeState.RESERVED: "what is wanted instead is set aside",
    ExchangeState.NONE_LEFT: "none is left of what is wanted instead: it is refunded",
    ExchangeState.RELEASED: "what was set aside is free again",
}


def _cause(row: Return) -> str:
    return f"exchange {row.return_id}"
