"""What memberships ask of Stripe besides a payment: to try an intent once more, and to keep another card."""

from typing import Any, cast

import stripe

from domain.joining import CardKept, CardRefused, KeepCard
from domain.payments import (
    AuthorizationFact,
    AuthorizePayment,
    KeySpent,
    PaymentAuthorized,
    PaymentFact,
    PaymentProcessing,
    SavedCard,
)
from domain.refusals import Refusal, RefusalCode
from gateways.stripe import facts
from gateways.stripe.faults import fault, replayed_failure, too_old

_CHARGE_AND_FEE = ["latest_charge.balance_transaction"]


async def confirm_again(client: stripe.StripeClient, asked: AuthorizePayment, intent_id: str) -> PaymentFact:
    """Try an intent that was declined once more: it is paid once at most, whoever confirms it and however often.

    (docs.stripe.com/payments/paymentintents/lifecycle)
    """
    if too_old(asked.begun_at):
        return await _paid(client, intent_id) or KeySpent("the key is older than 23 hours")
    params: dict[str, Any] = {"payment_method": asked.payment_method, "expand": _CHARGE_AND_FEE}
    if asked.off_session:
        params["off_session"] = True
    elif asked.return_url:
        params["return_url"] = asked.return_url
    try:
        intent = await client.v1.payment_intents.confirm_async(
            intent_id, cast("Any", params), {"idempotency_key": asked.idempotency_key}
        )
    except stripe.StripeError as error:
        if replayed_failure(error):
            spent = KeySpent(f"Stripe saved a {error.http_status} for this key, and nothing had happened")
            return await _paid(client, intent_id) or spent
        if error.code == "payment_intent_unexpected_state":
            return await _look_up(client, intent_id)
        return facts.declined(error)
    return facts.of_intent(intent)


async def keep_card(client: stripe.StripeClient, asked: KeepCard) -> CardKept | CardRefused:
    """Attach a payment method to its customer (docs.stripe.com/api/payment_methods/attach). Attached twice is once.

    A failure that Stripe has saved for a key is no answer: it is looked up whether the method is attached, and if not,
    it is attached without a key, which cannot happen twice.
    """
    try:
        customer = asked.provider_customer or await _customer(client, asked)
    except stripe.StripeError as error:
        return CardRefused(facts.declined(error).refusal)
    try:
        try:
            method = await client.v1.payment_methods.attach_async(
                asked.payment_method, {"customer": customer}, {"idempotency_key": asked.idempotency_key}
            )
        except stripe.StripeError as error:
            if not (replayed_failure(error) or isinstance(error, stripe.InvalidRequestError)):
                raise
            found = await _method(client, asked.payment_method)
            if found is None or found.customer is None:
                if not replayed_failure(error):
                    raise
                found = await client.v1.payment_methods.attach_async(asked.payment_method, {"customer": customer})
            method = found
    except stripe.StripeError as error:
        if isinstance(error, stripe.InvalidRequestError) and error.code == "resource_missing":
            error.param = "payment_method"
        return CardRefused(facts.declined(error).refusal)
    if method.customer != customer:
        message = "The card belongs to another customer. Collect the card again."
        return CardRefused(Refusal(RefusalCode.INVALID_PAYMENT_METHOD, message))
    card = method.card
    return CardKept(SavedCard(customer, method.id), f"{card.brand} {card.last4}" if card else None)


async def _method(client: stripe.StripeClient, number: str) -> stripe.PaymentMethod | None:
    """None when there is no such thing, as with a test card's token, which becomes a method as it is attached."""
    try:
        return await client.v1.payment_methods.retrieve_async(number)
    except stripe.InvalidRequestError as error:
        if error.code != "resource_missing":
            raise
        return None


async def _customer(client: stripe.StripeClient, asked: KeepCard) -> str:
    """Make the customer known. Where a failure was saved for the key, under a second one: at worst a customer is left
    who has no card, and whom nothing is charged to."""
    metadata = {"tenant": asked.tenant, "customer_id": asked.customer_id}
    for key in (f"{asked.idempotency_key}/customer", f"{asked.idempotency_key}/customer/2"):
        try:
            made = await client.v1.customers.create_async({"metadata": metadata}, {"idempotency_key": key})
        except stripe.StripeError as error:
            if not replayed_failure(error):
                raise
            saved = error
        else:
            return made.id
    raise saved


async def delete_customer(client: stripe.StripeClient, customer: str) -> None:
    """For good, with the cards kept there (docs.stripe.com/api/customers/delete). One who is gone stays gone."""
    try:
        await client.v1.customers.delete_async(customer)
    except stripe.StripeError as error:
        if not (isinstance(error, stripe.InvalidRequestError) and error.code == "resource_missing"):
            raise fault(error) from error


async def _look_up(client: stripe.StripeClient, intent_id: str) -> AuthorizationFact:
    try:
        intent = await client.v1.payment_intents.retrieve_async(intent_id, {"expand": _CHARGE_AND_FEE})
    except stripe.StripeError as error:
        raise fault(error) from error
    return facts.of_intent(intent)


async def _paid(client: stripe.StripeClient, intent_id: str) -> PaymentAuthorized | PaymentProcessing | None:
    """The payment, if a try whose key is spent has come to one or still may."""
    found = await _look_up(client, intent_id)
    return found if isinstance(found, PaymentAuthorized | PaymentProcessing) else None
