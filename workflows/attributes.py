"""The search attributes support filters by, typed. Set at the start, updated rarely: each upsert is billed."""

from collections.abc import Iterable

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from domain.orders import OrderInput

TENANT = SearchAttributeKey.for_keyword("Tenant")
ORDER_NUMBER = SearchAttributeKey.for_keyword("OrderNumber")
CUSTOMER_ID = SearchAttributeKey.for_keyword("CustomerId")
STAGE = SearchAttributeKey.for_keyword("Stage")
CARRIER = SearchAttributeKey.for_keyword("Carrier")
TRACKING_NUMBER = SearchAttributeKey.for_keyword("TrackingNumber")
CURRENCY = SearchAttributeKey.for_keyword("Currency")
SKUS = SearchAttributeKey.for_keyword_list("Skus")
NEEDS_ATTENTION = SearchAttributeKey.for_bool("NeedsAttention")
TOTAL_MINOR = SearchAttributeKey.for_int("TotalMinor")

ALL = (
    TENANT, ORDER_NUMBER, CUSTOMER_ID, STAGE, CARRIER, TRACKING_NUMBER, CURRENCY, SKUS, NEEDS_ATTENTION, TOTAL_MINOR,
)  # fmt: skip


VALUE_BYTES = 2048
"""What the server takes for one attribute (its `limit.searchAttributesSizeOfValueLimit`)."""


def _that_fit(skus: Iterable[str]) -> list[str]:
    """As many SKUs as one attribute takes, as JSON; fifty long ones are more, and an order is not refused for that."""
    kept, size = [], len("[]")
    for sku in skus:
        size += len(sku.encode()) + len('"",')
        if size > VALUE_BYTES:
            break
        kept.append(sku)
    return kept


def of_checkout(tenant: str, customer_id: str, currency: str, skus: list[str]) -> TypedSearchAttributes:
    """What is known of a checkout when it begins."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT, tenant),
            SearchAttributePair(CUSTOMER_ID, customer_id),
            SearchAttributePair(CURRENCY, currency),
            SearchAttributePair(SKUS, _that_fit(skus)),
            SearchAttributePair(STAGE, "checkout"),
            SearchAttributePair(NEEDS_ATTENTION, False),
        ]
    )


def of_membership(tenant: str, customer_id: str, currency: str) -> TypedSearchAttributes:
    """What is known of a membership when a customer joins."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT, tenant),
            SearchAttributePair(CUSTOMER_ID, customer_id),
            SearchAttributePair(CURRENCY, currency),
            SearchAttributePair(STAGE, "joining"),
            SearchAttributePair(NEEDS_ATTENTION, False),
        ]
    )


def of_erasure(tenant: str, customer_id: str) -> TypedSearchAttributes:
    """What is known of a customer's wish to be forgotten."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT, tenant),
            SearchAttributePair(CUSTOMER_ID, customer_id),
            SearchAttributePair(STAGE, "erasing"),
            SearchAttributePair(NEEDS_ATTENTION, False),
        ]
    )


def of_order(order: OrderInput) -> TypedSearchAttributes:
    """What is known of an order when it is placed."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT, order.tenant),
            SearchAttributePair(ORDER_NUMBER, order.order_number),
            SearchAttributePair(CUSTOMER_ID, order.customer_id),
            SearchAttributePair(CURRENCY, order.currency),
            SearchAttributePair(TOTAL_MINOR, order.total_minor),
            SearchAttributePair(SKUS, _that_fit(order.skus)),
            SearchAttributePair(STAGE, "placed"),
            SearchAttributePair(NEEDS_ATTENTION, False),
        ]
    )


def of_shipment(tenant: str, order_number: str, stage: str = "packing") -> TypedSearchAttributes:
    """What is known of a parcel before it has a label."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT, tenant),
            SearchAttributePair(ORDER_NUMBER, order_number),
            SearchAttributePair(STAGE, stage),
            SearchAttributePair(NEEDS_ATTENTION, False),
        ]
    )


def beside_order(tenant: str, order_number: str | None, stage: str) -> TypedSearchAttributes:
    """What is known of a refund or a dispute when it begins."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT, tenant),
            *([SearchAttributePair(ORDER_NUMBER, order_number)] if order_number else []),
            SearchAttributePair(STAGE, stage),
            SearchAttributePair(NEEDS_ATTENTION, False),
        ]
    )
