"""What an order's and a parcel's acts depend on, as the tables have it."""

from collections.abc import Sequence
from typing import Any

from domain.ids import wait_call
from domain.parcels import SentFor
from domain.states import OrderState, PaymentState, ShipmentState
from domain.support import HERE, ORDER_ACTS, PARCEL_ACTS, OrderFacts, ParcelFacts, Resolution, Trouble, possible
from domain.tracking import POSSESSION, TrackingStatus
from models.orders import Order
from models.shipments import Shipment

_RESOLVED = (Resolution.RESHIP, Resolution.REFUND)


def order_facts(order: Order, parcels: Sequence[Shipment], payment: PaymentState | None = None) -> OrderFacts:
    """Of an order and its parcels, but for those that are sent beside it. That it is being cancelled at this moment is
    not in the tables."""
    parcels = [one for one in parcels if one.sent_for is SentFor.ORDER]
    return OrderFacts(
        order.order_number,
        order.state,
        here=any(one.state in HERE for one in parcels),
        calls=order.needs_attention,
        held=order.held_reason,
        ended=order.ended_at is not None,
        lapsed=payment is PaymentState.LAPSED,
        parcels=tuple(parcel_facts(order, one) for one in parcels),
    )


def parcel_facts(order: Order, parcel: Shipment) -> ParcelFacts:
    """Of one parcel of an order."""
    return ParcelFacts(
        parcel.shipment_id,
        parcel.state,
        parcel.trouble or (Trouble.EXCEPTION if wait_call(parcel.shipment_id) in order.calls else None),
        waits=parcel.waits_for_stock,
        held=order.held_reason,
        left=parcel.tracking_status in POSSESSION,
        resolved=parcel.resolution in _RESOLVED,
    )


def fill_in(page: dict[str, Any]) -> None:
    """Of an order's page (`models/reading.py`), the acts that are possible now, in place of what they depend on."""
    held, counted = page["held_reason"], []
    for one in page["shipments"]:
        trouble, sent_for = one["possible_acts"]
        parcel = ParcelFacts(
            one["id"],
            ShipmentState(one["state"]),
            Trouble(trouble) if trouble else None,
            waits=one["waits_for_stock"],
            held=held,
            left=TrackingStatus(one["tracking_status"]) in POSSESSION,
            resolved=one["resolution"] in _RESOLVED,
        )
        one["possible_acts"] = possible(PARCEL_ACTS, parcel)
        if sent_for == SentFor.ORDER:
            counted.append(parcel)
    order = OrderFacts(
        page["number"],
        OrderState(page["state"]),
        here=any(one.state in HERE for one in counted),
        calls=page["needs_attention"],
        held=held,
        ended=page["possible_acts"],
        lapsed=page["payment"]["state"] == PaymentState.LAPSED,
        parcels=tuple(counted),
    )
    page["possible_acts"] = possible(ORDER_ACTS, order)
