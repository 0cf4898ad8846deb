"""Cancelling an order or a part of it: which pieces, out of which parcels; pure rules and the messages around them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.pricing import CartLine


@dataclass(frozen=True, slots=True)
class TakeOut:
    """So many pieces of a SKU come out of a parcel that goes without them."""

    shipment_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Cancellable:
    """What could still be taken out of a parcel that is here: SKU → pieces. `waits`: for stock."""

    shipment_id: str
    place: int
    waits: bool
    pieces: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CancellationPlan:
    """Parcels that stay altogether, and pieces that come out of others; or `refusal`, and nothing is to be done."""

    stop: tuple[str, ...] = ()
    take: tuple[TakeOut, ...] = ()
    refusal: str | None = None


def choose(lines: Sequence[CartLine], here: Sequence[Cancellable]) -> CancellationPlan:
    """Pieces that wait for stock come out first, then those of the last parcel: what leaves first is touched last.

    All of it or nothing: refused when there are not so many here.
    """
    take = list[TakeOut]()
    left = {one.shipment_id: dict(one.pieces) for one in here}
    for line in lines:
        wanted = line.quantity
        for parcel in sorted(here, key=lambda one: (not one.waits, -one.place)):
            pieces = min(wanted, left[parcel.shipment_id].get(line.sku, 0))
            if pieces:
                take.append(TakeOut(parcel.shipment_id, line.sku, pieces))
                left[parcel.shipment_id][line.sku] -= pieces
                wanted -= pieces
        if wanted:
            there = line.quantity - wanted
            why = f"of {line.quantity} {line.sku} only {there} are still here" if there else f"no {line.sku} is here"
            return CancellationPlan(refusal=f"{why}: what has left can only be returned")
    stop = tuple(key for key, pieces in left.items() if not any(pieces.values()))
    return CancellationPlan(stop, tuple(one for one in take if one.shipment_id not in stop))


@dataclass(frozen=True, slots=True)
class PlanCancellation:
    """Which parcels do these lines come out of?"""

    tenant: str
    order_number: str
    lines: tuple[CartLine, ...]


@dataclass(frozen=True, slots=True)
class CancelPieces:
    """Cancel all that is in `stopped` parcels, which stay for certain, and what is to be taken out of others."""

    tenant: str
    order_number: str
    cancellation_id: str
    fingerprint: str
    actor: str
    reason: str
    stopped: tuple[str, ...] = ()
    take: tuple[TakeOut, ...] = ()


@dataclass(frozen=True, slots=True)
class PiecesCancelled:
    """SKU → pieces that are cancelled by it, and what goes back of captured money, in minor units."""

    lines: dict[str, int] = field(default_factory=dict)
    refund_minor: int = 0


@dataclass(frozen=True, slots=True)
class ReleaseRest:
    """What is held and no parcel needs any more goes back to the customer, if there is such."""

    tenant: str
    order_number: str
