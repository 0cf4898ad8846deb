"""Pieces of an order are cancelled: out of their parcels, back into stock, and what goes back is counted."""

from collections import Counter

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.drops import pass_on
from domain.cancellations import (
    Cancellable,
    CancellationPlan,
    CancelPieces,
    PiecesCancelled,
    PlanCancellation,
    ReleaseRest,
    choose,
)
from domain.money import Money
from domain.parcels import SentFor
from domain.payments import VoidPayment
from domain.states import OperationKind, PaymentState, ReservationState
from domain.tracking import POSSESSION
from models import cancellations, events, orders, parcels, payments, refunds, shipments, stock
from models.cancellations import OrderCancellation
from models.database import Database
from models.orders import Order
from models.parcels import ShipmentLine
from models.payments import VOID, OperationUnderWay, Payment
from models.shipments import Shipment


class CancellationActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="cancellations.plan")
    async def plan(self, asked: PlanCancellation) -> CancellationPlan:
        """Which parcels the lines come out of; refused when they have left."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            payment = await payments.get(session, order.payment_id)
            rows = await parcels.lines(session, order.order_number)
            here = [
                Cancellable(
                    one.shipment_id,
                    one.place,
                    one.waits_for_stock,
                    {row.sku: row.quantity - row.cancelled for row in rows if row.shipment_id == one.shipment_id},
                )
                for one in await shipments.of_order(session, order.order_number)
                if await _is_here(session, payment, one)
            ]
            return choose(asked.lines, here)

    @activity.defn(name="cancellations.cancel")
    async def cancel(self, asked: CancelPieces) -> PiecesCancelled:
        """Cancel pieces of parcels that are still here, once: lines, stock, what is owed back, and who wanted it.

        Raises `OperationUnderWay` while money moves: what leaves at this moment is not cancelled.
        """
        cancelled, checkout_id = await self._cancel(asked)
        await pass_on(self._database, asked.tenant, checkout_id)
        return cancelled

    async def _cancel(self, asked: CancelPieces) -> tuple[PiecesCancelled, str]:
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            if known := await cancellations.find(session, asked.cancellation_id):
                return PiecesCancelled(known.lines, known.refund_minor), order.checkout_id
            payment = await payments.get(session, order.payment_id)
            if await payments.capture_is_out(session, payment.payment_id):
                raise OperationUnderWay(f"a capture of payment {payment.payment_id} is under way")
            await stock.lock_to_release(session, order.checkout_id)
            done, amount, refund = Counter[str](), 0, 0
            for parcel in await shipments.of_order(session, order.order_number):
                wanted = await _wanted(session, payment, parcel, asked)
                if wanted:
                    worth = await _take_out(session, order, parcel, wanted)
                    done.update(wanted)
                    amount += worth
                    refund += worth if parcel.paid_minor is not None else 0
                    if parcel.paid_minor is not None:
                        parcel.paid_minor -= worth
            if not done:
                return PiecesCancelled(), order.checkout_id
            refund = min(refund, payment.captured_minor - payment.refunded_minor)
            _write_down(session, order, asked, dict(done), amount, refund)
            return PiecesCancelled(dict(done), refund), order.checkout_id

    @activity.defn(name="cancellations.begin_release")
    async def begin_release(self, asked: ReleaseRest) -> VoidPayment | None:
        """Journal that the rest of the hold is given back; None: all that is held will be captured, or nothing is."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            payment = await payments.get(session, order.payment_id)
            to_pay = any(one.to_pay for one in await parcels.shares(session, order.order_number))
            if payment.state is not PaymentState.AUTHORIZED or payment.captured_minor == 0 or to_pay:
                return None
            held = payment.authorized_minor - payment.captured_minor
            begun = await payments.begin(session, payment, OperationKind.VOID, VOID, held)
            return VoidPayment(payment.intent_id, begun.idempotency_key, begun_at=begun.created_at)

    @activity.defn(name="cancellations.finish_release")
    async def finish_release(self, asked: ReleaseRest) -> None:
        """Nothing is held any more; what was captured stays so."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            payment = await payments.get(session, order.payment_id)
            if payment.state is not PaymentState.AUTHORIZED:
                return
            await refunds.take_no_more(session, payment)
            await payments.finish(session, payment.payment_id, OperationKind.VOID, provider_id=payment.intent_id)
            rest = Money(payment.authorized_minor - payment.captured_minor, payment.currency)
            message = f"{rest} that was held and is not needed is released"
            events.record(session, asked.tenant, order.checkout_id, "payment.released", message)


async def _is_here(session: AsyncSession, payment: Payment, parcel: Shipment) -> bool:
    """It has not left, and is not leaving: neither the carrier has it, nor is it being captured for.

    What is sent beside the order is not cancelled with it.
    """
    if parcel.sent_for is not SentFor.ORDER or parcel.state not in parcels.HERE or parcel.tracking_status in POSSESSION:
        return False
    return not await payments.capture_is_out(session, payment.payment_id, parcel.shipment_id)


async def _wanted(session: AsyncSession, payment: Payment, parcel: Shipment, asked: CancelPieces) -> dict[str, int]:
    """What of it is to be cancelled, and can be."""
    if parcel.shipment_id in asked.stopped:
        return {one.sku: one.quantity for one in await parcels.packed(session, parcel.shipment_id)}
    if not await _is_here(session, payment, parcel):
        return {}
    left = {one.sku: one.quantity for one in await parcels.packed(session, parcel.shipment_id)}
    mine = (one for one in asked.take if one.shipment_id == parcel.shipment_id)
    return {one.sku: pieces for one in mine if (pieces := min(one.quantity, left.get(one.sku, 0)))}


async def _take_out(session: AsyncSession, order: Order, parcel: Shipment, wanted: dict[str, int]) -> int:
    """The pieces are free again, and counted as cancelled; what they cost, in minor units."""
    before = parcels.share_of(parcel, await parcels.lines(session, order.order_number)).goods_minor
    for line in await orders.lines(session, order.order_number):
        if line.sku in wanted:
            line.cancelled += wanted[line.sku]
            row = await session.get_one(ShipmentLine, (order.tenant_id, parcel.shipment_id, line.sku))
            row.cancelled += wanted[line.sku]
    await session.flush()
    await parcels.move_units(session, order, parcel, wanted, ReservationState.RELEASED)
    if not await parcels.packed(session, parcel.shipment_id):
        await parcels.pass_shipping_on(session, order, parcel)
    elif parcel.packed_at is not None:
        parcel.packed_at = None
    return before - parcels.share_of(parcel, await parcels.lines(session, order.order_number)).goods_minor


def _write_down(
    session: AsyncSession, order: Order, asked: CancelPieces, lines: dict[str, int], amount: int, refund: int
) -> None:
    session.add(
        OrderCancellation(
            tenant_id=order.tenant_id,
            cancellation_id=asked.cancellation_id,
            order_number=order.order_number,
            actor=asked.actor,
            reason=asked.reason,
            fingerprint=asked.fingerprint,
            lines=lines,
            amount_minor=amount,
            refund_minor=refund,
        )
    )
    pieces = ", ".join(f"{count} x {sku}" for sku, count in sorted(lines.items()))
    back = f", {Money(refund, order.currency)} goes back" if refund else ""
    message = f"{pieces} cancelled by {asked.actor}: {asked.reason}{back}"
    events.record(
        session, order.tenant_id, order.checkout_id, "order.partly_cancelled", message,
        cancellation=asked.cancellation_id,
    )  # fmt: skip
