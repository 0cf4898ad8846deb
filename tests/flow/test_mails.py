"""Customers get one e-mail a milestone, whatever their mail server does; none is lost and none is sent for nothing."""

from typing import Any

import pytest

from tests.flow.kit import Shop, until
from tests.flow.mail_kit import LINK, arrived, due_now, fault, mails, new_address, settled


async def bought_by(shop: Shop, address: str, **how: Any) -> dict[str, Any]:
    """An order with its label, of a customer with that address."""
    return await shop.bought(shop.new_sku(), customer={"email": address, "name": "Ada Lovelace"}, **how)


async def test_from_checkout_to_the_doorstep_each_milestone_is_one_mail(shop: Shop) -> None:
    address = new_address()
    order = await bought_by(shop, address)
    assert (await shop.hand_over(order)).status_code == 200
    await shop.scan(order, "in_transit", "out_for_delivery")
    number = order["number"]
    placed, gone, near = await settled(shop, number, "order_placed", "parcel_handed_over", "out_for_delivery")
    assert placed["about"] == ""
    assert gone["about"] == near["about"] == order["shipments"][0]["id"]
    await shop.scan(order, "delivered")
    await shop.order_in(number, "delivered")
    told = await settled(shop, number, "order_placed", "parcel_handed_over", "out_for_delivery", "parcel_delivered")
    assert [(one["state"], one["attempts"]) for one in told] == [("sent", 1)] * 4
    came = await arrived(shop, address)
    assert len({one["message_id"] for one in came}) == len(came) == 4
    assert [one["message_id"].strip("<>").partition("@")[0] for one in came] == [one["id"] for one in told]
    for one in came:
        assert one["auto_submitted"] == "auto-generated"
        assert "Thing" in one["text"]
        assert "Thing" in one["html"]
        assert "Rue de la Paix" not in one["text"] + one["html"]
        (link,) = LINK.findall(one["text"])
        assert link in one["html"]
        assert (await shop.http.get(link)).status_code == 200
    parcel = (await shop.order(number))["shipments"][0]
    assert parcel["tracking_number"] in came[1]["text"]


async def test_a_cancelled_order_is_told_of_once(shop: Shop) -> None:
    address = new_address()
    order = await bought_by(shop, address)
    assert (await shop.cancel_order(order["number"])).status_code == 200
    await settled(shop, order["number"], "order_placed", "order_cancelled")
    assert (await shop.cancel_order(order["number"])).status_code < 500
    assert [one["subject"] for one in await arrived(shop, address)] == [
        f"Thank you for your order {order['number']}", f"Order {order['number']} was cancelled",
    ]  # fmt: skip


async def test_a_refund_says_how_much(shop: Shop) -> None:
    address = new_address()
    order = await bought_by(shop, address)
    await shop.hand_over(order)
    await shop.order_in(order["number"], "shipped")
    answer = await shop.http.post(
        f"/v1/orders/{order['number']}/refunds",
        json={"amount": 2_500, "reason": "a scratch"},
        headers={"Idempotency-Key": order["number"]},
    )
    assert answer.status_code == 201, answer.text
    await settled(shop, order["number"], "order_placed", "parcel_handed_over", "refunded")
    assert "€25.00" in (await arrived(shop, address))[-1]["subject"]


async def test_an_address_that_does_not_exist_is_given_up_shown_to_support_and_tried_again_when_told(
    shop: Shop,
) -> None:
    address = new_address()
    await fault(shop, "rcpt", status=550)
    order = await bought_by(shop, address)
    (mail,) = await settled(shop, order["number"], "order_placed")
    assert (mail["state"], mail["problem"]) == ("failed", "recipient refused: 550 5.1.1")
    timeline = (await shop.order(order["number"]))["timeline"]
    assert [one["type"] for one in timeline].count("mail.failed") == 1
    assert address not in str(timeline)
    retries = f"/v1/orders/{order['number']}/mails/{mail['id']}/retries"
    assert (await shop.http.post(retries)).status_code == 202
    await until(lambda: mails(shop, order["number"]), lambda seen: seen[0]["state"] == "sent")
    assert len(await arrived(shop, address)) == 1
    again = await shop.http.post(retries)
    assert (again.status_code, again.json()["code"]) == (409, "mail_not_failed")
    assert (await shop.http.post(f"/v1/orders/{order['number']}/mails/mail_x/retries")).status_code == 404
    assert (await shop.http.get("/v1/orders/0/mails")).status_code == 404


@pytest.mark.parametrize(
    ("operation", "how", "copies"),
    [
        ("rcpt", {"status": 450}, 1),
        ("data", {"status": 451}, 1),
        ("connect", {"status": 421}, 1),
        ("connect", {"when": "hang"}, 1),
        ("data", {"status": None}, 1),
        ("data", {"when": "after"}, 2),
    ],
)
async def test_what_did_not_go_is_sent_again_under_the_same_name(
    shop: Shop, operation: str, how: dict[str, Any], copies: int
) -> None:
    """Where the connection was lost behind the text nobody knows, so it comes twice, recognisable as one."""
    address = new_address()
    await fault(shop, operation, **how)
    order = await bought_by(shop, address)
    (waits,) = await until(lambda: mails(shop, order["number"]), lambda seen: seen and seen[0]["problem"])
    assert waits["state"] == "pending"
    assert address not in waits["problem"]
    due_now(shop, order["number"])
    await settled(shop, order["number"], "order_placed")
    came = await arrived(shop, address)
    assert len(came) == copies
    assert len({one["message_id"] for one in came}) == 1


async def test_a_shopper_who_pays_in_time_is_not_asked_to(shop: Shop) -> None:
    address = new_address()
    waiting = await shop.waiting(shop.new_sku(), customer={"email": address, "name": "Ada"})
    await shop.browser_confirms(waiting)
    done = await shop.checkout_in(waiting["id"], "completed")
    due_now(shop, done["order_number"])
    told = await settled(shop, done["order_number"], "payment_action", "order_placed")
    assert [one["state"] for one in told] == ["moot", "sent"]
    assert len(await arrived(shop, address)) == 1
