"""What of an order is in which parcel, and what each parcel costs: shares that add up to the last unit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from domain.money import allocate, portion


@dataclass(frozen=True, slots=True)
class Reserved:
    """So many of a SKU at a location are the order's; `backordered` of them are not there yet."""

    location_id: str
    sku: str
    quantity: int
    backordered: int = 0


@dataclass(frozen=True, slots=True)
class LineTotal:
    """A line of the order: pieces, and what they cost in minor units."""

    sku: str
    quantity: int
    gross_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one parcel has of a line: pieces of which some are cancelled, and what all of them cost."""

    sku: str
    quantity: int
    gross_minor: int
    tax_minor: int
    cancelled: int = 0

    @property
    def left(self) -> int:
        """Pieces that are still to go, or went."""
        return self.quantity - self.cancelled

    @property
    def due_minor(self) -> int:
        """What the pieces that are not cancelled cost."""
        return self.gross_minor - portion(self.gross_minor, self.cancelled, self.quantity)

    def without(self, pieces: int) -> "Part":
        """With so many pieces more cancelled."""
        return replace(self, cancelled=self.cancelled + pieces)


@dataclass(frozen=True, slots=True)
class PlannedContents:
    """What a parcel will hold; `waits`: for stock that is not there yet."""

    location_id: str
    waits: bool
    parts: tuple[Part, ...]


def plan_parcels(lines: Sequence[LineTotal], reserved: Iterable[Reserved]) -> tuple[PlannedContents, ...]:
    """One parcel a location, and one a location for what is not there yet; those that can go come first.

    A line's money is split over its parcels by pieces, conserving it. Raises `ValueError` when what is reserved is
    not what was ordered.
    """
    pieces: dict[tuple[bool, str], dict[str, int]] = {}
    for one in reserved:
        for waits, quantity in ((False, one.quantity - one.backordered), (True, one.backordered)):
            if quantity:
                pieces.setdefault((waits, one.location_id), {})[one.sku] = quantity
    places = sorted(pieces)
    parts: dict[tuple[bool, str], list[Part]] = {place: [] for place in places}
    for line in lines:
        holding = [place for place in places if line.sku in pieces[place]]
        quantities = [pieces[place][line.sku] for place in holding]
        if sum(quantities) != line.quantity:
            raise ValueError(f"{sum(quantities)} of {line.sku} are reserved, {line.quantity} were ordered")
        grosses = allocate(line.gross_minor, quantities)
        taxes = allocate(line.tax_minor, grosses)  # of what is paid, so that no share is more tax than price
        for place, quantity, gross, tax in zip(holding, quantities, grosses, taxes, strict=True):
            parts[place].append(Part(line.sku, quantity, gross, tax))
    return tuple(PlannedContents(location, waits, tuple(parts[waits, location])) for waits, location in places)


@dataclass(frozen=True, slots=True)
class ParcelShare:
    """A parcel's money in minor units: its pieces, the shipping if it carries that, less what the dock left out.

    `paid_minor`: what was captured for it; None: nothing yet. `here`: it has not left and is not cancelled.
    """

    shipment_id: str
    parts: tuple[Part, ...]
    shipping_minor: int = 0
    waived_minor: int = 0
    paid_minor: int | None = None
    here: bool = True
    cancelled: bool = False

    @property
    def goods_minor(self) -> int:
        """What its pieces cost, without those that are cancelled."""
        return sum(part.due_minor for part in self.parts)

    @property
    def due_minor(self) -> int:
        """What it costs."""
        return self.goods_minor + self.shipping_minor - self.waived_minor

    @property
    def to_pay(self) -> bool:
        """It will have to be paid, and is not."""
        return not self.cancelled and self.paid_minor is None


@dataclass(frozen=True, slots=True)
class Capture:
    """What to take as a parcel leaves. `final`: what is held beyond it goes back to the customer.

    `own_minor` is for this parcel, with `shipping_minor` in it; what the dock left out is `waived_minor`.
    """

    amount_minor: int
    final: bool
    own_minor: int
    shipping_minor: int
    waived_minor: int


def plan_capture(
    parcels: Sequence[ParcelShare],
    leaving: str,
    *,
    shipping_minor: int,
    several: bool,
    at_most: int | None = None,
) -> Capture:
    """What is captured as `leaving` leaves: its own share where the card can be captured in `several` parts, else all.

    The first parcel to leave carries the shipping. `at_most`: the dock says that something is missing.
    """
    own = next(one for one in parcels if one.shipment_id == leaving)
    others = [one for one in parcels if one.shipment_id != leaving and one.to_pay and one.due_minor]
    carried = any(one.shipping_minor for one in parcels if one is not own and not one.cancelled)
    own = replace(own, shipping_minor=0 if carried else shipping_minor, waived_minor=0)
    due = own.due_minor
    taken = due if at_most is None else min(at_most, due)
    final = not (several and others)
    rest = 0 if several else sum(one.due_minor for one in others)
    return Capture(taken + rest, final, taken, own.shipping_minor, due - taken)


def most_for(parcels: Sequence[ParcelShare], leaving: str, shipping_minor: int) -> int:
    """The most that can be captured for a parcel as it leaves: its own share, with the shipping if it is the first."""
    return plan_capture(parcels, leaving, shipping_minor=shipping_minor, several=True).own_minor


def book_capture(parcels: Sequence[ParcelShare], leaving: str, new_minor: int) -> dict[str, int]:
    """For which parcels newly captured money counts: for the one that leaves, and what is beyond it for the others.

    Only parcels whose share is there in full are paid by it.
    """
    own = next(one for one in parcels if one.shipment_id == leaving)
    booked = {own.shipment_id: min(own.due_minor, new_minor)} if own.paid_minor is None else {}
    left = new_minor - sum(booked.values())
    for one in parcels:
        if one is not own and one.to_pay and one.due_minor <= left:
            booked[one.shipment_id] = one.due_minor
            left -= one.due_minor
    return booked
