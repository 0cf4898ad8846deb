"""Payment intents through the official SDK: hold, capture, cancel, decline, 3-D Secure."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe

from tests.sandbox.test_stripe_stand import HOLD, StandIn

DAY = 86_400
SALE: Any = HOLD | {"capture_method": "automatic"}


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


def paying(card: str, **more: Any) -> Any:
    """A purchase with another card."""
    return HOLD | {"payment_method": card} | more


async def charges_of(stand: StandIn, intent: str) -> list[Any]:
    """The attempts of an intent, newest first."""
    return list((await stand.stripe.v1.charges.list_async({"payment_intent": intent})).data)


async def test_an_authorization_holds_the_amount_for_seven_days(stand: StandIn) -> None:
    intent = await stand.intents.create_async(HOLD | {"expand": ["latest_charge"]})
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 1250, 0)
    charge = intent.latest_charge
    card = charge.payment_method_details.card
    assert (charge.captured, charge.amount_captured, card.brand, card.last4) == (False, 0, "visa", "4242")
    assert card.capture_before == charge.created + 7 * DAY
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.livemode is False


async def test_intents_go_step_by_step(stand: StandIn) -> None:
    intent = await stand.intents.create_async({"amount": 900, "currency": "eur", "payment_method_types": ["card"]})
    assert intent.status == "requires_payment_method"
    intent = await stand.intents.update_async(intent.id, {"payment_method": "pm_card_amex", "amount": 950})
    assert (intent.status, intent.payment_method[:3]) == ("requires_confirmation", "pm_")
    intent = await stand.intents.confirm_async(intent.id)
    assert (intent.status, intent.amount_received) == ("succeeded", 950)
    charge: Any = await stand.stripe.v1.charges.retrieve_async(intent.latest_charge)
    assert charge.payment_method_details.card.brand == "amex"


async def test_a_capture_takes_all(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    intent = await stand.intents.capture_async(held.id, {"expand": ["latest_charge"]})
    assert (intent.status, intent.amount_received, intent.amount_capturable) == ("succeeded", 1250, 0)
    assert (intent.latest_charge.captured, intent.latest_charge.amount_captured) == (True, 1250)
    assert intent.latest_charge.amount_refunded == 0


async def test_a_partial_capture_releases_the_rest(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    intent = await stand.intents.capture_async(held.id, {"amount_to_capture": 1000, "expand": ["latest_charge"]})
    assert (intent.status, intent.amount, intent.amount_received) == ("succeeded", 1250, 1000)
    assert (intent.latest_charge.amount_captured, intent.latest_charge.amount_refunded) == (1000, 0)
    assert intent.latest_charge.refunded is False
    assert (await stand.stripe.v1.refunds.list_async({"payment_intent": held.id})).data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.intents.capture_async(held.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    state = await stand.state()
    assert (state["captures"], state["captured_amount"], state["refunds"]) == (1, {"eur": 1000}, 0)


@pytest.mark.parametrize(("amount", "code"), [(1251, "amount_too_large"), (0, "parameter_invalid_integer")])
async def test_a_capture_beyond_the_authorization_is_refused(stand: StandIn, amount: int, code: str) -> None:
    held = await stand.intents.create_async(HOLD)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.intents.capture_async(held.id, {"amount_to_capture": amount})
    assert (refused.value.code, refused.value.param) == (code, "amount_to_capture")
    assert (await stand.intents.retrieve_async(held.id)).status == "requires_capture"


async def test_several_captures_need_multicapture(stand: StandIn) -> None:
    part: Any = {"amount_to_capture": 500, "final_capture": False}
    held = await stand.intents.create_async(HOLD)
    with pytest.raises(stripe.InvalidRequestError):
        await stand.intents.capture_async(held.id, part)
    several: Any = {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}
    held = await stand.intents.create_async(HOLD | several)
    first = await stand.intents.capture_async(held.id, part)
    assert (first.status, first.amount_capturable) == ("requires_capture", 750)
    last = await stand.intents.capture_async(held.id, {"amount_to_capture": 700})
    assert (last.status, last.amount_received) == ("succeeded", 1200)


async def test_a_cancellation_gives_the_hold_back(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    order: Any = {"cancellation_reason": "requested_by_customer", "expand": ["latest_charge"]}
    intent = await stand.intents.cancel_async(held.id, order)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "requested_by_customer")
    assert intent.canceled_at is not None
    charge = intent.latest_charge
    assert (intent.amount_capturable, charge.amount_captured, charge.amount_refunded) == (0, 0, 0)
    assert (charge.captured, charge.refunded) == (False, False)
    assert (await stand.stripe.v1.refunds.list_async({"payment_intent": held.id})).data == []
    for act in (stand.intents.cancel_async, stand.intents.capture_async, stand.intents.confirm_async):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await act(held.id)
        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error is not None
        assert refused.value.error.payment_intent is not None
        assert refused.value.error.payment_intent.status == "canceled"
    assert (await stand.state())["authorizations_live"] == 0


async def test_a_captured_payment_cannot_be_cancelled(stand: StandIn) -> None:
    sold = await stand.intents.create_async(SALE)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.intents.cancel_async(sold.id)
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_an_authorization_nobody_captures_expires(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    await stand.control("advance", seconds=7 * DAY - 60)
    assert (await stand.intents.retrieve_async(held.id)).status == "requires_capture"
    await stand.control("advance", seconds=61)
    intent = await stand.intents.retrieve_async(held.id)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "expired")
    events = (await stand.stripe.v1.events.list_async({"limit": 100})).data
    assert [event.type for event in events][:2] == ["payment_intent.canceled", "charge.expired"]
    expired: Any = events[1].data.object
    assert (expired["captured"], expired["amount_captured"]) == (False, 0)
    assert (expired["refunded"], expired["amount_refunded"]) == (False, 0)
    assert (await stand.stripe.v1.refunds.list_async({"payment_intent": held.id})).data == []


async def test_of_several_captures_the_rest_is_not_refunded(stand: StandIn) -> None:
    several: Any = {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}
    for end in ("cancel", "lapse"):
        held = await stand.intents.create_async(HOLD | several)
        await stand.intents.capture_async(held.id, {"amount_to_capture": 500, "final_capture": False})
        if end == "cancel":
            await stand.intents.cancel_async(held.id)
        else:
            await stand.control("advance", seconds=8 * DAY)
        intent: Any = await stand.intents.retrieve_async(held.id, {"expand": ["latest_charge"]})
        assert (intent.status, intent.amount_received, intent.amount_capturable) == ("succeeded", 500, 0)
        charge = intent.latest_charge
        assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (500, 0, False)
        assert (await stand.stripe.v1.refunds.list_async({"payment_intent": held.id})).data == []


async def test_a_capture_refunded_between_two_is_not_all_of_it(stand: StandIn) -> None:
    several: Any = {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}
    held = await stand.intents.create_async(HOLD | several)
    for amount in (500, 700):
        part: Any = {"amount_to_capture": amount, "final_capture": False, "expand": ["latest_charge"]}
        charge: Any = (await stand.intents.capture_async(held.id, part)).latest_charge
        assert charge.refunded is False
        given = await stand.stripe.v1.refunds.create_async({"payment_intent": held.id, "expand": ["charge"]})
        charge = given.charge
        assert (given.amount, charge.refunded) == (amount, True)


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
async def test_a_declined_card(stand: StandIn, card: str, code: str, decline_code: str | None) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await stand.intents.create_async(paying(card))
    error = declined.value.error
    assert error is not None
    assert error.payment_intent is not None
    assert (declined.value.http_status, declined.value.code) == (402, code)
    assert error.to_dict().get("decline_code") == decline_code
    intent = await stand.intents.retrieve_async(error.payment_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.code == code
    assert [charge.status for charge in await charges_of(stand, intent.id)] == ["failed"]
    paid = await stand.intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.last_payment_error) == ("requires_capture", None)
    assert [charge.status for charge in await charges_of(stand, intent.id)] == ["succeeded", "failed"]


async def test_a_browser_confirms_with_its_publishable_key(stand: StandIn) -> None:
    intent = await stand.intents.create_async(
        {"amount": 900, "currency": "eur", "capture_method": "manual", "payment_method_types": ["card"]}
    )
    data = {"client_secret": intent.client_secret, "payment_method": "pm_card_mastercard"}
    headers = {"Authorization": "Bearer pk_test_browser"}
    path = f"/v1/payment_intents/{intent.id}/confirm"
    assert (await stand.http.post(path, data=data | {"client_secret": "x"}, headers=headers)).status_code == 400
    answer = await stand.http.post(path, data=data, headers=headers)
    assert answer.json()["status"] == "requires_capture"
    assert "latest_charge" not in answer.json()


async def test_automatic_payment_methods_ask_for_a_way_back(stand: StandIn) -> None:
    order: Any = {"amount": 900, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.intents.create_async(order)
    assert refused.value.param == "return_url"
    stay: Any = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    assert (await stand.intents.create_async(order | stay)).status == "succeeded"
    assert (await stand.intents.create_async(order | {"return_url": "https://shop.test"})).status == "succeeded"


async def test_three_d_secure_passed(stand: StandIn) -> None:
    order = paying("pm_card_threeDSecure2Required", return_url="https://shop.test/back?cart=1")
    intent = await stand.intents.create_async(order)
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    url = intent.next_action.redirect_to_url.url
    assert url == f"{stand.base}/3ds/{intent.id}"
    assert "12.50 eur" in (await stand.http.get(url)).text
    back = await stand.http.post(f"{url}/pass")
    assert back.status_code == 303
    assert back.headers["location"].startswith(f"https://shop.test/back?cart=1&payment_intent={intent.id}")
    intent = await stand.intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert (intent.status, intent.next_action) == ("requires_capture", None)
    assert intent.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert (await stand.http.post(f"{url}/pass")).status_code == 400


async def test_three_d_secure_failed(stand: StandIn) -> None:
    intent = await stand.intents.create_async(paying("pm_card_authenticationRequired"))
    assert intent.next_action.type == "use_stripe_sdk"
    answer = await stand.http.post(f"/3ds/{intent.id}/fail")
    assert answer.json() == {"id": intent.id, "status": "requires_payment_method"}
    intent = await stand.intents.retrieve_async(intent.id)
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert await charges_of(stand, intent.id) == []


async def test_three_d_secure_passed_and_then_declined(stand: StandIn) -> None:
    card = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
    intent = await stand.intents.create_async(paying(card))
    await stand.http.post(f"/3ds/{intent.id}/pass")
    intent = await stand.intents.retrieve_async(intent.id)
    assert (intent.status, intent.last_payment_error.decline_code) == (
        "requires_payment_method", "insufficient_funds",
    )  # fmt: skip


async def test_authentication_is_impossible_without_the_customer(stand: StandIn) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await stand.intents.create_async(paying("pm_card_authenticationRequired", off_session=True))
    assert declined.value.code == "authentication_required"
    ready = paying("pm_card_authenticationRequiredSetupForOffSession", off_session=True)
    assert (await stand.intents.create_async(ready)).status == "requires_capture"
