"""GraphQL's acts do what the routes' do, once, under the same keys; and the examples of docs/graphql.md run."""

import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.flow.access_kit import bearer, new_key
from tests.flow.kit import ADDRESS, KEY, Shop

DOCS = (Path(__file__).parents[2] / "docs" / "graphql.md").read_text()
EXAMPLES = re.findall(r"^```graphql\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
BEGIN = """mutation ($key: String!, $input: CheckoutInput!) {
  beginCheckout(idempotencyKey: $key, input: $input) {
    id state total orderNumber secret nextAction { clientSecret } } }"""


async def ask(shop: Shop, query: str, key: str = KEY, /, **variables: Any) -> dict[str, Any]:
    """The whole answer."""
    answer = await shop.http.post("/graphql", json={"query": query, "variables": variables}, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def data(shop: Shop, query: str, key: str = KEY, /, **variables: Any) -> dict[str, Any]:
    """The one field of an answer without errors."""
    answer = await ask(shop, query, key, **variables)
    assert "errors" not in answer, answer
    (one,) = answer["data"].values()
    return dict(one)


async def code(shop: Shop, query: str, key: str = KEY, /, **variables: Any) -> str:
    """The code of the one error."""
    (error,) = (await ask(shop, query, key, **variables))["errors"]
    return str(error["extensions"]["code"])


def cart(sku: str, card: str | None = "pm_card_visa") -> dict[str, Any]:
    """One piece."""
    address = {("postalCode" if name == "postal_code" else name): told for name, told in ADDRESS.items()}
    return {
        "currency": "EUR",
        "lines": [{"sku": sku, "quantity": 1}],
        "customer": {"email": "ada@example.com", "name": "Ada"},
        "shippingAddress": address,
        "shippingMethod": "standard",
        "payment": {"mode": "server", "paymentMethod": card} if card else {"mode": "client"},
    }


async def test_an_order_is_bought_refunded_and_read_in_graphql(shop: Shop) -> None:
    sku, key = shop.new_sku(), uuid.uuid4().hex
    bought = await data(shop, BEGIN, key=key, input=cart(sku))
    assert (bought["state"], bought["total"]) == ("COMPLETED", 11_500)
    assert await data(shop, BEGIN, key=key, input=cart(sku)) == bought
    assert await code(shop, BEGIN, key=key, input=cart(shop.new_sku())) == "idempotency_key_reused"
    number = bought["orderNumber"]
    await shop.hand_over(await shop.labelled(number))
    refund = """mutation ($n: ID!, $k: String!, $a: MinorUnits) {
      refundOrder(number: $n, idempotencyKey: $k, amount: $a) { id state amount } }"""
    first = await data(shop, refund, n=number, k=key, a=500)
    assert (first["amount"], (await data(shop, refund, n=number, k=key, a=500))["id"]) == (500, first["id"])
    assert await code(shop, refund, n=number, k=uuid.uuid4().hex, a=99_999) == "refund_exceeds_captured"
    question = "query ($n: ID!) { order(number: $n) { state payment { refunded refunds { id } } shipments { state } } }"
    order = await data(shop, question, n=number)
    assert order["payment"] == {"refunded": 500, "refunds": [{"id": first["id"]}]}
    assert order["shipments"] == [{"state": "HANDED_OVER"}]


async def test_a_page_confirms_and_cancels_its_own_checkout_once(shop: Shop) -> None:
    page = new_key(shop, "checkouts:write", "checkouts:read", kind="publishable")
    sku = shop.new_sku()
    begun = await data(shop, BEGIN, page, key=uuid.uuid4().hex, input=cart(sku, None))
    assert begun["state"] == "AWAITING_PAYMENT"
    assert begun["nextAction"]["clientSecret"]
    confirm = "mutation ($id: ID!, $s: String) { confirmCheckout(id: $id, secret: $s) { state } }"
    assert await code(shop, confirm, page, id=begun["id"], s="cos_x") == "not_found"
    assert await data(shop, confirm, page, id=begun["id"], s=begun["secret"]) == {"state": "AWAITING_PAYMENT"}
    cancel = """mutation ($id: ID!, $s: String, $k: String, $r: String! = "no") {
      cancelCheckout(id: $id, secret: $s, idempotencyKey: $k, reason: $r) { state } }"""
    given = {"id": begun["id"], "s": begun["secret"], "k": uuid.uuid4().hex}
    for _ in range(2):
        assert await data(shop, cancel, page, **given) == {"state": "CANCELLED"}
    assert await code(shop, cancel, page, **given, r="other") == "idempotency_key_reused"
    assert shop.stock(sku) == (5, 0)


async def test_a_declined_card_and_a_cancelled_order_have_the_codes_of_the_routes(shop: Shop) -> None:
    declined = cart(shop.new_sku(), "pm_card_visa_chargeDeclined")
    assert await code(shop, BEGIN, key=uuid.uuid4().hex, input=declined) == "card_declined"
    order = await shop.bought(shop.new_sku())
    cancel = "mutation ($n: ID!) { cancelOrder(number: $n) { state lines { cancelled } cancellations { amount } } }"
    gone = await data(shop, cancel, n=order["number"])
    assert (gone["state"], gone["lines"]) == ("CANCELLED", [{"cancelled": 1}])


@pytest.mark.parametrize("query", EXAMPLES, ids=range(len(EXAMPLES)))
async def test_the_examples_of_the_docs_run(shop: Shop, query: str) -> None:
    assert "errors" not in await ask(shop, query)
