"""`/v1/orders`: read one with all there is to say of it; cancel it before it leaves."""

from datetime import timedelta
from urllib.parse import quote

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import not_found
from api.refunds import refund_out
from api.resources import Asker, Resources, Shared
from api.schemas import (
    CancelIn,
    DisputeOut,
    EventOut,
    OrderLineOut,
    OrderOut,
    PaymentOut,
    ProblemOut,
    ScanOut,
    ShipmentOut,
)
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.checkouts import CancelRequest
from domain.ids import order_workflow
from domain.states import OrderState
from models import disputes, events, orders, refunds, shipments
from models.orders import Order
from models.payments import Payment
from workflows.order import OrderWorkflow

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.get("/{number}", response_model=OrderOut, responses={404: {"model": ProblemOut}})
async def read(number: str, tenant: Asker, shared: Shared) -> OrderOut:
    """Lines, payment, parcels and timeline. Answers while Temporal is away."""
    return await _read(number, tenant, shared)


@router.post("/{number}/cancel", response_model=OrderOut, responses={409: {"model": ProblemOut}})
async def cancel(number: str, tenant: Asker, shared: Shared, body: CancelIn | None = None) -> OrderOut:
    """Cancel before the parcel leaves: the label is voided, the authorization given back, the stock free."""
    current = await _read(number, tenant, shared)
    if current.state is OrderState.CANCELLED:
        return current
    handle = shared.temporal.get_workflow_handle(order_workflow(tenant, number))
    request = CancelRequest("the shop", (body or CancelIn()).reason)
    try:
        async with reaching("order"):
            await handle.execute_update(
                OrderWorkflow.cancel, request, rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS)
            )
    except StillRunning:
        pass
    return await _read(number, tenant, shared)


async def _read(number: str, tenant: str, shared: Resources) -> OrderOut:
    async with shared.database.transaction(tenant) as session:
        order = await orders.find(session, number)
        if order is None:
            raise not_found("order")
        return await _out(session, order, shared.settings.temporal_ui_url)


async def _out(session: AsyncSession, order: Order, ui: str | None) -> OrderOut:
    payment = await session.get_one(Payment, (order.tenant_id, order.payment_id))
    parcels = await shipments.of_order(session, order.order_number)
    scans = await shipments.scans(session, [parcel.shipment_id for parcel in parcels])
    workflow = quote(order_workflow(order.tenant_id, order.order_number), safe="")
    return OrderOut(
        number=order.order_number,
        state=order.state,
        checkout_id=order.checkout_id,
        customer_id=order.customer_id,
        currency=order.currency,
        total=order.total_minor,
        tax=order.tax_minor,
        shipping=order.shipping_minor,
        needs_attention=order.needs_attention,
        attention_reason=order.attention_reason,
        placed_at=order.placed_at,
        lines=[
            OrderLineOut(
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                unit=line.unit_minor,
                net=line.net_minor,
                tax=line.tax_minor,
                gross=line.gross_minor,
            )
            for line in await orders.lines(session, order.order_number)
        ],
        payment=PaymentOut(
            id=payment.payment_id,
            state=payment.state,
            authorized=payment.authorized_minor,
            captured=payment.captured_minor,
            refunded=payment.refunded_minor,
            card=payment.card,
            capture_before=payment.capture_before,
        ),
        refunds=[refund_out(one) for one in await refunds.of_payment(session, payment.payment_id)],
        disputes=[
            DisputeOut(
                id=one.dispute_id,
                state=one.state,
                reason=one.reason,
                amount=one.amount_minor,
                evidence_due_at=one.evidence_due_at,
            )
            for one in await disputes.of_payment(session, payment.payment_id)
        ],
        shipments=[
            ShipmentOut(
                id=parcel.shipment_id,
                state=parcel.state,
                carrier=parcel.carrier,
                tracking_number=parcel.tracking_number,
                tracking_url=parcel.tracking_url,
                tracking_status=parcel.tracking_status,
                scans=[
                    ScanOut(
                        status=scan.status,
                        code=scan.carrier_code,
                        description=scan.description,
                        location=scan.location,
                        occurred_at=scan.occurred_at,
                    )
                    for scan in scans
                    if scan.shipment_id == parcel.shipment_id
                ],
            )
            for parcel in parcels
        ],
        timeline=[
            EventOut(type=event.type, message=event.message, occurred_at=event.occurred_at)
            for event in await events.timeline(session, order.checkout_id)
        ],
        support_url=f"{ui}/namespaces/default/workflows/{workflow}" if ui else None,
    )
