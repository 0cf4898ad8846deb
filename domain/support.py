"""What a person may do to an order and its parcels, and why not: one table for the API, the command, support's page,
the workflows' validators and the documentation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from domain.states import CHECKOUT_MOVES, CheckoutState, OrderState, ShipmentState, is_terminal


class Trouble(StrEnum):
    """What a parcel calls a person for. `unknown`: an outsider's answer, which is asked for again each hour."""

    LABEL = "label"
    STOCK = "stock"
    AUTHORIZATION = "authorization"
    CAPTURE = "capture"
    UNKNOWN = "unknown"
    EXCEPTION = "exception"
    LATE = "late"
    SILENCE = "silence"
    ENDED = "ended"


class Resolution(StrEnum):
    """What is decided for a parcel that is lost, comes back, or is in trouble on its way."""

    RESHIP = "reship"
    REFUND = "refund"
    WAIT = "wait"


LASTING = frozenset({Trouble.LABEL, Trouble.CAPTURE})
"""What waits for `retry` still waits when a person has seen to the order."""

HERE = frozenset({ShipmentState.PENDING, ShipmentState.LABEL_BOUGHT})
"""It has not left us."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why something is refused: a code that stays, and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ParcelFacts:
    """A parcel, as far as acts depend on it. `left`: the carrier has it, whatever our books say."""

    shipment_id: str
    state: ShipmentState
    trouble: Trouble | None = None
    waits: bool = False
    held: str | None = None
    left: bool = False
    resolved: bool = False
    """It was sent again, or paid back."""
    settled: bool = False
    """A person has said how it ended, and that is being written down."""

    @property
    def label_failed(self) -> bool:
        """No label could be bought, and a person is waited for; by now perhaps for the authorization as well."""
        called = self.trouble in (Trouble.LABEL, Trouble.AUTHORIZATION)
        return called and self.state is ShipmentState.PENDING and not self.waits

    @property
    def without_label(self) -> bool:
        """None is bought, nor being bought: it waits for its stock, or for a person."""
        return self.state is ShipmentState.PENDING and (self.waits or self.label_failed)


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order, as far as acts depend on it. `here`: something of it has not left. `calls`: somebody is needed."""

    number: str
    state: OrderState
    here: bool
    calls: bool = False
    held: str | None = None
    cancelling: bool = False
    ended: bool = False
    lapsed: bool = False
    """Nothing is held of the customer's money any more, and none was taken."""
    parcels: tuple[ParcelFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckoutFacts:
    """A checkout, as far as support's acts depend on it. `over`: its reservation's time is up.

    `extendable_seconds`: so much longer support may have the stock held, all in all.
    """

    state: CheckoutState
    over: bool = False
    extendable_seconds: int = 0


Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Act(Generic[Facts]):
    """Something a person may do. Its name is that of the workflow's update, of the route and of the command.

    `does` and `when` are for the documentation; `codes` are all that `refusal` may answer with.
    """

    name: str
    does: str
    when: str
    refusal: Callable[[Facts], Why | None]
    codes: tuple[str, ...]
    takes: tuple[str, ...] = ()
    """What is said with it, beside who and why."""
    signed: bool = True
    """Who it is, and why, must be said."""

    @property
    def help(self) -> str:
        """What it does and when it is allowed, in two sentences."""
        return f"{self.does[0].upper()}{self.does[1:]}. Allowed {self.when}; else it is refused with the reason."

    @property
    def takes_reason_only(self) -> bool:
        """Nothing is said with it but who and why."""
        return not self.takes

    @property
    def path(self) -> str:
        """The last part of its route, and its command."""
        return self.name.replace("_", "-")


def possible(acts: Sequence[Act[Facts]], facts: Facts) -> tuple[str, ...]:
    """The names of the acts that would not be refused now, in the order of the table."""
    return tuple(act.name for act in acts if act.refusal(facts) is None)


def refusal_of(acts: Sequence[Act[Facts]], name: str, facts: Facts) -> Why | None:
    """Why the act of this name is refused now; None: it is not. Raises `StopIteration` for an act that is not there."""
    return next(act for act in acts if act.name == name).refusal(facts)


def _ended(order: OrderFacts) -> Why | None:
    if order.ended or order.state in (OrderState.CLOSED, OrderState.CANCELLED):
        return Why("already_ended", f"order {order.number} has ended; nothing can be done to it")
    return None


def _gone(order: OrderFacts, what: str) -> Why | None:
    if order.state not in (OrderState.PLACED, OrderState.SHIPPED) or not order.here:
        how = "leaving" if order.state is OrderState.PLACED else order.state
        return Why("already_shipped", f"order {order.number} is {how}: {what}")
    return None


def _cancelling(order: OrderFacts) -> Why | None:
    if order.cancelling:
        return Why("already_cancelling", f"order {order.number} is being cancelled")
    return None


def _cancel(order: OrderFacts) -> Why | None:
    return _ended(order) or _gone(order, "it can no longer be cancelled, only returned") or _cancelling(order)


def _hold(order: OrderFacts) -> Why | None:
    if ended := _ended(order):
        return ended
    if order.held is not None:
        return Why("already_held", f"it is held already: {order.held}")
    return _cancelling(order) or _gone(order, "nothing of it is here any more")


def _release(order: OrderFacts) -> Why | None:
    if ended := _ended(order):
        return ended
    return None if order.held is not None else Why("not_held", "this order is not held")


def _change_address(order: OrderFacts) -> Why | None:
    if why := _ended(order) or _gone(order, "its address can no longer be changed") or _cancelling(order):
        return why
    if all(one.state is ShipmentState.CANCELLED or one.without_label for one in order.parcels):
        return None
    return Why(
        "label_bought",
        "a label is bought for a parcel of this order, or is being bought: cancel it and have the customer order again",
    )


def _retry_payment(order: OrderFacts) -> Why | None:
    if ended := _ended(order):
        return ended
    refused = [one for one in order.parcels if one.trouble is Trouble.CAPTURE]
    if refused and all(_held(one) for one in refused):
        return _held(refused[0])
    if refused or order.lapsed or any(one.trouble is Trouble.AUTHORIZATION for one in order.parcels):
        return None
    return Why("nothing_to_retry", "no payment of this order was refused, and none lapses")


def resolvable(parcel: ParcelFacts) -> bool:
    """Whether a person must decide what becomes of it. Of one that is not paid for, the money is seen to first."""
    if parcel.trouble is Trouble.CAPTURE:
        return False
    if parcel.state is ShipmentState.HANDED_OVER:
        return parcel.trouble in (Trouble.EXCEPTION, Trouble.SILENCE)
    return parcel.state in (ShipmentState.LOST, ShipmentState.RETURNED_TO_SENDER) and not parcel.resolved


def _resolve(order: OrderFacts) -> Why | None:
    if ended := _ended(order):
        return ended
    if any(resolvable(one) for one in order.parcels):
        return None
    return Why("nothing_to_resolve", "no parcel of this order is lost, comes back, or is in trouble on its way")


def _held(parcel: ParcelFacts) -> Why | None:
    if parcel.held is not None and not parcel.left:
        return Why("held", f"this parcel's order is held: {parcel.held}")
    return None


def _acknowledge(order: OrderFacts) -> Why | None:
    if ended := _ended(order):
        return ended
    return None if order.calls else Why("nothing_to_acknowledge", f"order {order.number} needs nobody")


ORDER_ACTS: tuple[Act[OrderFacts], ...] = (
    Act(
        "cancel",
        "what has not left, or so many pieces of it: labels are voided, money goes back, stock is free",
        "until it has left",
        _cancel,
        ("already_ended", "already_shipped", "already_cancelling"),
        takes=("lines",),
    ),
    Act(
        "hold",
        "nothing that is still here is handed over; a hand-over that has begun is not stopped, and the authorization"
        " goes on running out",
        "while something is here, and it is not held",
        _hold,
        ("already_ended", "already_held", "already_shipped", "already_cancelling"),
    ),
    Act("release", "what was held may leave", "while it is held", _release, ("already_ended", "not_held")),
    Act(
        "change_address",
        "it goes to another address of the same country and region, and a label that could not be bought is tried"
        " again",
        "while no label is bought or being bought: a parcel waits for its stock, or its label failed",
        _change_address,
        ("already_ended", "already_shipped", "already_cancelling", "label_bought", "total_would_change"),
        takes=("address",),
    ),
    Act(
        "retry_payment",
        "captures again what was refused, and authorizes anew what lapses, both on the card that the customer let us"
        " keep",
        "while a capture is refused, or an authorization lapses or has",
        _retry_payment,
        ("already_ended", "nothing_to_retry", "held"),
    ),
    Act(
        "resolve",
        "what becomes of a parcel (`how`): `reship` sends the same again out of new stock and charges nothing; `refund`"
        " pays its share back; `wait` calls a person again at `until`. One that is still on its way is taken for lost"
        " by the first two",
        "while a parcel is lost, comes back, is silent, or its carrier reports trouble",
        _resolve,
        ("already_ended", "nothing_to_resolve", "not_in_order", "no_date", "no_stock", "not_paid"),
        takes=("parcel", "how", "until"),
    ),
    Act(
        "acknowledge",
        "says what was done; the flag goes away, on its parcels too, and a waiting order goes on",
        "while somebody is needed",
        _acknowledge,
        ("already_ended", "nothing_to_acknowledge"),
    ),
    Act("note", "a line in the timeline, nothing else", "until the order has ended", _ended, ("already_ended",)),
)
"""An order's acts, in the order in which support reads them."""


def act_of(name: str) -> Act[OrderFacts]:
    """The order's act of this name. Raises `StopIteration` when there is none."""
    return next(act for act in ORDER_ACTS if act.name == name)


def parcel_act_of(name: str) -> Act[ParcelFacts]:
    """A parcel's. Raises `StopIteration` when there is none."""
    return next(act for act in PARCEL_ACTS if act.name == name)


def _retry(parcel: ParcelFacts) -> Why | None:
    if parcel.trouble not in (Trouble.CAPTURE, Trouble.UNKNOWN, Trouble.SILENCE) and not parcel.label_failed:
        return Why("nothing_to_retry", "nothing has failed")
    if parcel.trouble is Trouble.CAPTURE:
        return _held(parcel)
    return None


def _settle(parcel: ParcelFacts) -> Why | None:
    if parcel.state is not ShipmentState.HANDED_OVER or parcel.settled:
        return Why("not_on_its_way", "this parcel is not on its way")
    return None


PARCEL_ACTS: tuple[Act[ParcelFacts], ...] = (
    Act(
        "retry",
        "tries the failed label or capture again, or asks the carrier again; a refused capture first on a new"
        " authorization, if the customer let us keep the card",
        "while it waits for that",
        _retry,
        ("nothing_to_retry", "held"),
        signed=False,
    ),
    Act(
        "settle",
        "ends a parcel of which its carrier says nothing more: `delivered`, `lost` or `returned_to_sender`",
        "while it is on its way",
        _settle,
        ("not_on_its_way",),
        takes=("state",),
    ),
)
"""A parcel's acts. What the warehouse says of it, and asks at the dock, is not among them."""


def _extend(checkout: CheckoutFacts) -> Why | None:
    if is_terminal(CHECKOUT_MOVES, checkout.state):
        return Why("already_ended", f"this checkout is {checkout.state}")
    if checkout.state is not CheckoutState.AWAITING_PAYMENT:
        return Why("not_awaiting_payment", "this checkout is not waiting for a payment")
    if checkout.over:
        return Why("reservation_over", "its time is up: the payment is being looked at for the last time")
    return refuse_longer(checkout, 1)


def refuse_longer(checkout: CheckoutFacts, seconds: int) -> Why | None:
    """Why the stock is not held so many seconds longer: that would be past the limit."""
    if 1 <= seconds <= checkout.extendable_seconds:
        return None
    return Why("extension_limit", f"it can be extended by {checkout.extendable_seconds} seconds more, and no longer")


CHECKOUT_ACTS: tuple[Act[CheckoutFacts], ...] = (
    Act(
        "extend_reservation",
        "the stock is held so many seconds longer, in the table and in the workflow alike",
        "while it waits for the shopper, up to `MILEPOST_RESERVATION_EXTENSION_LIMIT` in all",
        _extend,
        ("already_ended", "not_awaiting_payment", "reservation_over", "extension_limit"),
        takes=("seconds",),
    ),
)
"""What support does to a checkout. That the shopper confirms it or gives it up is not among them."""
