"""What Stripe refuses before it does anything: parameters, currencies and amounts."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sandbox.test_stripe_stand import StandIn


@pytest.fixture(scope="module")
async def stand() -> AsyncIterator[StandIn]:
    """A stand-in for the tests of this file."""
    running = StandIn()
    await running.start()
    yield running
    await running.stop()


@pytest.mark.parametrize(
    ("data", "code", "param"),
    [
        ({"currency": "eur"}, "parameter_missing", "amount"),
        ({"amount": "12.5", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"amount": "", "currency": "eur"}, "parameter_invalid_empty", "amount"),
        ({"amount": "1000", "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
        (
            {"amount": "1000", "currency": "eur", "shipping[name]": "A", "shipping[age]": "3"},
            "parameter_unknown",
            "shipping[age]",
        ),
        ({"amount": "1000", "currency": "xxx"}, None, "currency"),
        ({"amount": "49", "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": "29", "currency": "gbp"}, "amount_too_small", "amount"),
        ({"amount": "49", "currency": "jpy"}, "amount_too_small", "amount"),
        ({"amount": "17499", "currency": "huf"}, "amount_too_small", "amount"),
        ({"amount": "1005", "currency": "kwd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "100000000", "currency": "usd"}, "amount_too_large", "amount"),
        (
            {"amount": "1000", "currency": "eur", "payment_method": "pm_nobody"},
            "resource_missing",
            "payment_method",
        ),
        ({"amount": "1000", "currency": "eur", "customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"amount": "1000", "currency": "eur", "receipt_email": "nobody"}, "email_invalid", "receipt_email"),
        ({"amount": "1000", "currency": "eur", "capture_method": "later"}, None, "capture_method"),
        ({"amount": "1000", "currency": "eur", "off_session": "true"}, None, "off_session"),
        ({"amount": "1000", "currency": "eur", "metadata[k]": "v" * 501}, None, "metadata[k]"),
    ],
)  # fmt: skip
async def test_a_bad_parameter_is_named(stand: StandIn, data: dict[str, str], code: str | None, param: str) -> None:
    answer = await stand.post("/v1/payment_intents", data)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error.get("code"), error["param"]) == (code, param)


@pytest.mark.parametrize("currency", ["isk", "ugx"])
async def test_no_krona_is_cut(stand: StandIn, currency: str) -> None:
    """support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds"""
    pays: Any = {"payment_method": "pm_card_visa", "payment_method_types": ["card"], "confirm": True}
    hold: Any = pays | {"amount": 50_000, "currency": currency, "capture_method": "manual"}
    held = await stand.intents.create_async(hold)
    sold = await stand.intents.create_async(hold | {"capture_method": "automatic"})
    for path, data in (
        ("/v1/payment_intents", {"amount": "50050", "currency": currency}),
        (f"/v1/payment_intents/{held.id}/capture", {"amount_to_capture": "40050"}),
        ("/v1/refunds", {"payment_intent": sold.id, "amount": "10050"}),
    ):
        answer = await stand.post(path, data)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error.get("param")) == (400, "invalid_request_error", None)
        assert error["code"] == "invalid_charge_amount_no_decimal_compatible"
    assert (await stand.intents.capture_async(held.id, {"amount_to_capture": 40_000})).amount_received == 40_000
    assert (await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id, "amount": 100})).amount == 100


@pytest.mark.parametrize(("amount", "currency"), [(50, "jpy"), (30, "gbp"), (1230, "kwd"), (50, "usd"), (100, "isk")])
async def test_the_smallest_amounts_are_taken(stand: StandIn, amount: int, currency: str) -> None:
    intent = await stand.intents.create_async({"amount": amount, "currency": currency.upper()})
    assert (intent.amount, intent.currency) == (amount, currency)
