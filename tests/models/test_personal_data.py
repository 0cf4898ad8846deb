"""Every column that can hold text is decided on: personal, and then erased and handed out, or not. A new one fails here
first; and so does a new table that leads to a customer."""

import importlib
import pkgutil
from collections.abc import Collection

import sqlalchemy as sa

import models
from models.base import Base
from models.customer_data import ABOUT, WITHHELD, withheld
from models.erasure import PERSONAL

NOT_PERSONAL = {
    "access_tokens": "token_hash key_id scopes",
    "api_keys": "key_hash key_id name scopes hint created_by made_under",
    "audit_log": "actor action target code request_id reason",
    "checkouts": "checkout_id reason reason_message quote customer_id shipping_method order_number given_number",
    "disputes": "dispute_id payment_id reason",
    "drifts": "drift_id rule subject intent_id payment_id expected found",
    "drop_claims": "checkout_id sku drop_id customer_id ticket_id",
    "drop_skus": "drop_id sku",
    "drop_tickets": "ticket_id drop_id sku customer_id checkout_id",
    "drops": "drop_id title early_access entitlement",
    "events": "checkout_id type message data",
    "inbox": "source event_id outcome",
    "kept_answers": "idempotency_key fingerprint headers",
    "ledger_entries": "posting_id",
    "ledger_postings": "posting_id payment_id written_by",
    "legal_moves": "machine state next_state",
    "locations": "location_id name address",
    "mails": "checkout_id part problem",
    "member_purchases": "checkout_id sku membership_id",
    "membership_periods": "membership_id tier_id payment_id",
    "membership_plans": "plan_id family name retry_seconds",
    "membership_prices": "plan_id tier_id",
    "membership_tiers": "plan_id tier_id name price_tier entitlements",
    "memberships": (
        "membership_id fingerprint customer_id family plan_id tier_id next_tier_id retry_seconds "
        "saved_customer saved_method attention_reason reason reason_message"
    ),
    "order_cancellations": "cancellation_id order_number actor reason fingerprint lines",
    "order_lines": "order_number sku title",
    "orders": "order_number checkout_id payment_id customer_id shipping_method attention_reason calls held_reason",
    "payment_operations": "payment_id idempotency_key reference provider_id error_code note",
    "payments": "payment_id checkout_id membership_id intent_id charge_id saved_customer saved_method",
    "persisted_queries": "sha256 document",
    "price_lists": "list_id name countries price_tier",
    "prices": "sku list_id",
    "product_media": "product_id url alt",
    "products": "product_id title description brand product_type tags attributes access written_by",
    "promotion_redemptions": "checkout_id code customer_id",
    "promotions": "code name skus products",
    "provider_customers": "customer_id",
    "rate_buckets": "key_id",
    "refund_requests": "refund_id order_number payment_id fingerprint actor note decided_by decision_note",
    "reservations": "checkout_id sku location_id",
    "return_lines": "return_id shipment_id sku exchange_for",
    "return_steps": "return_id actor note",
    "returns": (
        "return_id order_number fingerprint location_id actor note decided_by decision_note inspected_by refund_id "
        "exchange_location_id "
        "carrier carrier_shipment_id rate_id label_id label_url tracking_number tracking_url"
    ),
    "shipment_lines": "shipment_id sku order_number",
    "shipments": (
        "shipment_id order_number location_id carrier carrier_shipment_id rate_id label_id replaced_by "
        "tracking_number tracking_url label_url"
    ),
    "shipping_methods": "method name promise",
    "shipping_rates": "method",
    "staff_issuers": "issuer audience roles_claim",
    "staff_roles": "role scopes",
    "stock_adjustments": "idempotency_key fingerprint location_id sku reason",
    "stock_levels": "location_id sku",
    "stock_movements": "location_id sku cause",
    "storefront_origins": "origin",
    "tax_rates": "region tax_class",
    "tenants": "name",
    "tracking_events": "carrier event_id shipment_id carrier_code description location told_by",
    "variants": "sku title product_id options hs_code barcode tax_class",
    "watermarks": "source",
}
"""Ids, numbers of customers, SKUs, kinds, states, what shops say of their goods, and reasons that name nobody.

A customer's number stays: it is the shop's own, or a hash of the e-mail address, and orders are counted by it.
"""

NOT_HANDED_OUT = {
    "drifts": "the shop's own comparison with Stripe",
    "ledger_postings": "bookkeeping of payments that are told",
}
"""Tables that lead to a customer and are not told of, and why."""

LINKS = {
    "customer_id", "checkout_id", "order_number", "payment_id", "membership_id", "shipment_id", "return_id", "refund_id"
}  # fmt: skip
"""By one of these a row leads to somebody."""


def tables() -> Collection[sa.Table]:
    """All there are."""
    for found in pkgutil.iter_modules(models.__path__):
        if found.name != "migrations":
            importlib.import_module(f"models.{found.name}")
    return Base.metadata.tables.values()


def columns() -> set[str]:
    """Those of every table that can hold text, in whatever form. Enums and currencies cannot hold any."""
    free = (sa.Text, sa.String, sa.JSON, sa.LargeBinary, sa.ARRAY)
    return {
        f"{table.name}.{column.name}"
        for table in tables()
        for column in table.columns
        if isinstance(column.type, free)
        and not isinstance(column.type, sa.Enum | sa.CHAR)
        and column.name != "tenant_id"
    }


def test_every_column_that_can_hold_text_is_decided_on() -> None:
    decided = {f"{table}.{column}" for table, names in NOT_PERSONAL.items() for column in names.split()}
    assert not decided & PERSONAL.keys()
    assert columns() - decided - PERSONAL.keys() == set(), "personal (models/erasure.py) or not (here)?"
    assert (decided | PERSONAL.keys()) - columns() == set()


def test_every_table_that_leads_to_a_customer_is_handed_out_or_it_is_said_why_not() -> None:
    linked = {table.name for table in tables() if LINKS & {column.name for column in table.columns}}
    assert not ABOUT.keys() & NOT_HANDED_OUT.keys()
    assert linked == ABOUT.keys() | NOT_HANDED_OUT.keys(), "told (models/customer_data.py) or not (here)?"


def test_every_personal_column_is_handed_out_or_it_is_said_why_not() -> None:
    for name, personal in PERSONAL.items():
        table, _, column = name.partition(".")
        told = table == "inbox" or (table in ABOUT and column not in withheld(table))
        assert told is (personal.withheld is None), name


def test_only_columns_of_those_tables_are_withheld() -> None:
    there = {f"{table.name}.{column.name}" for table in tables() if table.name in ABOUT for column in table.columns}
    assert not WITHHELD.keys() - there
    assert not WITHHELD.keys() & PERSONAL.keys()
