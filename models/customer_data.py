"""All that is held of one customer, to be handed to them (GDPR, articles 15 and 20).

What is told is whole rows: a column that is added is told, unless it is `WITHHELD` or `PERSONAL` says why not. Which
tables are somebody's is decided in `ABOUT`, and for every other one in `tests/models/test_personal_data.py`.
"""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from models.erasure import PERSONAL

Row = dict[str, Any]

_THEIRS = "customer_id = :customer"
_CHECKOUT = "checkout_id IN (SELECT checkout_id FROM checkouts WHERE customer_id = :customer)"
_ORDER = "order_number IN (SELECT order_number FROM orders WHERE customer_id = :customer)"
_MEMBERSHIP = "membership_id IN (SELECT membership_id FROM memberships WHERE customer_id = :customer)"
_PAYMENT = f"payment_id IN (SELECT payment_id FROM payments WHERE {_CHECKOUT} OR {_MEMBERSHIP})"  # noqa: S608  # no value is in it
_SHIPMENT = f"shipment_id IN (SELECT shipment_id FROM shipments WHERE {_ORDER})"  # noqa: S608  # no value is in it
_RETURN = f"return_id IN (SELECT return_id FROM returns WHERE {_ORDER})"  # noqa: S608  # no value is in it

ABOUT = {
    "checkouts": _THEIRS,
    "orders": _THEIRS,
    "order_lines": _ORDER,
    "order_cancellations": _ORDER,
    "shipments": _ORDER,
    "shipment_lines": _SHIPMENT,
    "tracking_events": _SHIPMENT,
    "returns": _ORDER,
    "return_lines": _RETURN,
    "return_steps": _RETURN,
    "payments": f"{_CHECKOUT} OR {_MEMBERSHIP}",
    "payment_operations": _PAYMENT,
    "refund_requests": _ORDER,
    "disputes": _PAYMENT,
    "memberships": _THEIRS,
    "membership_periods": _MEMBERSHIP,
    "member_purchases": _CHECKOUT,
    "promotion_redemptions": _THEIRS,
    "drop_claims": _THEIRS,
    "drop_tickets": _THEIRS,
    "reservations": _CHECKOUT,
    "mails": _CHECKOUT,
    "events": _CHECKOUT,
    "provider_customers": _THEIRS,
}
"""By what a row of a table is known to be about them; `inbox` is looked through besides."""

_COLLEAGUE = "somebody of the shop's, who has a right of their own"
WITHHELD = {
    "memberships.fingerprint": "a hash says nothing more",
    "order_cancellations.actor": _COLLEAGUE,
    "order_cancellations.fingerprint": "a hash says nothing more",
    "payment_operations.idempotency_key": "repeats a payment",
    "refund_requests.actor": _COLLEAGUE,
    "refund_requests.decided_by": _COLLEAGUE,
    "refund_requests.fingerprint": "a hash says nothing more",
    "return_steps.actor": _COLLEAGUE,
    "returns.actor": _COLLEAGUE,
    "returns.decided_by": _COLLEAGUE,
    "returns.inspected_by": _COLLEAGUE,
    "returns.fingerprint": "a hash says nothing more",
}
"""Columns of those tables that are not told, and why; beside those of `PERSONAL` that are not."""

_NAMED_BY = (
    ("checkouts", "checkout_id"), ("payments", "intent_id"), ("shipments", "shipment_id"), ("returns", "return_id"),
    ("memberships", "membership_id"), ("provider_customers", "provider_id"),
)  # fmt: skip
"""Ids that a webhook names them by, and that nobody could guess."""

_SECRET_NAMES = frozenset({"client_secret"})
"""Of what a webhook says: opens a payment in a browser."""

_TOLD = """
SELECT source, event_id, received_at, body FROM inbox WHERE EXISTS (
  SELECT 1 FROM unnest(CAST(:ids AS text[])) t WHERE position(convert_to(t, 'UTF8') IN body) > 0)
ORDER BY received_at, source, event_id
"""


async def of_customer(session: AsyncSession, customer: str) -> dict[str, list[Row]] | None:
    """Rows by table, those of a table in the order of its key, which begins each; None if there are none at all.

    Times are ISO 8601, amounts integers of minor units beside their currency, as in the tables.
    """
    held: dict[str, list[Row]] | None = await session.scalar(sa.text(_statement()), {"customer": customer})
    if held is None or not any(held.values()):
        return None
    return {**held, "inbox": await _messages(session, held)}


def withheld(table: str) -> list[str]:
    """Its columns that are not told. The tenant is the shop itself."""
    kept_back = [name for name, personal in PERSONAL.items() if personal.withheld] + list(WITHHELD)
    return ["tenant_id", *(column for name, _, column in (one.partition(".") for one in kept_back) if name == table)]


def _statement() -> str:
    """One statement, so that all of it is of one moment."""
    parts = []
    for table, theirs in ABOUT.items():
        hidden = ", ".join(f"'{column}'" for column in withheld(table))
        parts.append(
            f"'{table}', (SELECT coalesce(jsonb_agg(to_jsonb(t) - ARRAY[{hidden}] ORDER BY t), '[]')"  # noqa: S608  # names of ours only
            f" FROM {table} t WHERE {theirs})"
        )
    return f"SELECT jsonb_build_object({', '.join(parts)})"


async def _messages(session: AsyncSession, held: dict[str, list[Row]]) -> list[Row]:
    """What Stripe and carriers told that names one of their things by its id; a name or an address could be another's,
    too. A body that is no JSON is told as text."""
    ids = [row[column] for table, column in _NAMED_BY for row in held[table] if row[column]]
    rows = (await session.execute(sa.text(_TOLD), {"ids": ids})).all()
    return [
        {"source": one.source, "event_id": one.event_id, "received_at": one.received_at, "body": _read(one.body)}
        for one in rows
    ]


def _read(body: bytes) -> Any:
    text = body.decode(errors="replace")
    try:
        return _without_secrets(json.loads(text))
    except ValueError:
        return text


def _without_secrets(said: Any) -> Any:
    if isinstance(said, dict):
        return {name: _without_secrets(one) for name, one in said.items() if name not in _SECRET_NAMES}
    return [_without_secrets(one) for one in said] if isinstance(said, list) else said
