"""What a test asks of the mail stand-in, and of the outbox of e-mails."""

import re
import uuid
from typing import Any

from tests.flow.kit import Shop, until

LINK = re.compile(r"(http\S+/t/\S+)")


def new_address() -> str:
    """A customer of the test's own."""
    return f"ada-{uuid.uuid4().hex[:12]}@example.com"


async def arrived(shop: Shop, address: str) -> list[dict[str, Any]]:
    """The e-mails that came to an address, oldest first."""
    answer = await shop.http.get(f"{shop.links.mail}/_control/mails", params={"to": address})
    return list(answer.json())


async def fault(shop: Shop, operation: str, **how: Any) -> None:
    """The next conversation goes wrong at `connect`, `rcpt` or `data`."""
    answer = await shop.http.post(f"{shop.links.mail}/_control/faults", json={"operation": operation, **how})
    assert answer.status_code == 201, answer.text


async def mails(shop: Shop, number: str) -> list[dict[str, Any]]:
    """`GET /v1/orders/{number}/mails`."""
    answer = await shop.http.get(f"/v1/orders/{number}/mails")
    assert answer.status_code == 200, answer.text
    return list(answer.json())


async def settled(shop: Shop, number: str, *milestones: str) -> list[dict[str, Any]]:
    """The order's e-mails, once they are exactly these and none is pending."""

    def good(seen: list[dict[str, Any]]) -> bool:
        return [one["milestone"] for one in seen] == list(milestones) and all(one["state"] != "pending" for one in seen)

    return await until(lambda: mails(shop, number), good)


def due_now(shop: Shop, number: str) -> None:
    """What waits for its next try waits no longer."""
    shop.write(
        "UPDATE mails SET due_at = now() WHERE state = 'pending'"
        " AND checkout_id = (SELECT checkout_id FROM orders WHERE order_number = :n)",
        n=number,
    )
