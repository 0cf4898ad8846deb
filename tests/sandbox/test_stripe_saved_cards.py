"""Saved cards through the official SDK: made, attached, kept by a payment, charged off session, let go."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.test_stripe_stand import HOLD, StandIn

SPENT = "was previously used with a PaymentIntent without Customer attachment"


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[StandIn]:
    """One process for this file."""
    stand = StandIn()
    await stand.start()
    yield stand
    await stand.stop()


@pytest.fixture
async def stand(running: StandIn) -> StandIn:
    """The process, emptied."""
    await running.control("reset")
    return running


async def customer(stand: StandIn, **fields: Any) -> str:
    """A customer's id."""
    order: Any = {"email": "a@shop.test", **fields}
    return (await stand.stripe.v1.customers.create_async(order)).id


async def card(stand: StandIn, token: str = "tok_visa") -> str:
    """A new payment method's id."""
    return (await stand.stripe.v1.payment_methods.create_async({"type": "card", "card": {"token": token}})).id


async def saved(stand: StandIn, owner: str, token: str = "tok_visa") -> str:
    """A payment method that belongs to a customer."""
    method = await card(stand, token)
    await stand.stripe.v1.payment_methods.attach_async(method, {"customer": owner})
    return method


def pays(method: str, owner: str | None = None, **more: Any) -> Any:
    """An authorization with this payment method."""
    return HOLD | {"payment_method": method} | ({"customer": owner} if owner else {}) | more


async def of(stand: StandIn, owner: str) -> list[str]:
    """The customer's payment methods, newest first."""
    listed = await stand.stripe.v1.customers.payment_methods.list_async(owner, {"type": "card"})
    same: Any = await stand.stripe.v1.payment_methods.list_async({"customer": owner})
    assert [method.id for method in same.data] == [method.id for method in listed.data]
    return [method.id for method in listed.data]


async def test_a_card_is_made_from_a_token_or_a_test_number(stand: StandIn) -> None:
    typed: Any = {"number": "4000056655665556", "exp_month": 3, "exp_year": 2031, "cvc": "123"}
    person: Any = {"name": "A. Buyer", "address": {"city": "Bern"}}
    order: Any = {"type": "card", "card": typed, "billing_details": person, "metadata": {"k": "v"}}
    made: Any = await stand.stripe.v1.payment_methods.create_async(order)
    assert (made.card.funding, made.card.last4, made.card.exp_month, made.card.exp_year) == ("debit", "5556", 3, 2031)
    assert (made.customer, made.metadata.to_dict(), made.type) == (None, {"k": "v"}, "card")
    address = made.billing_details.address
    assert (made.billing_details.name, address.city, address.line1) == ("A. Buyer", "Bern", None)
    assert (await stand.intents.create_async(pays(await card(stand)))).status == "requires_capture"
    data = {"type": "card", "card[token]": "tok_amex"}
    browser = await stand.http.post("/v1/payment_methods", data=data, headers={"Authorization": "Bearer pk_test_x"})
    assert browser.json()["card"]["brand"] == "amex"
    with pytest.raises(stripe.CardError) as wrong:
        await stand.stripe.v1.payment_methods.create_async({"type": "card", "card": typed | {"number": "4111"}})
    assert wrong.value.code == "incorrect_number"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await stand.stripe.v1.payment_methods.create_async({"type": "card"})
    assert missing.value.param == "card"


async def test_an_attached_card_pays_again_and_again(stand: StandIn) -> None:
    owner = await customer(stand)
    method = await saved(stand, owner)
    for _ in range(2):
        intent = await stand.intents.create_async(pays(method, owner, off_session=True))
        assert (intent.status, intent.payment_method, intent.customer) == ("requires_capture", method, owner)
    assert await of(stand, owner) == [method]
    again = await stand.stripe.v1.payment_methods.attach_async(method, {"customer": owner})
    assert (again.id, again.customer) == (method, owner)


async def test_a_saved_card_pays_for_its_customer_only(stand: StandIn) -> None:
    owner, other = await customer(stand), await customer(stand)
    method = await saved(stand, owner)
    for order in (pays(method), pays(method, other)):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await stand.intents.create_async(order)
        assert (refused.value.http_status, refused.value.param) == (400, "payment_method")
    assert (await stand.state())["intents"] == 0
    with pytest.raises(stripe.InvalidRequestError):
        await stand.stripe.v1.payment_methods.attach_async(method, {"customer": other})


@pytest.mark.parametrize("token", ["tok_visa", "tok_chargeDeclined"])
async def test_a_card_that_was_not_saved_pays_once(stand: StandIn, token: str) -> None:
    owner = await customer(stand)
    method = await card(stand, token)
    if token == "tok_visa":
        await stand.intents.create_async(pays(method, owner))
    else:
        with pytest.raises(stripe.CardError):
            await stand.intents.create_async(pays(method, owner))
    with pytest.raises(stripe.InvalidRequestError, match=SPENT) as spent:
        await stand.intents.create_async(pays(method))
    assert (spent.value.code, spent.value.param) == (None, None)
    with pytest.raises(stripe.InvalidRequestError, match=SPENT):
        await stand.stripe.v1.payment_methods.attach_async(method, {"customer": owner})
    for _ in range(2):
        assert (await stand.intents.create_async(pays("pm_card_visa"))).status == "requires_capture"


async def test_an_intent_notices_that_its_card_was_spent_elsewhere(stand: StandIn) -> None:
    method = await card(stand)
    waiting = await stand.intents.create_async(pays(method, confirm=False))
    await stand.intents.create_async(pays(method))
    with pytest.raises(stripe.InvalidRequestError, match=SPENT):
        await stand.intents.confirm_async(waiting.id)


