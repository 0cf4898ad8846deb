"""Orders with all there is to say of them. Fields that are columns are read from their rows as they are."""

from datetime import date, datetime
from typing import cast

import strawberry
from pydantic import TypeAdapter

from api.graph.asking import Info
from api.graph.scalars import MinorUnits, PageInfo, cursors_of, place_of
from api.refunds import refund_outs
from api.schemas.base import Short
from domain.refunds import RefundCause, RefundState
from domain.states import DisputeState, OrderState, PaymentState, ShipmentState
from domain.support import ORDER_ACTS, PARCEL_ACTS, possible
from domain.tracking import TrackingStatus
from models import acting, in_bulk
from models.memberships import standings
from models.orders import Order as OrderRow
from models.shipments import Shipment as ShipmentRow

for _kind in (RefundCause, RefundState, DisputeState, OrderState, PaymentState, ShipmentState, TrackingStatus):
    strawberry.enum(_kind)

_SHORT: TypeAdapter[str] = TypeAdapter(Short)


@strawberry.type
class Standing:
    """What a customer's memberships give them now."""

    tier: str | None
    price_tier: str | None
    entitlements: list[str]
    free_shipping: bool
    early_access_seconds: int
    purchase_limit: int | None


@strawberry.type
class OrderLine:
    """One line, in minor units: `net + tax = gross`."""

    order_number: strawberry.Private[str]
    sku: str
    title: str
    quantity: int
    cancelled: int
    unit_minor: MinorUnits = strawberry.field(name="unit")
    net_minor: MinorUnits = strawberry.field(name="net")
    tax_minor: MinorUnits = strawberry.field(name="tax")
    gross_minor: MinorUnits = strawberry.field(name="gross")
    discount_minor: MinorUnits = strawberry.field(name="discount")
    list_minor: MinorUnits | None = strawberry.field(name="compareAt")
    tax_basis_points: int | None


@strawberry.type
class Refund:
    """A refund. `awaiting_approval`: somebody else than who asked must allow it. `settling`: the provider has it, the
    customer's bank not yet (days)."""

    id: strawberry.ID
    state: RefundState
    amount: MinorUnits | None
    cause: RefundCause | None
    reason: str | None
    reason_detail: str | None
    asked_by: str | None
    approve_by: datetime | None
    decided_by: str | None
    decision: str | None


@strawberry.type
class Dispute:
    """A customer's bank questions the charge."""

    dispute_id: strawberry.ID = strawberry.field(name="id")
    state: DisputeState
    reason: str
    amount_minor: MinorUnits = strawberry.field(name="amount")
    evidence_due_at: datetime | None


@strawberry.type
class Payment:
    """Where the money is, in minor units."""

    payment_id: strawberry.ID = strawberry.field(name="id")
    state: PaymentState
    authorized_minor: MinorUnits = strawberry.field(name="authorized")
    captured_minor: MinorUnits = strawberry.field(name="captured")
    refunded_minor: MinorUnits = strawberry.field(name="refunded")
    card: str | None
    capture_before: datetime | None

    @strawberry.field
    async def refunds(self, info: Info) -> list[Refund]:
        """What was given back or is to be allowed, oldest first."""
        made = await info.context.many(in_bulk.refunds, self.payment_id)
        asked = await info.context.many(in_bulk.refund_requests, self.payment_id)
        return cast("list[Refund]", refund_outs(made, asked))

    @strawberry.field
    async def disputes(self, info: Info) -> list[Dispute]:
        """What was disputed, oldest first."""
        return cast("list[Dispute]", await info.context.many(in_bulk.disputes, self.payment_id))


@strawberry.type
class ShipmentLine:
    """So many of a SKU in a parcel."""

    sku: str
    quantity: int
    cancelled: int


@strawberry.type
class Scan:
    """What the carrier said, and its own code for it."""

    status: TrackingStatus
    carrier_code: str = strawberry.field(name="code")
    description: str
    location: str | None
    occurred_at: datetime


@strawberry.type
class Shipment:
    """A parcel."""

    shipment_id: strawberry.ID = strawberry.field(name="id")
    order_number: strawberry.Private[str]
    state: ShipmentState
    location_id: str = strawberry.field(name="location")
    waits_for_stock: bool
    ship_by: datetime | None
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    tracking_status: TrackingStatus

    @strawberry.field
    async def lines(self, info: Info) -> list[ShipmentLine]:
        """What is in it."""
        return cast("list[ShipmentLine]", await info.context.many(in_bulk.contents, self.shipment_id))

    @strawberry.field
    async def scans(self, info: Info) -> list[Scan]:
        """In the order they happened."""
        return cast("list[Scan]", await info.context.many(in_bulk.scans, self.shipment_id))

    @strawberry.field
    async def possible_acts(self, info: Info) -> list[str]:
        """What support may do to it now: docs/support.md."""
        order = cast("OrderRow", await info.context.load(in_bulk.orders, self.order_number))
        return list(possible(PARCEL_ACTS, acting.parcel_facts(order, cast("ShipmentRow", self))))


