"""A whole order leaves nothing readable of a person or a secret with Temporal: neither in its API nor in its files."""

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

from domain.ids import checkout_workflow, order_workflow, shipment_workflow
from tests.flow.kit import ADDRESS, TENANT, Shop

ADA = {"email": "ada.lovelace@secret-example.com", "name": "Ada Byron-Lovelace"}
HOME = ADDRESS | {"name": "Ada Byron-Lovelace", "line1": "77 Passage du Secret", "line2": "Bâtiment Caché"}
PERSONAL = (*ADA.values(), *(HOME[part] for part in ("name", "line1", "line2")), "secret-example", "Byron")

CORE = {
    "seq", "attempt", "activity_id", "activity_type", "complete_time", "backoff", "original_schedule_time",
    "activation_index",
}  # fmt: skip
"""What the SDK's core notes beside a local activity, past every codec: its number, its name and its times."""


def payloads(node: Any) -> Iterator[dict[str, Any]]:
    """Every payload of a history as JSON, however deep; search attributes, which are never encrypted, left out."""
    if isinstance(node, list):
        for one in node:
            yield from payloads(one)
    elif isinstance(node, dict):
        if "metadata" in node and "data" in node:
            yield node
        for name, one in node.items():
            if name not in ("searchAttributes", "indexedFields"):
                yield from payloads(one)


async def histories(shop: Shop, order: dict[str, Any], checkout: str) -> list[tuple[bytes, dict[str, Any]]]:
    """Of every workflow of an order, raw: as Temporal has them, to the byte and as JSON."""
    found = []
    for name in (
        checkout_workflow(TENANT, checkout),
        order_workflow(TENANT, order["number"]),
        shipment_workflow(TENANT, order["shipments"][0]["id"]),
    ):
        history = await shop.temporal.get_workflow_handle(name).fetch_history()
        assert len(history.events) > 5
        raw = b"".join(event.SerializeToString() for event in history.events)
        found.append((raw, json.loads(history.to_json())))
    return found


async def test_temporal_has_nothing_readable_of_a_whole_order(shop: Shop) -> None:
    sku = shop.new_sku()
    answer = await shop.waiting(sku, customer=ADA, shipping_address=HOME)
    secret = answer["next_action"]["client_secret"]
    await shop.browser_confirms(answer)
    done = await shop.checkout_in(answer["id"], "completed")
    order = await shop.labelled(done["order_number"])
    await shop.hand_over(order)
    await shop.scan(order, "in_transit", "delivered")
    await shop.order_in(order["number"], "delivered")

    hidden = (*PERSONAL, secret, "pi_", "Bearer ", "sk_test_")
    sealed = 0
    for raw, history in await histories(shop, order, answer["id"]):
        assert [text for text in hidden if text.encode() in raw] == []
        for payload in payloads(history):
            if base64.b64decode(payload["metadata"]["encoding"]) == b"binary/encrypted":
                sealed += 1
            else:
                assert set(json.loads(base64.b64decode(payload["data"]))) == CORE
    assert 30 < sealed < 100  # docs/privacy.md counts on it


async def test_its_files_have_nothing_readable_either(shop: Shop) -> None:
    name = uuid.uuid4().hex
    who = {"email": f"{name}@example.com", "name": f"Ada {name}"}
    declined = await shop.buy(shop.new_sku(), card="pm_card_chargeDeclined", customer=who)
    assert declined.status_code == 402
    order = await shop.bought(shop.new_sku(), customer=who, shipping_address=HOME | {"line1": f"1 {name} Street"})
    files = [file.read_bytes() for file in shop.links.data.glob("temporal.db*")]
    assert any(f"order/{TENANT}/{order['number']}".encode() in file for file in files)  # they are the right ones
    assert not any(text.encode() in file for file in files for text in (name, HOME["line2"]))
