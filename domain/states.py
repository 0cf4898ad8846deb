"""Each state machine as one table of its legal moves; the code and the database's trigger both read these tables."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class CheckoutState(StrEnum):
    """Where a checkout is."""

    OPEN = "open"
    AWAITING_PAYMENT = "awaiting_payment"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class PaymentState(StrEnum):
    """Where a payment's money is."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    LAPSED = "lapsed"
    CAPTURED = "captured"
    REFUNDED = "refunded"
    VOIDED = "voided"
    FAILED = "failed"


class OperationKind(StrEnum):
    """What is asked of the payment provider."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class OperationState(StrEnum):
    """What is known of an operation's outcome. `settling`: the provider has it and will say. `reversed`: it bounced."""

    PENDING = "pending"
    SETTLING = "settling"
    SUCCEEDED = "succeeded"
    REVERSED = "reversed"
    FAILED = "failed"


class DisputeState(StrEnum):
    """Where a customer's quarrel with a charge is. An inquiry moves no money yet."""

    INQUIRY = "inquiry"
    INQUIRY_CLOSED = "inquiry_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class LedgerAccount(StrEnum):
    """Where money is, or what became of it. Debits are positive, credits negative.

    `receivable`: the provider owes it to us. `captured`: customers paid it. `refunded`: it went back. `fees`: the
    provider kept it. `disputes`: withheld while a bank decides. `chargebacks`: a bank decided against us.
    """

    RECEIVABLE = "receivable"
    CAPTURED = "captured"
    REFUNDED = "refunded"
    FEES = "fees"
    DISPUTES = "disputes"
    CHARGEBACKS = "chargebacks"


class ReservationState(StrEnum):
    """Whose a unit of stock is: a checkout's for a while (held), an order's for good (allocated)."""

    HELD = "held"
    ALLOCATED = "allocated"
    SHIPPED = "shipped"
    RELEASED = "released"


class RedemptionState(StrEnum):
    """Whether a use of a promotion code counts: for a checkout (held), for its order (redeemed), or not any more."""

    HELD = "held"
    REDEEMED = "redeemed"
    RELEASED = "released"


class OrderState(StrEnum):
    """Where an order is."""

    PLACED = "placed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class ShipmentState(StrEnum):
    """Where a parcel is in our own process; the carrier's word on it is a tracking status."""

    PENDING = "pending"
    LABEL_BOUGHT = "label_bought"
    HANDED_OVER = "handed_over"
    DELIVERED = "delivered"
    RETURNED_TO_SENDER = "returned_to_sender"
    LOST = "lost"
    CANCELLED = "cancelled"


class MailState(StrEnum):
    """An e-mail to a customer. `moot`: as its time came, there was nothing to tell any more."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    MOOT = "moot"


class DropTicketState(StrEnum):
    """Where a customer's place in the line of a drop is. `granted`: a unit is kept for them for a while."""

    WAITING = "waiting"
    GRANTED = "granted"
    USED = "used"
    LAPSED = "lapsed"
    LEFT = "left"


class MovementKind(StrEnum):
    """Why a stock level changed. `backordered`: sold beyond what is there; negative: covered, or given up."""

    RECEIVED = "received"
    RESERVED = "reserved"
    RELEASED = "released"
    ALLOCATED = "allocated"
    SHIPPED = "shipped"
    RETURNED = "returned"
    ADJUSTED = "adjusted"
    BACKORDERED = "backordered"


class MembershipState(StrEnum):
    """Where a membership is. `pending`: its first period is not paid. `past_due`: the next one is due, and is not."""

    PENDING = "pending"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class PeriodState(StrEnum):
    """Whether a membership's period is paid. `written_off`: it never will be."""

    DUE = "due"
    PAID = "paid"
    WRITTEN_OFF = "written_off"


class ReturnState(StrEnum):
    """Where a return is. `expired`: nothing came in time. `rejected`: it was not accepted, before it came or after.
    `exchanged`: something else goes out for it, and what that costs less is paid back."""

    REQUESTED = "requested"
    APPROVED = "approved"
    LABEL_SENT = "label_sent"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    INSPECTED = "inspected"
    REFUNDED = "refunded"
    EXCHANGED = "exchanged"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class RefundRequestState(StrEnum):
    """Whether money may go back that nobody returned anything for. `failed`: it was allowed, and could not be done."""

    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    FAILED = "failed"


