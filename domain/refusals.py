"""Why a shopper's request is refused: stable codes with a sentence that says what was wrong and what to do."""

from dataclasses import dataclass, field
from enum import StrEnum


class RefusalCode(StrEnum):
    """Stable codes; clients branch on them, so one is never renamed."""

    UNKNOWN_SKU = "unknown_sku"
    NOT_FOR_SALE = "not_for_sale"
    MEMBERS_ONLY = "members_only"
    UNSUPPORTED_CURRENCY = "unsupported_currency"
    UNSUPPORTED_COUNTRY = "unsupported_country"
    UNKNOWN_SHIPPING_METHOD = "unknown_shipping_method"
    TOTAL_MISMATCH = "total_mismatch"
    AMOUNT_TOO_LARGE = "amount_too_large"
    PROMOTION_UNKNOWN = "promotion_unknown"
    PROMOTION_EXPIRED = "promotion_expired"
    PROMOTION_EXHAUSTED = "promotion_exhausted"
    PROMOTION_ALREADY_USED = "promotion_already_used"
    PROMOTION_NOT_APPLICABLE = "promotion_not_applicable"
    PROMOTION_MINIMUM_NOT_MET = "promotion_minimum_not_met"
    PROMOTION_NOT_COMBINABLE = "promotion_not_combinable"
    OUT_OF_STOCK = "out_of_stock"
    DROP_NOT_OPEN = "drop_not_open"
    DROP_CLOSED = "drop_closed"
    DROP_NOT_ENTITLED = "drop_not_entitled"
    PURCHASE_LIMIT_REACHED = "purchase_limit_reached"
    CARD_DECLINED = "card_declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    PROCESSING_ERROR = "processing_error"
    AUTHENTICATION_REQUIRED = "authentication_required"
    AUTHENTICATION_FAILED = "authentication_failed"
    INVALID_PAYMENT_METHOD = "invalid_payment_method"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_NOT_CHARGEABLE = "amount_not_chargeable"
    PAYMENT_REJECTED = "payment_rejected"
    PAYMENT_UNAVAILABLE = "payment_unavailable"
    RESERVATION_EXPIRED = "reservation_expired"
    CANCELLED_BY_SHOPPER = "cancelled_by_shopper"
    CANCELLED_BY_SUPPORT = "cancelled_by_support"
    UNKNOWN_PLAN = "unknown_plan"
    ALREADY_A_MEMBER = "already_a_member"
    NOT_RENEWED = "not_renewed"
    NOTHING_CAPTURED = "nothing_captured"
    REFUND_EXCEEDS_CAPTURED = "refund_exceeds_captured"
    CHARGE_DISPUTED = "charge_disputed"
    REFUND_LIMIT_REACHED = "refund_limit_reached"
    REFUND_FAILED = "refund_failed"
    INTERNAL_FAULT = "internal_fault"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code, a sentence fit for a shopper, and facts for a program (for instance the SKUs that are short)."""

    code: RefusalCode
    message: str
    facts: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Carries a refusal up to where it is answered; raised by rules, never across an activity's border."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
