"""What belongs to many at once, one statement a kind: what a graph of a hundred orders asks for."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domain.states import OperationKind
from models.cancellations import OrderCancellation
from models.disputes import Dispute
from models.events import Event
from models.memberships import Membership, MembershipPeriod
from models.orders import Order, OrderLine
from models.parcels import ShipmentLine
from models.payments import Payment, PaymentOperation
from models.prices import RESOLVED
from models.refund_requests import RefundRequest
from models.shipments import Shipment, TrackingEvent
from models.stock import Reservation

Row = TypeVar("Row")
Market = tuple[str, str, str, str | None]
"""A SKU, a currency, a country and a price tier."""


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)


async def orders(session: AsyncSession, numbers: Sequence[str]) -> dict[str, Order]:
    """Orders by number."""
    found = await session.scalars(sa.select(Order).where(Order.order_number.in_(numbers)))
    return {one.order_number: one for one in found}


async def page_of_orders(
    session: AsyncSession, customer_id: str | None, after: tuple[datetime, str] | None, most: int
) -> Sequence[Order]:
    """Orders, the newest first, from behind a place on; one customer's if asked."""
    place = sa.tuple_(Order.placed_at, Order.order_number)
    query = sa.select(Order).order_by(Order.placed_at.desc(), Order.order_number.desc()).limit(most)
    if customer_id is not None:
        query = query.where(Order.customer_id == customer_id)
    if after is not None:
        query = query.where(place < sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
    return (await session.scalars(query)).all()


async def lines(session: AsyncSession, numbers: Sequence[str]) -> dict[str, list[OrderLine]]:
    """Lines by order number, in SKU order."""
    query = sa.select(OrderLine).where(OrderLine.order_number.in_(numbers)).order_by(OrderLine.sku)
    return _grouped(await session.scalars(query), lambda one: one.order_number)


async def waiting(session: AsyncSession, checkout_ids: Sequence[str]) -> dict[str, list[Reservation]]:
    """What is reserved and not there yet, by checkout."""
    query = sa.select(Reservation).where(Reservation.checkout_id.in_(checkout_ids), Reservation.backordered > 0)
    return _grouped(await session.scalars(query), lambda one: one.checkout_id)


async def payments(session: AsyncSession, ids: Sequence[str]) -> dict[str, Payment]:
    """Payments by id."""
    return {one.payment_id: one for one in await session.scalars(sa.select(Payment).where(Payment.payment_id.in_(ids)))}


async def refunds(session: AsyncSession, payment_ids: Sequence[str]) -> dict[str, list[PaymentOperation]]:
    """Refunds by payment, oldest first; one that was asked for anew shows its last try only."""
    own = PaymentOperation
    query = (
        sa.select(own)
        .where(own.payment_id.in_(payment_ids), own.kind == OperationKind.REFUND)
        .ext(distinct_on(own.payment_id, own.reference))
        .order_by(own.payment_id, own.reference, own.sequence.desc())
    )
    found = sorted(await session.scalars(query), key=lambda one: one.created_at)
    return _grouped(found, lambda one: one.payment_id)


async def refund_requests(session: AsyncSession, payment_ids: Sequence[str]) -> dict[str, list[RefundRequest]]:
    """Refunds that were asked for by hand, by payment, oldest first."""
    query = sa.select(RefundRequest).where(RefundRequest.payment_id.in_(payment_ids))
    found = await session.scalars(query.order_by(RefundRequest.created_at, RefundRequest.refund_id))
    return _grouped(found, lambda one: one.payment_id)


async def disputes(session: AsyncSession, payment_ids: Sequence[str]) -> dict[str, list[Dispute]]:
    """Disputes by payment, oldest first."""
    query = sa.select(Dispute).where(Dispute.payment_id.in_(payment_ids)).order_by(Dispute.opened_at)
    return _grouped(await session.scalars(query), lambda one: one.payment_id)


async def parcels(session: AsyncSession, numbers: Sequence[str]) -> dict[str, list[Shipment]]:
    """Parcels by order number, first planned first."""
    query = (
        sa.select(Shipment)
        .where(Shipment.order_number.in_(numbers))
        .order_by(Shipment.place, Shipment.created_at, Shipment.shipment_id)
    )
    return _grouped(await session.scalars(query), lambda one: one.order_number)


async def contents(session: AsyncSession, shipment_ids: Sequence[str]) -> dict[str, list[ShipmentLine]]:
    """What is in each parcel, in SKU order."""
    query = sa.select(ShipmentLine).where(ShipmentLine.shipment_id.in_(shipment_ids)).order_by(ShipmentLine.sku)
    return _grouped(await session.scalars(query), lambda one: one.shipment_id)


async def scans(session: AsyncSession, shipment_ids: Sequence[str]) -> dict[str, list[TrackingEvent]]:
    """Scans by parcel, in the order they happened."""
    query = (
        sa.select(TrackingEvent)
        .where(TrackingEvent.shipment_id.in_(shipment_ids))
        .order_by(TrackingEvent.occurred_at, TrackingEvent.event_id)
    )
    return _grouped(await session.scalars(query), lambda one: one.shipment_id)


async def cancellations(session: AsyncSession, numbers: Sequence[str]) -> dict[str, list[OrderCancellation]]:
    """Cancellations by order number, oldest first."""
    own = OrderCancellation
    query = sa.select(own).where(own.order_number.in_(numbers)).order_by(own.at, own.cancellation_id)
    return _grouped(await session.scalars(query), lambda one: one.order_number)


async def timelines(session: AsyncSession, checkout_ids: Sequence[str]) -> dict[str, list[Event]]:
    """All that happened, by checkout, oldest first."""
    query = sa.select(Event).where(Event.checkout_id.in_(checkout_ids)).order_by(Event.event_id)
    return _grouped(await session.scalars(query), lambda one: one.checkout_id)


async def memberships(session: AsyncSession, customer_ids: Sequence[str]) -> dict[str, list[Membership]]:
    """Memberships by customer, the newest first."""
    query = (
        sa.select(Membership)
        .where(Membership.customer_id.in_(customer_ids))
        .order_by(Membership.created_at.desc(), Membership.membership_id)
    )
    return _grouped(await session.scalars(query), lambda one: one.customer_id)


async def periods(session: AsyncSession, membership_ids: Sequence[str]) -> dict[str, list[MembershipPeriod]]:
    """Periods by membership, the first one first."""
    own = MembershipPeriod
    query = sa.select(own).where(own.membership_id.in_(membership_ids)).order_by(own.period)
    return _grouped(await session.scalars(query), lambda one: one.membership_id)


async def prices(session: AsyncSession, markets: Sequence[Market]) -> dict[Market, Any]:
    """What each SKU costs there for that tier, by the rule of quotes: `amount_minor`, `compare_at_minor`, `list_id`."""
    names = ("skus", "currencies", "countries", "tiers")
    columns = {name: list(part) for name, part in zip(names, zip(*markets, strict=True), strict=True)}
    rows = (await session.execute(_PRICES, columns)).all()
    return {(row.sku, row.currency, row.country, row.price_tier): row for row in rows}


_PRICES = sa.text(
    f"""
    WITH asked AS (
      SELECT a.*, now() AS at FROM unnest(CAST(:skus AS text[]), CAST(:currencies AS text[]),
        CAST(:countries AS text[]), CAST(:tiers AS text[])) AS a(sku, currency, country, price_tier)
    ) SELECT asked.sku, asked.currency, asked.country, asked.price_tier, found.*
    FROM asked JOIN LATERAL ({RESOLVED}) AS found ON true"""  # noqa: S608  # text of ours
)
