"""Which of Stripe's events only say what a call of ours has done, whose answer comes first."""

import json

import pytest

from api.payment_news import echoes, tells_nothing
from domain.ids import operation_key
from gateways.stripe import StripeEvent
from gateways.stripe.events import parse

OURS = operation_key("maison", "pay_1", "authorize", 1)


def event(kind: str, request: object) -> StripeEvent:
    """As Stripe sends it."""
    subject = {"object": "payment_intent", "id": "pi_1"}
    return parse(json.dumps({"id": "evt_1", "type": kind, "data": {"object": subject}, "request": request}).encode())


@pytest.mark.parametrize("kind", ["payment_intent.amount_capturable_updated", "payment_intent.succeeded"])
def test_what_our_call_did_is_an_echo(kind: str) -> None:
    found = event(kind, {"id": "req_1", "idempotency_key": OURS})
    assert echoes(found, "maison")
    assert not tells_nothing(found)


@pytest.mark.parametrize(
    "request_",
    [
        None,
        "req_1",
        {},
        {"id": None, "idempotency_key": None},
        {"id": "req_1", "idempotency_key": "5b4f0d52-8c59-4c06-b1c5-5b4b8d9b1a71"},
        {"id": "req_1", "idempotency_key": operation_key("another", "pay_1", "authorize", 1)},
        {"id": "req_1", "idempotency_key": 7},
    ],
    ids=["none", "a name", "empty", "stripe itself", "the shopper's browser", "another tenant", "no text"],
)
def test_what_others_did_is_none(request_: object) -> None:
    assert not echoes(event("payment_intent.amount_capturable_updated", request_), "maison")


@pytest.mark.parametrize("kind", ["refund.updated", "charge.dispute.created", "payment_intent.created"])
def test_nor_is_what_has_other_ears_or_none(kind: str) -> None:
    assert not echoes(event(kind, {"id": "req_1", "idempotency_key": OURS}), "maison")
