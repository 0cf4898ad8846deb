"""A webhook at one tenant's address that names another's things: it is kept and answered, and nothing changes."""

import json
import time
import uuid
from typing import Any

import psycopg

from gateways.signatures import sign
from tests.flow.access_kit import new_tenant
from tests.flow.kit import Shop, until
from tests.flow.test_crossing import settled

INBOX = "SELECT event_id, outcome FROM inbox WHERE tenant_id = %s"


def stripe_event(kind: str, intent: str, tenant: str, checkout: str) -> dict[str, Any]:
    """As Stripe tells of an intent; `tenant` is what its metadata claims."""
    thing = {
        "id": intent, "object": "payment_intent", "status": "canceled", "amount": 11_500, "currency": "eur",
        "metadata": {"tenant": tenant, "checkout_id": checkout},
    }  # fmt: skip
    return {
        "id": f"evt_{uuid.uuid4().hex}", "object": "event", "type": kind, "created": int(time.time()),
        "data": {"object": thing},
    }  # fmt: skip


async def handled(shop: Shop, tenant: str) -> dict[str, str]:
    """What became of everything that came to this tenant's address."""

    async def kept() -> dict[str, str | None]:
        with psycopg.connect(shop.links.database_owner_url.replace("+psycopg", "")) as connection:
            connection.execute("SELECT set_config('milepost.tenant', %s, true)", (tenant,))
            return dict(connection.execute(INBOX, (tenant,)).fetchall())

    seen = await until(kept, lambda found: found and None not in found.values(), within=60)
    return {event: str(outcome) for event, outcome in seen.items()}


async def test_stripes_webhooks_at_another_tenants_address_change_nothing(shop: Shop) -> None:
    order, waiting = await shop.bought(shop.new_sku()), await shop.waiting(shop.new_sku())
    tenant, before = new_tenant(shop), await settled(shop)
    sent: dict[str, str] = {}
    for checkout in (order["checkout_id"], waiting["id"]):
        intent = (await shop.intent(checkout))["id"]
        for claimed, outcome in (("demo", "not_for_us"), (tenant, "unknown_object")):
            event = stripe_event("payment_intent.canceled", intent, claimed, checkout)
            body = json.dumps(event).encode()
            headers = {"Stripe-Signature": sign(shop.links.stripe_webhook_secret, body, int(time.time()))}
            answer = await shop.http.post(f"/webhooks/stripe/{tenant}", content=body, headers=headers)
            assert answer.status_code == 204, answer.text
            sent[event["id"]] = outcome
    assert await handled(shop, tenant) == sent
    assert await settled(shop) == before


async def test_a_carriers_webhook_at_another_tenants_address_changes_nothing(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    label, tenant = (await shop.labels(order))["shipments"][0], new_tenant(shop)
    parcel, before = order["shipments"][0], await settled(shop)
    scan = {
        "event_id": f"evt-{uuid.uuid4().hex}", "shipment_id": label["id"], "reference": parcel["id"],
        "tracking_number": parcel["tracking_number"], "status": "delivered", "code": "DEL", "description": "Delivered",
        "location": "Paris", "occurred_at": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    body = json.dumps(scan).encode()
    headers = {"Milepost-Signature": sign(shop.links.carrier_webhook_secret, body, int(time.time()))}
    answer = await shop.http.post(f"/webhooks/carriers/sandbox/{tenant}", content=body, headers=headers)
    assert answer.status_code == 204, answer.text
    assert set((await handled(shop, tenant)).values()) == {"unknown_object"}
    assert await settled(shop) == before
