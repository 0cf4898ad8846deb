"""Returns: what a policy says of one, what the pieces are worth, and the messages around the process."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.line_shares import Share, SoldLine, share_of
from domain.parcels import Label
from domain.shipments import AnotherParcel, Booking
from domain.states import ReturnState


class ReturnReason(StrEnum):
    """Why something comes back."""

    CHANGED_MIND = "changed_mind"
    WRONG_SIZE = "wrong_size"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    NOT_AS_DESCRIBED = "not_as_described"


class ExchangeState(StrEnum):
    """Where what a customer wants instead is. `none_left`: it is refunded. `released`: it is not sent after all."""

    ASKED = "asked"
    RESERVED = "reserved"
    NONE_LEFT = "none_left"
    SENT = "sent"
    RELEASED = "released"


OUR_FAULT = frozenset({ReturnReason.DAMAGED, ReturnReason.WRONG_ITEM, ReturnReason.NOT_AS_DESCRIBED})
"""Nobody pays for our mistake: with one of these the label is free of charge, whatever the policy says."""


class ShippingBack(StrEnum):
    """When what was paid for the shipping to the customer goes back."""

    NEVER = "never"
    WITH_THE_LAST = "with_the_last"
    """With the return that brings back the last piece of the order: who gives all back has paid for nothing."""


class Payer(StrEnum):
    """Who pays for the label of a return that is not our fault."""

    SHOP = "shop"
    CUSTOMER = "customer"


class Unaccepted(StrEnum):
    """What becomes of pieces that the inspection does not accept."""

    SENT_BACK = "sent_back"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class ReturnPolicy:
    """All that may vary, read once when a return is asked for. Amounts are minor units of the order's currency.

    Approved by itself is a return worth at most `approve_up_to_minor`, or one for reasons that are all among
    `approve_reasons`; for any other a person decides.
    """

    window_seconds: int
    send_within_seconds: int
    inspect_within_seconds: int
    approve_up_to_minor: int
    approve_reasons: tuple[ReturnReason, ...]
    shipping: ShippingBack
    label: Payer
    unaccepted: Unaccepted


def approves(policy: ReturnPolicy, worth_minor: int, reasons: Collection[ReturnReason]) -> bool:
    """Whether the policy lets it come back without asking a person."""
    return worth_minor <= policy.approve_up_to_minor or set(reasons) <= set(policy.approve_reasons)


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """So many pieces of a SKU out of a parcel come back, and why; and which SKU the customer wants for them instead."""

    shipment_id: str
    sku: str
    quantity: int
    reason: ReturnReason
    exchange_for: str | None = None


@dataclass(frozen=True, slots=True)
class Inspected:
    """What the pieces of a line turned out to be: for sale again, damaged but accepted, or not accepted."""

    shipment_id: str
    sku: str
    restock: int = 0
    damaged: int = 0
    rejected: int = 0

    @property
    def accepted(self) -> int:
        """Pieces that are paid back."""
        return self.restock + self.damaged

    @property
    def all(self) -> int:
        """Pieces that were looked at."""
        return self.restock + self.damaged + self.rejected


def misfit(lines: Sequence[ReturnLine], inspected: Sequence[Inspected]) -> str | None:
    """Why an inspection does not answer for each piece of each line exactly once; None when it does."""
    wanted = {(one.shipment_id, one.sku): one.quantity for one in lines}
    told = {(one.shipment_id, one.sku): one.all for one in inspected}
    if len(told) < len(inspected):
        return "a line is named twice"
    for (parcel, sku), quantity in wanted.items():
        seen = told.pop((parcel, sku), 0)
        if seen != quantity:
            return f"{quantity} x {sku} came back, {seen} were inspected"
    return f"no {next(iter(told))[1]} is in this return" if told else None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A line of a parcel as it was delivered: pieces that were `cancelled` before it left, or paid back since."""

    shipment_id: str
    sku: str
    quantity: int
    gross_minor: int
    tax_minor: int
    cancelled: int
    paid_back: int

    @property
    def left(self) -> int:
        """Pieces that the customer has paid for, and not been paid back."""
        return self.quantity - self.cancelled - self.paid_back

    def worth(self, pieces: int) -> Share:
        """What the next `pieces` of it are worth: all together they come to what was paid, to the last minor unit."""
        line = SoldLine(self.quantity, self.gross_minor - self.tax_minor, self.tax_minor)
        return share_of(line, self.cancelled + self.paid_back, pieces)


