"""Which e-mails there are, how long one is tried, and what becomes of it."""

from enum import StrEnum


class Milestone(StrEnum):
    """What a customer is told of by e-mail. Which event causes which is in the database: `mail_of`."""

    ORDER_PLACED = "order_placed"
    PAYMENT_ACTION = "payment_action"
    PARCEL_HANDED_OVER = "parcel_handed_over"
    OUT_FOR_DELIVERY = "out_for_delivery"
    READY_FOR_PICKUP = "ready_for_pickup"
    PARCEL_DELAYED = "parcel_delayed"
    PARCEL_EXCEPTION = "parcel_exception"
    PARCEL_DELIVERED = "parcel_delivered"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_PARTLY_CANCELLED = "order_partly_cancelled"
    REFUNDED = "refunded"
    STOCK_DELAYED = "stock_delayed"
    RETURN_LABEL = "return_label"
    RETURN_RECEIVED = "return_received"
    RETURN_REJECTED = "return_rejected"
    MEMBER_JOINED = "member_joined"
    MEMBER_RENEWED = "member_renewed"
    MEMBER_NOT_PAID = "member_not_paid"
    MEMBER_ENDING = "member_ending"
    MEMBER_CANCELLED = "member_cancelled"
    MEMBER_LAPSED = "member_lapsed"


PATIENCE_SECONDS = 3 * 86_400
"""So long after its milestone a mail is still tried; then it has failed, and support sees it."""

_FIRST_PAUSE, _LONGEST_PAUSE = 30, 3600


def pause_seconds(attempts: int) -> int:
    """How long until the next try, after so many: 30 s doubling to an hour."""
    return min(_FIRST_PAUSE << min(max(attempts - 1, 0), 10), _LONGEST_PAUSE)