Moves = Mapping[StrEnum, frozenset[StrEnum]]


def _moves(table: dict[StrEnum, set[StrEnum]]) -> Moves:
    return MappingProxyType({state: frozenset(nexts) for state, nexts in table.items()})


CHECKOUT_MOVES = _moves(
    {
        CheckoutState.OPEN: {
            CheckoutState.AWAITING_PAYMENT,
            CheckoutState.COMPLETED,
            CheckoutState.FAILED,
            CheckoutState.EXPIRED,
            CheckoutState.CANCELLED,
        },
        CheckoutState.AWAITING_PAYMENT: {
            CheckoutState.COMPLETED,
            CheckoutState.FAILED,
            CheckoutState.EXPIRED,
            CheckoutState.CANCELLED,
        },
    }
)
PAYMENT_MOVES = _moves(
    {
        PaymentState.PENDING: {
            PaymentState.REQUIRES_ACTION,
            PaymentState.AUTHORIZED,
            PaymentState.CAPTURED,
            PaymentState.VOIDED,
            PaymentState.FAILED,
        },
        PaymentState.REQUIRES_ACTION: {
            PaymentState.AUTHORIZED,
            PaymentState.CAPTURED,
            PaymentState.VOIDED,
            PaymentState.FAILED,
        },
        PaymentState.AUTHORIZED: {PaymentState.CAPTURED, PaymentState.VOIDED, PaymentState.LAPSED},
        PaymentState.LAPSED: {PaymentState.AUTHORIZED, PaymentState.VOIDED},
        PaymentState.CAPTURED: {PaymentState.REFUNDED},
        PaymentState.REFUNDED: {PaymentState.CAPTURED},  # a refund bounced
    }
)
OPERATION_MOVES = _moves(
    {
        OperationState.PENDING: {OperationState.SETTLING, OperationState.SUCCEEDED, OperationState.FAILED},
        OperationState.SETTLING: {OperationState.SUCCEEDED, OperationState.FAILED},
        OperationState.SUCCEEDED: {OperationState.REVERSED},
    }
)
DISPUTE_MOVES = _moves(
    {
        DisputeState.INQUIRY: {
            DisputeState.INQUIRY_CLOSED,
            DisputeState.NEEDS_RESPONSE,
            DisputeState.UNDER_REVIEW,
            DisputeState.WON,
            DisputeState.LOST,
        },
        DisputeState.NEEDS_RESPONSE: {DisputeState.UNDER_REVIEW, DisputeState.WON, DisputeState.LOST},
        DisputeState.UNDER_REVIEW: {DisputeState.NEEDS_RESPONSE, DisputeState.WON, DisputeState.LOST},
    }
)
RESERVATION_MOVES = _moves(
    {
        ReservationState.HELD: {ReservationState.ALLOCATED, ReservationState.RELEASED},
        ReservationState.ALLOCATED: {ReservationState.SHIPPED, ReservationState.RELEASED},
    }
)
REDEMPTION_MOVES = _moves(
    {
        RedemptionState.HELD: {RedemptionState.REDEEMED, RedemptionState.RELEASED},
        RedemptionState.REDEEMED: {RedemptionState.RELEASED},  # the order was cancelled before it left
    }
)
ORDER_MOVES = _moves(
    {
        OrderState.PLACED: {OrderState.SHIPPED, OrderState.CANCELLED},
        OrderState.SHIPPED: {OrderState.DELIVERED},
        OrderState.DELIVERED: {OrderState.CLOSED},
    }
)
SHIPMENT_MOVES = _moves(
    {
        ShipmentState.PENDING: {ShipmentState.LABEL_BOUGHT, ShipmentState.CANCELLED},
        ShipmentState.LABEL_BOUGHT: {ShipmentState.HANDED_OVER, ShipmentState.CANCELLED},
        ShipmentState.HANDED_OVER: {
            ShipmentState.DELIVERED,
            ShipmentState.RETURNED_TO_SENDER,
            ShipmentState.LOST,
        },
    }
)
MEMBERSHIP_MOVES = _moves(
    {
        MembershipState.PENDING: {MembershipState.ACTIVE, MembershipState.FAILED, MembershipState.CANCELLED},
        MembershipState.ACTIVE: {MembershipState.PAST_DUE, MembershipState.CANCELLED},
        MembershipState.PAST_DUE: {MembershipState.ACTIVE, MembershipState.LAPSED, MembershipState.CANCELLED},
    }
)
PERIOD_MOVES = _moves({PeriodState.DUE: {PeriodState.PAID, PeriodState.WRITTEN_OFF}})