def swap(price: SoldLine, accepted: int, back: Share) -> Share:
    """What goes out for so many accepted pieces, out of what all of the line cost when the exchange was asked for.

    Never more than came back: a minor unit of rounding is the shop's. What it is less is refunded.
    """
    out = share_of(price, 0, accepted)
    return out if out.gross_minor <= back.gross_minor else back


@dataclass(frozen=True, slots=True)
class PaidBack:
    """What goes back for a return, in minor units: goods and shipping, less what the label costs the customer."""

    goods_minor: int
    shipping_minor: int
    label_minor: int

    @property
    def refund_minor(self) -> int:
        """What is refunded."""
        return self.goods_minor + self.shipping_minor - self.label_minor


def settle(
    policy: ReturnPolicy,
    *,
    goods_minor: int,
    shipping_minor: int,
    is_last: bool,
    label_minor: int,
    reasons: Collection[ReturnReason],
    refundable_minor: int,
) -> PaidBack:
    """What goes back by this policy, never more than is `refundable_minor`, and never less than nothing.

    `is_last`: nothing of the order stays with the customer. `label_minor`: what the label cost, 0 if it is not to be
    compared with the order's currency.
    """
    shipping = shipping_minor if is_last and policy.shipping is ShippingBack.WITH_THE_LAST else 0
    goods = min(goods_minor, refundable_minor)
    shipping = min(shipping, refundable_minor - goods)
    free = policy.label is Payer.SHOP or bool(set(reasons) & OUR_FAULT)
    return PaidBack(goods, shipping, 0 if free else min(label_minor, goods + shipping))


@dataclass(frozen=True, slots=True)
class ReturnInput:
    """What somebody asks to send back. `fingerprint` is that of the request."""

    tenant: str
    return_id: str
    fingerprint: str
    order_number: str
    payment_id: str
    currency: str
    lines: tuple[ReturnLine, ...]
    actor: str
    note: str
    policy: ReturnPolicy


@dataclass(frozen=True, slots=True)
class ReturnRefusal:
    """Why nothing may be sent back: a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ReturnRequested:
    """Written down, with what its pieces are worth in minor units; or refused."""

    worth_minor: int = 0
    refusal: ReturnRefusal | None = None


@dataclass(frozen=True, slots=True)
class ReturnAct:
    """Somebody moves a return on: who and why. `state` is where it goes."""

    actor: str
    reason: str
    state: ReturnState | None = None


@dataclass(frozen=True, slots=True)
class MoveReturn:
    """Write down where a return is, who moved it and why; `due_seconds` from now the next thing is to have happened."""

    tenant: str
    return_id: str
    state: ReturnState
    actor: str
    note: str
    due_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class AboutReturn:
    """A return, and nothing else to say."""

    tenant: str
    return_id: str


@dataclass(frozen=True, slots=True)
class RecordReturnBooking:
    """What is about to be bought, so that it can be looked for."""

    tenant: str
    return_id: str
    booking: Booking


@dataclass(frozen=True, slots=True)
class RecordReturnLabel:
    """The label with which the customer sends it back."""

    tenant: str
    return_id: str
    label: Label


@dataclass(frozen=True, slots=True)
class InspectReturn:
    """The warehouse has looked at all that came."""

    tenant: str
    return_id: str
    actor: str
    lines: tuple[Inspected, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class SettleReturn:
    """Work out, once, what goes back."""

    tenant: str
    return_id: str
    policy: ReturnPolicy


@dataclass(frozen=True, slots=True)
class ReturnSettled:
    """What is to be refunded, in minor units, under which id; and pieces that were not accepted."""

    refund_id: str
    refund_minor: int
    rejected: int
    accepted: int
    parcel: AnotherParcel | None = None
    """What goes out instead, written down and with its stock set aside."""


@dataclass(frozen=True, slots=True)
class ReturnAnswer:
    """How a return stands, for those who asked."""

    return_id: str
    fingerprint: str
    state: ReturnState | None
    refusal: ReturnRefusal | None = None
