"""What becomes of a parcel that is lost, comes back, or is in trouble on its way: sent again, paid back, waited for."""

from dataclasses import dataclass
from datetime import datetime

from domain.checkouts import PlannedParcel
from domain.orders import NoteOrder
from domain.support import OrderFacts, ParcelFacts, Resolution, Trouble, Why, resolvable


@dataclass(frozen=True, slots=True)
class Resolve:
    """What a person decides for one parcel. `until`: with `wait`, when a person is called again."""

    actor: str
    reason: str
    parcel: str
    how: Resolution
    until: datetime | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class ResolveParcel:
    """Write the decision down, once, with the line of the timeline that says who made it."""

    note: NoteOrder
    shipment_id: str
    how: Resolution
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParcelResolved:
    """The parcel that is sent in its place, or what goes back for it in minor units; or why not."""

    refusal: Why | None = None
    replacement: PlannedParcel | None = None
    refund_minor: int = 0


def refuse_resolve(order: OrderFacts, asked: Resolve, now: datetime) -> Why | None:
    """Why this parcel is not resolved so."""
    parcel = next((one for one in order.parcels if one.shipment_id == asked.parcel), None)
    if parcel is None:
        return Why("not_in_order", f"order {order.number} has no parcel {asked.parcel}")
    if why := refuse_parcel(parcel):
        return why
    if asked.how is Resolution.WAIT and (asked.until is None or asked.until <= now):
        return Why("no_date", "say until when it is waited for: a time to come")
    return None


def refuse_parcel(parcel: ParcelFacts) -> Why | None:
    """Why there is nothing to be decided for it."""
    if resolvable(parcel):
        return None
    if parcel.trouble is Trouble.CAPTURE and parcel.left:
        return Why("not_paid", "nothing was paid for this parcel: see to its payment first")
    how = "resolved already" if parcel.resolved else parcel.state.replace("_", " ")
    return Why("nothing_to_resolve", f"this parcel is {how}")