MAIL_MOVES = _moves(
    {
        MailState.PENDING: {MailState.SENT, MailState.FAILED, MailState.MOOT},
        MailState.FAILED: {MailState.PENDING},  # support has it tried again
    }
)
RETURN_MOVES = _moves(
    {
        ReturnState.REQUESTED: {ReturnState.APPROVED, ReturnState.REJECTED, ReturnState.CANCELLED},
        ReturnState.APPROVED: {
            ReturnState.LABEL_SENT,
            ReturnState.RECEIVED,
            ReturnState.EXPIRED,
            ReturnState.CANCELLED,
        },
        ReturnState.LABEL_SENT: {
            ReturnState.IN_TRANSIT,
            ReturnState.RECEIVED,
            ReturnState.EXPIRED,
            ReturnState.CANCELLED,
        },
        ReturnState.IN_TRANSIT: {ReturnState.RECEIVED, ReturnState.CANCELLED},
        ReturnState.RECEIVED: {ReturnState.INSPECTED},
        ReturnState.INSPECTED: {ReturnState.REFUNDED, ReturnState.EXCHANGED, ReturnState.REJECTED},
    }
)

REFUND_REQUEST_MOVES = _moves(
    {
        RefundRequestState.AWAITING_APPROVAL: {
            RefundRequestState.APPROVED,
            RefundRequestState.DECLINED,
            RefundRequestState.EXPIRED,
        },
        RefundRequestState.APPROVED: {RefundRequestState.FAILED},
    }
)
DROP_TICKET_MOVES = _moves(
    {
        DropTicketState.WAITING: {DropTicketState.GRANTED, DropTicketState.LEFT},
        DropTicketState.GRANTED: {DropTicketState.USED, DropTicketState.LAPSED, DropTicketState.LEFT},
        DropTicketState.USED: {DropTicketState.WAITING, DropTicketState.GRANTED},  # again; or the cart went no further
        DropTicketState.LAPSED: {DropTicketState.WAITING},
        DropTicketState.LEFT: {DropTicketState.WAITING},
    }
)

MACHINES: Mapping[str, tuple[type[StrEnum], Moves]] = MappingProxyType(
    {
        "checkouts": (CheckoutState, CHECKOUT_MOVES),
        "payments": (PaymentState, PAYMENT_MOVES),
        "payment_operations": (OperationState, OPERATION_MOVES),
        "disputes": (DisputeState, DISPUTE_MOVES),
        "reservations": (ReservationState, RESERVATION_MOVES),
        "promotion_redemptions": (RedemptionState, REDEMPTION_MOVES),
        "orders": (OrderState, ORDER_MOVES),
        "shipments": (ShipmentState, SHIPMENT_MOVES),
        "drop_tickets": (DropTicketState, DROP_TICKET_MOVES),
        "mails": (MailState, MAIL_MOVES),
        "memberships": (MembershipState, MEMBERSHIP_MOVES),
        "membership_periods": (PeriodState, PERIOD_MOVES),
        "returns": (ReturnState, RETURN_MOVES),
        "refund_requests": (RefundRequestState, REFUND_REQUEST_MOVES),
    }
)
"""Table name → its states and moves; the migration writes them into `legal_moves` for the trigger."""


def is_terminal(moves: Moves, state: StrEnum) -> bool:
    """Whether nothing follows this state."""
    return not moves.get(state)
