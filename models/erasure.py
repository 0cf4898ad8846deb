"""Erases what says who a customer is; amounts, countries, stock and the customer's number stay.

Which columns are personal is decided in `PERSONAL`, and for every other one in `tests/models/test_personal_data.py`.
"""

import json
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.erasure import ERASED, ERASED_EMAIL, DataErased, Unfinished
from models.payments import ProviderCustomer


class Personal(NamedTuple):
    """What becomes of a column that says who a person is."""

    erased: str
    """When they are to be forgotten."""
    withheld: str | None = None
    """Why `models/customer_data.py` does not hand it out; None: it does."""


_COPIES = "the same answers once more, for a day; some hold secrets"

PERSONAL = {
    "checkouts.customer": Personal("name and e-mail address: replaced"),
    "checkouts.address": Personal("replaced, but for country and region, which the tax is by"),
    "checkouts.fingerprint": Personal("a hash of the request with all of that: replaced", "a hash says nothing more"),
    "orders.address": Personal("as the checkout's"),
    "payments.card": Personal("brand and last digits: taken out"),
    "payments.client_secret": Personal("opens the payment in a browser: taken out", "opens the payment"),
    "payments.action_url": Personal("the bank's page for this shopper: taken out", "opens the payment"),
    "memberships.card": Personal("brand and last digits: taken out"),
    "memberships.email": Personal("where its e-mails go: taken out"),
    "provider_customers.provider_id": Personal("deleted, here and at the provider"),
    "inbox.body": Personal("what Stripe and carriers told of them: taken out"),
    "kept_answers.body": Personal("what was answered to them in the last day: deleted", _COPIES),
}
"""Columns that say who a person is. What is one is decided here, for the erasure and for what is handed out."""

_UNFINISHED = """
WITH theirs AS (
  SELECT p.payment_id FROM payments p JOIN checkouts c USING (tenant_id, checkout_id) WHERE c.customer_id = :customer
  UNION SELECT p.payment_id FROM payments p JOIN memberships m USING (tenant_id, membership_id)
  WHERE m.customer_id = :customer)
SELECT 'checkout', checkout_id FROM checkouts
  WHERE customer_id = :customer AND state IN ('open', 'awaiting_payment')
UNION ALL SELECT 'order', order_number FROM orders
  WHERE customer_id = :customer AND state NOT IN ('closed', 'cancelled') AND ended_at IS NULL
UNION ALL SELECT 'membership', membership_id FROM memberships
  WHERE customer_id = :customer AND state IN ('pending', 'active', 'past_due')
UNION ALL SELECT 'dispute', dispute_id FROM disputes JOIN theirs USING (payment_id)
  WHERE state IN ('inquiry', 'needs_response', 'under_review')
UNION ALL SELECT kind, payment_id FROM payment_operations JOIN theirs USING (payment_id) WHERE state = 'pending'
ORDER BY 1, 2
"""

_TRACES = """
SELECT customer ->> 'email' FROM checkouts WHERE customer_id = :customer
UNION SELECT customer ->> 'name' FROM checkouts WHERE customer_id = :customer
UNION SELECT checkout_id FROM checkouts WHERE customer_id = :customer
UNION SELECT p.intent_id FROM payments p JOIN checkouts c USING (tenant_id, checkout_id)
  WHERE c.customer_id = :customer
UNION SELECT p.intent_id FROM payments p JOIN memberships m USING (tenant_id, membership_id)
  WHERE m.customer_id = :customer
UNION SELECT s.shipment_id FROM shipments s JOIN orders o USING (tenant_id, order_number)
  WHERE o.customer_id = :customer
UNION SELECT s.tracking_number FROM shipments s JOIN orders o USING (tenant_id, order_number)
  WHERE o.customer_id = :customer
UNION SELECT provider_id FROM provider_customers WHERE customer_id = :customer
"""
"""By what a webhook or an answer that was kept is known to be about them."""

_ADDRESS = """jsonb_build_object(
  'name', CAST(:erased AS text), 'line1', CAST(:erased AS text), 'line2', NULL, 'city', CAST(:erased AS text),
  'postal_code', CAST(:erased AS text), 'country', address -> 'country', 'region', address -> 'region')"""
_NAMES_THEM = (
    "EXISTS (SELECT 1 FROM unnest(CAST(:traces AS text[])) t WHERE position(convert_to(t, 'UTF8') IN body) > 0)"
)
_ERASURES = (
    "UPDATE orders SET address = " + _ADDRESS + " WHERE customer_id = :customer",  # noqa: S608  # no value is in it
    """UPDATE payments p SET card = NULL, client_secret = NULL, action_url = NULL FROM checkouts c
    WHERE c.tenant_id = p.tenant_id AND c.checkout_id = p.checkout_id AND c.customer_id = :customer""",
    """UPDATE payments p SET card = NULL, client_secret = NULL, action_url = NULL FROM memberships m
    WHERE m.tenant_id = p.tenant_id AND m.membership_id = p.membership_id AND m.customer_id = :customer""",
    "UPDATE memberships SET card = NULL, email = NULL WHERE customer_id = :customer",
    "UPDATE inbox SET body = convert_to('{}', 'UTF8') WHERE handled_at IS NOT NULL AND " + _NAMES_THEM,  # noqa: S608  # no value is in it
    "DELETE FROM kept_answers WHERE body IS NOT NULL AND " + _NAMES_THEM,  # noqa: S608  # no value is in it
    "UPDATE checkouts SET fingerprint = CAST(:erased AS text), customer = CAST(:nobody AS jsonb)"  # noqa: S608  # no value is in it
    " || jsonb_build_object('customer_id', customer_id), address = " + _ADDRESS + " WHERE customer_id = :customer",
)
"""In this order: the checkouts say whose the rest is, so they come last."""


async def erase(session: AsyncSession, customer: str) -> DataErased:
    """Erase, unless something that needs the data is unfinished. Doing it again erases what has come since."""
    whose = {"customer": customer}
    unfinished = tuple(Unfinished(*row) for row in await session.execute(sa.text(_UNFINISHED), whose))
    if unfinished:
        return DataErased(unfinished)
    traces = [one for one in await session.scalars(sa.text(_TRACES), whose) if one]
    nobody = json.dumps({"email": ERASED_EMAIL, "name": ERASED})
    values: dict[str, Any] = {**whose, "traces": traces, "erased": ERASED, "nobody": nobody}
    for statement in _ERASURES:
        asked = sa.text(statement)
        names = set(asked.compile().params)
        await session.execute(asked, {name: one for name, one in values.items() if name in names})
    return DataErased(provider_id=await _provider_id(session, customer))


async def forget_provider(session: AsyncSession, customer: str) -> None:
    """They are nobody at the payment provider any more."""
    await session.execute(sa.delete(ProviderCustomer).where(ProviderCustomer.customer_id == customer))


async def _provider_id(session: AsyncSession, customer: str) -> str | None:
    query = sa.select(ProviderCustomer.provider_id).where(ProviderCustomer.customer_id == customer)
    found: str | None = await session.scalar(query)
    return found