async def test_a_payment_may_save_its_card(stand: StandIn) -> None:
    owner = await customer(stand)
    first = await stand.intents.create_async(pays("pm_card_visa", owner, setup_future_usage="off_session"))
    assert first.setup_future_usage == "off_session"
    assert await of(stand, owner) == [first.payment_method]
    later = await stand.intents.create_async(pays(first.payment_method, owner, off_session="recurring"))
    assert later.status == "requires_capture"
    events = (await stand.stripe.v1.events.list_async({"type": "payment_method.attached"})).data
    assert [event.data.object["customer"] for event in events] == [owner]


async def test_a_declined_payment_saves_nothing(stand: StandIn) -> None:
    owner = await customer(stand)
    with pytest.raises(stripe.CardError):
        await stand.intents.create_async(pays("pm_card_chargeDeclined", owner, setup_future_usage="off_session"))
    assert await of(stand, owner) == []


async def test_what_was_saved_without_a_customer_is_attached_afterwards(stand: StandIn) -> None:
    paid = await stand.intents.create_async(pays("pm_card_visa", setup_future_usage="on_session"))
    with pytest.raises(stripe.InvalidRequestError, match=SPENT):
        await stand.intents.create_async(pays(paid.payment_method))
    owner = await customer(stand)
    await stand.stripe.v1.payment_methods.attach_async(paid.payment_method, {"customer": owner})
    assert (await stand.intents.create_async(pays(paid.payment_method, owner))).status == "requires_capture"


async def test_a_3ds_card_must_be_set_up_before_it_pays_off_session(stand: StandIn) -> None:
    owner = await customer(stand)
    raw = await saved(stand, owner, "tok_authenticationRequiredOnSetup")
    with pytest.raises(stripe.CardError) as refused:
        await stand.intents.create_async(pays(raw, owner, off_session=True))
    error = refused.value.error
    assert error is not None
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_required")
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    back = await stand.intents.confirm_async(
        error.payment_intent.id, {"payment_method": raw, "setup_future_usage": "off_session"}
    )
    assert back.status == "requires_action"
    await stand.http.post(f"/3ds/{back.id}/pass")
    assert (await stand.intents.retrieve_async(back.id)).status == "requires_capture"
    assert (await stand.intents.create_async(pays(raw, owner, off_session=True))).status == "requires_capture"
    assert (await stand.intents.create_async(pays(raw, owner))).status == "requires_action"
    always = await saved(stand, owner, "tok_authenticationRequired")
    with pytest.raises(stripe.CardError):
        await stand.intents.create_async(pays(always, owner, off_session=True))


async def test_a_card_the_bank_refuses_cannot_be_attached(stand: StandIn) -> None:
    owner = await customer(stand)
    with pytest.raises(stripe.CardError) as refused:
        await saved(stand, owner, "tok_chargeDeclinedInsufficientFunds")
    assert refused.value.code == "card_declined"
    later = await saved(stand, owner, "tok_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        await stand.intents.create_async(pays(later, owner, off_session=True))
    assert await of(stand, owner) == [later]


async def test_a_detached_card_is_of_no_use(stand: StandIn) -> None:
    owner = await customer(stand, payment_method="pm_card_visa")
    (method,) = await of(stand, owner)
    changed: Any = {"card": {"exp_year": 2040}, "metadata": {"nick": "blue"}}
    updated: Any = await stand.stripe.v1.payment_methods.update_async(method, changed)
    assert (updated.card.exp_year, updated.metadata.to_dict()) == (2040, {"nick": "blue"})
    assert (await stand.stripe.v1.payment_methods.detach_async(method)).customer is None
    assert await of(stand, owner) == []
    for order in (pays(method), pays(method, owner)):
        with pytest.raises(stripe.InvalidRequestError, match="detached from a Customer"):
            await stand.intents.create_async(order)
    with pytest.raises(stripe.InvalidRequestError):
        await stand.stripe.v1.payment_methods.detach_async(method)
    with pytest.raises(stripe.InvalidRequestError):
        await stand.stripe.v1.payment_methods.attach_async(method, {"customer": owner})


async def test_a_deleted_customer_takes_the_cards_along(stand: StandIn) -> None:
    owner = await customer(stand, metadata={"shop": "a"})
    method = await saved(stand, owner)
    paid = await stand.intents.create_async(pays(method, owner))
    found = await stand.stripe.v1.customers.search_async({"query": "email:'a@shop.test' AND metadata['shop']:'a'"})
    assert [one.id for one in found.data] == [owner]
    gone = await stand.stripe.v1.customers.delete_async(owner)
    assert (gone.id, gone.deleted) == (owner, True)
    assert (await stand.stripe.v1.customers.retrieve_async(owner)).deleted is True
    assert (await stand.stripe.v1.payment_methods.retrieve_async(method)).customer is None
    assert (await stand.stripe.v1.customers.list_async()).data == []
    kept = await stand.intents.retrieve_async(paid.id, {"expand": ["customer"]})
    assert kept.customer.deleted is True
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await stand.intents.create_async(pays("pm_card_visa", owner))
    assert (missing.value.code, missing.value.param) == ("resource_missing", "customer")


async def test_a_saved_card_survives_a_sigkill(tmp_path: Path) -> None:
    stand = StandIn("--state", str(tmp_path / "stripe.db"))
    try:
        await stand.start()
        owner, spent = await customer(stand), await card(stand)
        method = await saved(stand, owner)
        await stand.intents.create_async(pays(spent))
        stand.kill()
        await stand.start()
        assert (await stand.intents.create_async(pays(method, owner, off_session=True))).status == "requires_capture"
        with pytest.raises(stripe.InvalidRequestError, match=SPENT):
            await stand.intents.create_async(pays(spent))
    finally:
        await stand.stop()
