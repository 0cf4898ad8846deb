"""The database's part of a return: asked for, moved on, inspected, and what goes back worked out once."""

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities import exchanging
from domain.carriage import Consignment
from domain.ids import return_refund_id
from domain.money import Money
from domain.parcels import ParcelRequest, PostalAddress
from domain.returns import (
    AboutReturn,
    Delivered,
    ExchangeState,
    InspectReturn,
    MoveReturn,
    RecordReturnBooking,
    RecordReturnLabel,
    ReturnInput,
    ReturnLine,
    ReturnRefusal,
    ReturnRequested,
    ReturnSettled,
    SettleReturn,
    settle,
)
from domain.states import RETURN_MOVES, MovementKind, OrderState, ReturnState, ShipmentState
from gateways.accounts import Despatch
from models import events, orders, payments, returns, shipments, stock
from models.base import RowMissing, now
from models.catalog import Variant
from models.database import Database
from models.orders import Order, OrderLine
from models.returns import Return, ReturnedLine, ReturnStep
from models.stock import Location

_PACKING_GRAMS = 150
_DECISIONS = (ReturnState.APPROVED, ReturnState.REJECTED)


class ReturnActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database, despatch: Despatch) -> None:
        self._database, self._despatch = database, despatch

    @activity.defn(name="returns.request")
    async def request(self, asked: ReturnInput) -> ReturnRequested:
        """Write down what is to come back, with what it is worth; or say why it may not."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            lines = {(one.shipment_id, one.sku): one for one in await returns.delivered(session, order.order_number)}
            worth = _worth(lines, asked)
            if await returns.find(session, asked.return_id) is not None:
                return ReturnRequested(worth)
            refusal = await _refuse(session, order, lines, asked)
            prices = refusal or await exchanging.price(session, order, lines, asked)
            if isinstance(prices, ReturnRefusal):
                return ReturnRequested(refusal=prices)
            parcel = await shipments.get(session, asked.lines[0].shipment_id)
            own = {"tenant_id": asked.tenant, "return_id": asked.return_id}
            row = Return(
                **own,
                order_number=asked.order_number,
                fingerprint=asked.fingerprint,
                state=ReturnState.REQUESTED,
                location_id=parcel.location_id,
                actor=asked.actor,
                note=asked.note,
                exchange_state=ExchangeState.ASKED if prices else None,
            )
            session.add(row)
            await session.flush()
            for one in asked.lines:
                cost = prices.get((one.shipment_id, one.sku))
                session.add(
                    ReturnedLine(
                        **own,
                        shipment_id=one.shipment_id,
                        sku=one.sku,
                        quantity=one.quantity,
                        reason=one.reason,
                        exchange_for=one.exchange_for,
                        exchange_gross_minor=cost.gross_minor if cost else None,
                        exchange_tax_minor=cost.tax_minor if cost else None,
                    )
                )
            pieces = ", ".join(_piece(one) for one in asked.lines)
            _step(session, row, order, asked.actor, f"return of {pieces} asked for: {asked.note}")
            return ReturnRequested(worth)

    @activity.defn(name="returns.move")
    async def move(self, asked: MoveReturn) -> str:
        """It is in this state from now on. What is past it already is left alone. Answers with what becomes of what is
        wanted instead, if something is: set aside as it is approved, free again when it does not come."""
        async with self._database.transaction(asked.tenant) as session:
            order, row = await _load(session, asked.return_id)
            if asked.state not in RETURN_MOVES.get(row.state, ()):
                return exchanging.told(row)
            row.state = asked.state
            if asked.state is ReturnState.APPROVED:
                await exchanging.reserve(session, row, await returns.lines(session, row.return_id))
            if asked.state in returns.NEVER_CAME or asked.state is ReturnState.REJECTED:
                await exchanging.give_up(session, row)
            row.due_at = None
            if asked.due_seconds is not None:
                row.due_at = sa.func.now() + timedelta(seconds=asked.due_seconds)
            if asked.state in _DECISIONS and row.received_at is None:
                row.decided_by, row.decision_note = asked.actor, asked.note
            if asked.state is ReturnState.RECEIVED:
                row.received_at = now()
            if asked.state in returns.ENDED:
                row.ended_at = now()
            told = exchanging.told(row) if asked.state is ReturnState.APPROVED else ""
            _step(session, row, order, asked.actor, f"{asked.note}; {told}" if told else asked.note)
            return told

    @activity.defn(name="returns.prepare")
    async def prepare(self, asked: AboutReturn) -> Consignment:
        """What the carrier must know: from the customer to the location that it left from."""
        async with self._database.transaction(asked.tenant) as session:
            row = await returns.get(session, asked.return_id)
            order = await orders.get(session, row.order_number)
            location = await session.get_one(Location, (asked.tenant, row.location_id))
            packed = await _packed(session, row)
            parcel = ParcelRequest(
                reference=asked.return_id,
                service=order.shipping_method,
                weight_grams=sum(quantity * grams for quantity, _, grams in packed) + _PACKING_GRAMS,
                sender=PostalAddress(**order.address),
                recipient=PostalAddress(**location.address),
                contents=", ".join(f"{quantity} x {title}" for quantity, title, _ in packed)[:200],
                dimensions=self._despatch.carton,
            )
            route = self._despatch.route(asked.tenant, order.shipping_method, row.location_id)
            return Consignment(parcel, route, self._despatch.silence)

    @activity.defn(name="returns.record_booking")
    async def record_booking(self, asked: RecordReturnBooking) -> None:
        """What is about to be bought: it can be looked for from now on."""
        async with self._database.transaction(asked.tenant) as session:
            row = await returns.get(session, asked.return_id)
            row.carrier, row.rate_id = asked.booking.carrier, asked.booking.rate_id or None
            row.carrier_shipment_id = asked.booking.carrier_shipment_id

    @activity.defn(name="returns.record_label")
    async def record_label(self, asked: RecordReturnLabel) -> None:
        """The customer can print it."""
        label = asked.label
        async with self._database.transaction(asked.tenant) as session:
            row = await returns.get(session, asked.return_id)
            if row.state is not ReturnState.APPROVED:
                return
            row.state, row.label_id = ReturnState.LABEL_SENT, label.label_id or None
            row.carrier, row.carrier_shipment_id = label.carrier, label.carrier_shipment_id
            row.tracking_number, row.tracking_url = label.tracking_number, label.tracking_url
            row.label_url, row.label_cost_minor, row.label_currency = label.label_url, label.cost_minor, label.currency
            cost = Money(label.cost_minor, label.currency)
            note = f"label {label.tracking_number} bought from {label.carrier} for {cost}"
            _step(session, row, await orders.get(session, row.order_number), "Milepost", note)

    @activity.defn(name="returns.inspect")
    async def inspect(self, asked: InspectReturn) -> None:
        """What came is written down, and what can be sold again is in stock again: at once, and once."""
        async with self._database.transaction(asked.tenant) as session:
            row = await returns.get(session, asked.return_id)
            if row.state is not ReturnState.RECEIVED:
                return
            lines = {(one.shipment_id, one.sku): one for one in await returns.lines(session, row.return_id)}
            for one in sorted(asked.lines, key=lambda line: (line.sku, line.shipment_id)):
                line = lines[one.shipment_id, one.sku]
                line.restocked, line.damaged, line.rejected = one.restock, one.damaged, one.rejected
                if one.restock:
                    await stock.adjust(
                        session,
                        row.location_id,
                        one.sku,
                        kind=MovementKind.RETURNED,
                        quantity=one.restock,
                        reason=f"return {row.return_id}",
                        key=f"{row.return_id}/{one.shipment_id}/{one.sku}",
                        fingerprint=row.return_id,
                    )
            row.state, row.inspected_by, row.due_at = ReturnState.INSPECTED, asked.actor, None
            told = ", ".join(
                f"{count} x {one.sku} {what}"
                for one in asked.lines
                for count, what in ((one.restock, "restocked"), (one.damaged, "damaged"), (one.rejected, "rejected"))
                if count
            )
            note = f"{told}: {asked.note}" if asked.note else told
            _step(session, row, await orders.get(session, row.order_number), asked.actor, note)

    @activity.defn(name="returns.settle")
    async def settle(self, asked: SettleReturn) -> ReturnSettled:
        """What goes back is worked out once, under the order's lock: the lines' shares, shipping, the label."""
        async with self._database.transaction(asked.tenant) as session:
            order, row = await _load(session, asked.return_id)
            lines = await returns.lines(session, row.return_id)
            if row.refund_id is None:
                await _work_out(session, order, row, lines, asked)
            rejected, accepted = sum(one.rejected for one in lines), sum(one.accepted for one in lines)
            parcel = await exchanging.parcel_of(session, order, row)
            return ReturnSettled(return_refund_id(row.return_id), row.refund_minor or 0, rejected, accepted, parcel)


async def _load(session: AsyncSession, return_id: str) -> tuple[Order, Return]:
    """A return and its order, which is locked first, as everywhere."""
    row = await returns.find(session, return_id)
    if row is None:
        raise RowMissing(f"no return {return_id}")
    return await orders.get(session, row.order_number), await returns.get(session, return_id)


def _piece(one: ReturnLine) -> str:
    return f"{one.quantity} x {one.sku}" + (f" for {one.exchange_for}" if one.exchange_for else "")


async def _refuse(
    session: AsyncSession, order: Order, lines: dict[tuple[str, str], Delivered], asked: ReturnInput
) -> ReturnRefusal | None:
    """Why something may not come back; None: all of it may."""
    if order.state is OrderState.CLOSED:
        return ReturnRefusal("return_window_over", "the return window of this order is over")
    parcels = {one.shipment_id: one for one in await shipments.of_order(session, order.order_number)}
    coming = await returns.asked_for(session, order.order_number)
    moment = await session.scalar(sa.select(now()))
    for one in asked.lines:
        parcel, line = parcels.get(one.shipment_id), lines.get((one.shipment_id, one.sku))
        if parcel is None or line is None:
            return ReturnRefusal("not_in_parcel", f"no {one.sku} was sent in parcel {one.shipment_id}")
        if parcel.state is not ShipmentState.DELIVERED or parcel.ended_at is None:
            return ReturnRefusal("not_delivered", f"{one.sku} has not been delivered: cancel it, or wait for it")
        if moment is not None and moment > parcel.ended_at + timedelta(seconds=asked.policy.window_seconds):
            return ReturnRefusal("return_window_over", f"the return window of {one.sku} is over")
        left = line.quantity - line.cancelled - coming.get((one.shipment_id, one.sku), 0)
        if one.quantity > left:
            message = f"{one.quantity} {one.sku} cannot come back: {left} of what was delivered has not yet"
            return ReturnRefusal("more_than_delivered", message)
    if len({parcels[one.shipment_id].location_id for one in asked.lines}) > 1:
        return ReturnRefusal("several_locations", "these pieces left from several locations: ask for a return of each")
    return None


def _worth(lines: dict[tuple[str, str], Delivered], asked: ReturnInput) -> int:
    """An estimate for whoever approves it: what is refunded is worked out after the inspection."""
    total = 0
    for one in asked.lines:
        line = lines.get((one.shipment_id, one.sku))
        if line is not None and one.quantity <= line.left:
            total += line.worth(one.quantity).gross_minor
    return total


async def _packed(session: AsyncSession, row: Return) -> list[tuple[int, str, int]]:
    """Pieces, title and weight in grams of each line."""
    query = (
        sa.select(ReturnedLine.quantity, OrderLine.title, Variant.weight_grams)
        .join(
            OrderLine,
            (OrderLine.tenant_id == ReturnedLine.tenant_id)
            & (OrderLine.order_number == row.order_number)
            & (OrderLine.sku == ReturnedLine.sku),
        )
        .join(Variant, (Variant.tenant_id == ReturnedLine.tenant_id) & (Variant.sku == ReturnedLine.sku))
        .where(ReturnedLine.return_id == row.return_id)
        .order_by(ReturnedLine.shipment_id, ReturnedLine.sku)
    )
    return list((await session.execute(query)).tuples().all())


async def _work_out(
    session: AsyncSession, order: Order, row: Return, lines: Sequence[ReturnedLine], asked: SettleReturn
) -> None:
    delivered = {(one.shipment_id, one.sku): one for one in await returns.delivered(session, order.order_number)}
    left = sum(one.left for one in delivered.values())
    for line in lines:
        share = delivered[line.shipment_id, line.sku].worth(line.accepted)
        line.gross_minor, line.tax_minor = share.gross_minor, share.tax_minor
    await session.flush()
    await exchanging.pack(session, order, row, lines)
    goods = sum((line.gross_minor or 0) - line.exchanged_minor for line in lines)
    left -= sum(line.accepted - line.exchanged for line in lines)
    payment = await payments.get(session, order.payment_id)
    paid = await shipments.of_order(session, order.order_number)
    back = settle(
        asked.policy,
        goods_minor=goods,
        shipping_minor=sum(one.shipping_minor for one in paid),
        is_last=left == 0,
        label_minor=(row.label_cost_minor or 0) if row.label_currency == order.currency else 0,
        reasons={line.reason for line in lines},
        refundable_minor=payment.captured_minor - payment.refunded_minor,
    )
    row.refund_id = return_refund_id(row.return_id)
    row.goods_minor, row.shipping_minor = back.goods_minor, back.shipping_minor
    row.label_charge_minor = back.label_minor
    amount = Money(back.refund_minor, order.currency)
    pieces, out = sum(one.accepted for one in lines), sum(one.exchanged for one in lines)
    told = f"{amount} goes back for {pieces} pieces" + (f", and {out} pieces go out instead" if out else "")
    _step(session, row, order, "Milepost", told)


def _step(session: AsyncSession, row: Return, order: Order, actor: str, note: str) -> None:
    """Who did it, in the return's own record and in the order's timeline."""
    own = {"tenant_id": row.tenant_id, "return_id": row.return_id}
    session.add(ReturnStep(**own, reached=row.state, actor=actor, note=note))
    events.record(
        session, row.tenant_id, order.checkout_id, f"return.{row.state}", f"{actor}: {note}", return_id=row.return_id
    )
