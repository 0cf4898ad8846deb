"""Wrong cancellations and reports are refused with a reason, and change nothing."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.flow.kit import Shop

Order = dict[str, Any]
TWO = {"sku": "A", "quantity": 2}


@pytest.fixture(scope="module")
async def order(whole_shop: Shop) -> Order:
    """One that nobody touches."""
    return await whole_shop.bought(whole_shop.new_sku())


@pytest.fixture
async def nothing_changes(whole_shop: Shop, order: Order) -> AsyncIterator[None]:
    """It is as before in the end."""
    before = await whole_shop.order(order["number"])
    yield
    assert await whole_shop.order(order["number"]) == before


@pytest.mark.parametrize(
    "wrong",
    [
        *({"lines": lines} for lines in ([], "A", {"A": 1}, [TWO, TWO], [1], [{"sku": "A"}], [TWO] * 51)),
        *({"lines": [{"sku": "A", "quantity": value}]} for value in (0, -1, 1.5, "1", None, True, 1000)),
        *({"lines": [{"sku": value, "quantity": 1}]} for value in ("", " ", "a b", "x" * 65, 3, None)),
        *({name: value} for name in ("actor", "reason") for value in ("", " ", "a\x00b", "x" * 201, None, 3)),
        {"lines": [TWO | {"surprise": 1}]},
        {"surprise": 1},
        [],
    ],
    ids=str,
)
@pytest.mark.usefixtures("nothing_changes")
async def test_a_wrong_cancellation(whole_shop: Shop, order: Order, wrong: Any) -> None:
    answer = await whole_shop.http.post(
        f"/v1/orders/{order['number']}/cancel", json=wrong, headers={"Idempotency-Key": uuid.uuid4().hex}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text


@pytest.mark.usefixtures("nothing_changes")
async def test_more_than_was_ordered(whole_shop: Shop, order: Order) -> None:
    sku = order["lines"][0]["sku"]
    for line in ({"sku": sku, "quantity": 2}, {"sku": "NOT-IN-IT", "quantity": 1}):
        answer = await whole_shop.http.post(
            f"/v1/orders/{order['number']}/cancel",
            json={"lines": [line]},
            headers={"Idempotency-Key": uuid.uuid4().hex},
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "more_than_ordered")


@pytest.mark.usefixtures("nothing_changes")
async def test_pieces_need_a_key(whole_shop: Shop, order: Order) -> None:
    path, body = f"/v1/orders/{order['number']}/cancel", {"lines": [TWO]}
    none = await whole_shop.http.post(path, json=body)
    assert (none.status_code, none.json()["code"]) == (400, "idempotency_key_required")
    for key in ("", "x" * 256, "a\tb"):
        wrong = await whole_shop.http.post(path, json=body, headers={"Idempotency-Key": key})
        assert wrong.status_code in (400, 422)
        assert wrong.json()["code"] in ("idempotency_key_invalid", "idempotency_key_required", "invalid_request")


@pytest.mark.parametrize("wrong", [{"actor": ""}, {"actor": 3}, {"actor": "x" * 101}, {"surprise": 1}, []], ids=str)
@pytest.mark.usefixtures("nothing_changes")
async def test_a_wrong_report(whole_shop: Shop, order: Order, wrong: Any) -> None:
    for stage in ("picked", "packed"):
        answer = await whole_shop.http.post(f"/v1/shipments/{order['shipments'][0]['id']}/{stage}", json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        nobody = await whole_shop.http.post(f"/v1/shipments/shp_nobody/{stage}")
        assert (nobody.status_code, nobody.json()["code"]) == (404, "not_found")