@strawberry.type
class Cancellation:
    """Who gave up what, and what of the captured money goes back for it."""

    cancellation_id: strawberry.ID = strawberry.field(name="id")
    actor: str
    reason: str
    amount_minor: MinorUnits = strawberry.field(name="amount")
    refund_minor: MinorUnits = strawberry.field(name="refund")
    at: datetime


@strawberry.type
class Event:
    """One line of the timeline."""

    type: str
    message: str
    occurred_at: datetime


@strawberry.type
class Order:
    """An accepted order, in minor units of `currency`."""

    order_number: strawberry.ID = strawberry.field(name="number")
    payment_id: strawberry.Private[str]
    state: OrderState
    checkout_id: strawberry.ID
    customer_id: strawberry.ID
    currency: str
    total_minor: MinorUnits = strawberry.field(name="total")
    tax_minor: MinorUnits = strawberry.field(name="tax")
    shipping_minor: MinorUnits = strawberry.field(name="shipping")
    discount_minor: MinorUnits = strawberry.field(name="discount")
    needs_attention: bool
    attention_reason: str | None
    placed_at: datetime

    @strawberry.field
    async def lines(self, info: Info) -> list[OrderLine]:
        """What was bought, by SKU."""
        return cast("list[OrderLine]", await info.context.many(in_bulk.lines, self.order_number))

    @strawberry.field
    async def payment(self, info: Info) -> Payment:
        """Where its money is."""
        return cast("Payment", await info.context.load(in_bulk.payments, self.payment_id))

    @strawberry.field
    async def shipments(self, info: Info) -> list[Shipment]:
        """Its parcels, first planned first."""
        return cast("list[Shipment]", await info.context.many(in_bulk.parcels, self.order_number))

    @strawberry.field
    async def cancellations(self, info: Info) -> list[Cancellation]:
        """What was given up of it, oldest first."""
        return cast("list[Cancellation]", await info.context.many(in_bulk.cancellations, self.order_number))

    @strawberry.field
    async def backordered(self, info: Info) -> list["Backordered"]:
        """What is not there yet."""
        return cast("list[Backordered]", await info.context.many(in_bulk.waiting, self.checkout_id))

    @strawberry.field
    async def possible_acts(self, info: Info) -> list[str]:
        """What support may do to it now: docs/support.md."""
        parcels = await info.context.many(in_bulk.parcels, self.order_number)
        payment = await info.context.load(in_bulk.payments, self.payment_id)
        facts = acting.order_facts(cast("OrderRow", self), parcels, payment.state if payment else None)
        return list(possible(ORDER_ACTS, facts))

    @strawberry.field
    async def timeline(self, info: Info) -> list[Event]:
        """All that happened, oldest first."""
        return cast("list[Event]", await info.context.many(in_bulk.timelines, self.checkout_id))

    @strawberry.field
    async def standing(self, info: Info) -> Standing:
        """What its customer's memberships give them now."""
        return cast("Standing", await info.context.load(standings, self.customer_id))


@strawberry.type
class Backordered:
    """Units that are yet to come, and when they are expected."""

    sku: str
    backordered: int = strawberry.field(name="quantity")
    expected_on: date | None


@strawberry.type
class OrderEdge:
    """An order and its place in the list."""

    cursor: str
    node: Order


@strawberry.type
class OrderConnection:
    """A page of orders."""

    edges: list[OrderEdge]
    page_info: PageInfo

    @strawberry.field
    def nodes(self) -> list[Order]:
        """Those of the page, without their cursors."""
        return [one.node for one in self.edges]


async def order(info: Info, number: strawberry.ID) -> Order | None:
    """An order; null for one that is not there."""
    return cast("Order | None", await info.context.load(in_bulk.orders, _SHORT.validate_python(number)))


async def page(
    info: Info, customer_id: str | None = None, first: int = 20, after: str | None = None
) -> OrderConnection:
    """Orders, the newest first; one customer's if asked."""
    asking, query = info.context, {"list": "orders", "customer": customer_id}
    if customer_id is not None:
        _SHORT.validate_python(customer_id)
    place = place_of(asking, query, first, after)
    behind = (datetime.fromisoformat(str(place[0])), str(place[1])) if place else None
    rows = await asking.read(lambda session: in_bulk.page_of_orders(session, customer_id, behind, first + 1))
    shown = rows[:first]
    cursors = cursors_of(asking, query, [(one.placed_at.isoformat(), one.order_number) for one in shown])
    edges = [OrderEdge(cursor=at, node=cast("Order", one)) for at, one in zip(cursors, shown, strict=True)]
    more = PageInfo(has_next_page=len(rows) > first, end_cursor=cursors[-1] if cursors else None)
    return OrderConnection(edges=edges, page_info=more)


async def standing(info: Info, customer_id: strawberry.ID) -> Standing:
    """What a customer's memberships give them now; nothing for one nobody has heard of."""
    return cast("Standing", await info.context.load(standings, _SHORT.validate_python(customer_id)))
