"""Reads what a customer sees of an order."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.following import (
    FollowedOrder,
    FollowedParcel,
    FollowedReturn,
    Piece,
    Seen,
    expected_between,
    first_name,
    safe_link,
    step_of,
)
from domain.states import ORDER_MOVES, OrderState, ShipmentState, is_terminal
from models import checkouts, orders, parcels, shipments
from models.checkouts import Checkout
from models.events import Event
from models.orders import Order
from models.payments import Payment
from models.returns import Return, ReturnedLine
from models.shipments import Shipment, TrackingEvent
from models.tenancy import Tenant

_ORDER = (
    sa.select(Order, Checkout, Payment, Tenant)
    .join(Checkout, (Checkout.tenant_id == Order.tenant_id) & (Checkout.checkout_id == Order.checkout_id))
    .join(Payment, (Payment.tenant_id == Order.tenant_id) & (Payment.payment_id == Order.payment_id))
    .join(Tenant, Tenant.tenant_id == Order.tenant_id)
    .where(Order.order_number == sa.bindparam("number"))
)


_PARCEL: sa.ColumnElement[Any] = Event.data["parcel"].astext
_EVENTS = sa.select(Event.event_id, Event.type, _PARCEL, Event.occurred_at).where(
    Event.checkout_id == sa.bindparam("checkout")
)
_RETURNS = (
    sa.select(Return, ReturnedLine)
    .join(ReturnedLine, (ReturnedLine.tenant_id == Return.tenant_id) & (ReturnedLine.return_id == Return.return_id))
    .where(Return.order_number == sa.bindparam("number"))
    .order_by(Return.created_at, Return.return_id, ReturnedLine.sku)
)


async def read(session: AsyncSession, order_number: str) -> FollowedOrder | None:
    """An order of this transaction's tenant; None if there is none."""
    found = (await session.execute(_ORDER, {"number": order_number})).first()
    if found is None:
        return None
    order, checkout, payment, shop = found
    ordered = await orders.lines(session, order_number)
    titles = {one.sku: one.title for one in ordered}
    last, left = await _events(session, order.checkout_id)
    return FollowedOrder(
        shop=shop.name,
        number=order.order_number,
        checkout_id=order.checkout_id,
        state=order.state,
        placed_at=order.placed_at,
        first_name=first_name(str(order.address.get("name") or "")),
        city=str(order.address.get("city") or ""),
        currency=order.currency,
        total_minor=order.total_minor,
        refunded_minor=payment.refunded_minor,
        cancelled=tuple(Piece(one.title, one.cancelled, one.cancelled) for one in ordered if one.cancelled),
        parcels=await _parcels(session, order, checkout, titles, left),
        last_event=last,
        ended=is_terminal(ORDER_MOVES, order.state),
        returns=() if order.state is OrderState.PLACED else await _returns(session, order.order_number, titles),
    )


async def _parcels(
    session: AsyncSession, order: Order, checkout: Checkout, titles: Mapping[str, str], left: Mapping[str, datetime]
) -> tuple[FollowedParcel, ...]:
    sent = await shipments.of_order(session, order.order_number)
    contents = await parcels.lines(session, order.order_number)
    scanned = [one.shipment_id for one in sent if one.last_scan_at is not None]
    scans = await shipments.scans(session, scanned) if scanned else ()
    quote = checkouts.read_quote(checkout)
    comes = {
        one.shipment_id: (await parcels.awaited(session, order.checkout_id, one)).expected_on
        for one in sent
        if one.waits_for_stock
    }

    def followed(one: Shipment) -> FollowedParcel:
        gone = one.state in (ShipmentState.CANCELLED, ShipmentState.LOST, ShipmentState.RETURNED_TO_SENDER)
        done = gone or one.state is ShipmentState.DELIVERED or one.waits_for_stock
        ready = (one.ship_by or order.placed_at).date()
        promised = (quote.shipping_min_days, quote.shipping_max_days)
        return FollowedParcel(
            shipment_id=one.shipment_id,
            step=step_of(one.state, one.tracking_status),
            waits_for_stock=one.waits_for_stock and one.state is ShipmentState.PENDING,
            pieces=tuple(
                Piece(titles.get(line.sku, line.sku), line.quantity, line.cancelled)
                for line in contents
                if line.shipment_id == one.shipment_id
            ),
            carrier=one.carrier,
            tracking_number=one.tracking_number,
            tracking_url=safe_link(one.tracking_url),
            expected=None if done else expected_between(left.get(one.shipment_id), ready, *promised),
            way=_way(one, scans),
            stock_on=comes.get(one.shipment_id),
            arrived_on=_arrived(one, scans),
        )

    return tuple(followed(one) for one in sent)


def _way(parcel: Shipment, scans: Sequence[TrackingEvent]) -> tuple[Seen, ...]:
    """Newest first."""
    mine = [one for one in scans if one.shipment_id == parcel.shipment_id]
    return tuple(Seen(one.occurred_at, one.status, one.location) for one in reversed(mine))


def _arrived(parcel: Shipment, scans: Sequence[TrackingEvent]) -> date | None:
    """The day the carrier says it was there; or else the day that we learned of it."""
    if parcel.state is not ShipmentState.DELIVERED:
        return None
    told = [one.occurred_at for one in scans if one.shipment_id == parcel.shipment_id and one.status == "delivered"]
    when = told[-1] if told else parcel.ended_at
    return when.date() if when else None


async def _returns(session: AsyncSession, order_number: str, titles: Mapping[str, str]) -> tuple[FollowedReturn, ...]:
    """Oldest first."""
    found: dict[str, FollowedReturn] = {}
    for back, line in await session.execute(_RETURNS, {"number": order_number}):
        piece = Piece(titles.get(line.sku, line.sku), line.quantity)
        known = found.get(back.return_id)
        found[back.return_id] = FollowedReturn(
            return_id=back.return_id,
            state=back.state,
            pieces=(*(known.pieces if known else ()), piece),
            tracking_number=back.tracking_number,
            tracking_url=safe_link(back.tracking_url),
        )
    return tuple(found.values())


async def _events(session: AsyncSession, checkout_id: str) -> tuple[int, dict[str, datetime]]:
    """The last event's number, and when each parcel left us."""
    told = (await session.execute(_EVENTS, {"checkout": checkout_id})).all()
    left = {about: at for _, kind, about, at in told if kind == "shipment.handed_over" and about is not None}
    return max((number for number, *_ in told), default=0), left
