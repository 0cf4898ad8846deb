"""A whole order, and all that may go wrong with it, leaves no person and no secret in any process's log."""

import uuid
from contextlib import suppress
from typing import Any

import httpx

from tests.flow.access_kit import new_key
from tests.flow.kit import ADDRESS, KEY, Shop, until

CARD = "4000 0000 0000 0002"


async def test_no_log_tells_of_a_person_or_a_secret(shop: Shop) -> None:
    mark = uuid.uuid4().hex
    who = {"email": f"{mark}@example.com", "name": f"Ada {mark}"}
    where = ADDRESS | {"line1": f"7 Rue {mark}", "line2": f"Bâtiment {mark}"}
    key = new_key(shop, "*")
    buy: dict[str, Any] = {"customer": who, "shipping_address": where}

    order = await shop.bought(shop.new_sku(), **buy)
    await shop.hand_over(order)
    await shop.scan(order, "in_transit", "delivered")
    await shop.order_in(order["number"], "delivered")

    declined = await shop.buy(shop.new_sku(), card="pm_card_chargeDeclined", **buy)
    assert declined.status_code == 402
    waits = await shop.waiting(shop.new_sku(), **buy)
    secret = waits["next_action"]["client_secret"]
    assert (await shop.http.post(f"/v1/checkouts/{waits['id']}/cancel")).status_code == 200

    typed: dict[str, Any] = {"customer": who | {"card": CARD}, "shipping_address": where | {"zip": CARD}}
    assert (await shop.buy(shop.new_sku(), **typed)).status_code == 422
    broken = f'{{"customer": "{mark}", "card": "{CARD}"'.encode()
    for path in ("/v1/checkouts", "/webhooks/stripe/demo"):
        headers = {
            "Idempotency-Key": mark,
            "Authorization": f"Bearer {key}",
            "Stripe-Signature": f"t=1,v1={mark}",
            "Content-Type": "application/json",
        }
        assert (await shop.http.post(path, content=broken, headers=headers)).status_code == 400

    await shop.stripe("faults", operation="payment_intents.create", when="after", status=None, times=1)
    assert (await shop.buy(shop.new_sku(), **buy)).status_code in (201, 202)
    shop.stack.freeze("postgres")
    try:
        with suppress(httpx.TimeoutException):  # what it answers then is another test's
            await shop.http.get(f"/v1/orders/{order['number']}", headers={"Authorization": f"Bearer {key}"}, timeout=1)
    finally:
        shop.stack.thaw("postgres")
    await until(lambda: shop.http.get("/readyz"), lambda answer: answer.status_code == 200)

    logs = {file.name: file.read_text(errors="replace") for file in shop.links.logs.glob("*.log")}
    ours = {name for name in logs if name.startswith(("api", "worker"))}
    assert {"api-1.log", "worker-1.log", "postgres.log", "temporal.log"} <= set(logs)
    hidden = (
        mark, CARD, CARD.replace(" ", ""), key, KEY, secret, shop.links.stripe_api_key,
        shop.links.stripe_webhook_secret, shop.links.carrier_api_key,
    )  # fmt: skip
    found = [(name, text[:6]) for name, log in logs.items() for text in hidden if text in log and name != "seed.log"]
    assert found == []
    assert any(logs[name].strip() for name in ours)  # they do log
