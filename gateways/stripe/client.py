"""The calls that move money, each under its operation's own idempotency key; and the looks at what they did."""

from collections.abc import Sequence
from typing import Any, cast

import stripe
from stripe.params import PaymentIntentCreateParams, PaymentIntentListParamsCreated

from domain.disputes import DisputeFact
from domain.joining import CardKept, CardRefused, KeepCard
from domain.payments import (
    AuthorizationFact,
    AuthorizationFound,
    AuthorizePayment,
    CaptureDeclined,
    CaptureFact,
    CaptureMethod,
    CapturePayment,
    FindAuthorization,
    KeySpent,
    PaymentCancelled,
    PaymentFact,
    PaymentMode,
    PaymentVoided,
    RefundFact,
    RefundFailed,
    RefundMade,
    RefundPayment,
    VoidFact,
    VoidPayment,
    VoidRefused,
)
from domain.refusals import Refusal, RefusalCode
from gateways.signatures import verify
from gateways.stripe import facts
from gateways.stripe.books import StripeBooks
from gateways.stripe.dues import confirm_again, delete_customer, keep_card
from gateways.stripe.events import StripeEvent, parse
from gateways.stripe.faults import StripeMisconfigured, fault, replayed_failure, too_old

API_VERSION = stripe.api_version

_CHARGE = ["latest_charge"]
_CHARGE_AND_FEE = ["latest_charge.balance_transaction"]
_REFUND_REFUSALS = {
    "charge_already_refunded": RefusalCode.REFUND_EXCEEDS_CAPTURED,
    "amount_too_large": RefusalCode.REFUND_EXCEEDS_CAPTURED,
    "charge_disputed": RefusalCode.CHARGE_DISPUTED,
}
_ONE_MINUTE = 60
_TWO_DAYS = 172_800


class Stripe:
    """One Stripe account over the official SDK. Every call sends its own idempotency key; the SDK retries nothing.

    A call raises `StripeUnavailable` for an unknown outcome: ask again, the same. It answers `KeySpent` when it has
    looked and found that nothing happened under a key that cannot be used any more. It raises `StripeMisconfigured`
    for what is our own fault.
    """

    def __init__(
        self, *, api_key: str, api_base: str | None, webhook_secrets: Sequence[str], timeout: float = 20
    ) -> None:
        self._secrets = tuple(webhook_secrets)
        self._http = stripe.HTTPXClient(timeout=timeout)
        self.client = stripe.StripeClient(
            api_key,
            http_client=self._http,
            max_network_retries=0,
            base_addresses={"api": api_base} if api_base else {},
        )
        self.books = StripeBooks(self.client)

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK left it untyped

    def verify(self, header: str | None, body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless Stripe signed exactly these bytes."""
        verify(self._secrets, header, body, now)

    @staticmethod
    def parse(body: bytes) -> StripeEvent:
        """The event in a verified webhook. Raises `MalformedEvent`."""
        return parse(body)

    async def authorize(self, asked: AuthorizePayment) -> PaymentFact:
        """Make the intent, and confirm it in the same call when we have the payment method."""
        if asked.intent_id is not None:
            return await confirm_again(self.client, asked, asked.intent_id)
        if too_old(asked.begun_at):
            return await self._find_authorization(asked) or KeySpent("the key is older than 23 hours")
        try:
            params = await self._authorization(asked)
            intent = await self.client.v1.payment_intents.create_async(
                cast("PaymentIntentCreateParams", params), {"idempotency_key": asked.idempotency_key}
            )
        except stripe.StripeError as error:
            if replayed_failure(error):
                return await self._find_authorization(asked) or _spent(error)
            return facts.declined(error)
        return facts.of_intent(intent)

    async def look_up(self, intent_id: str) -> AuthorizationFact:
        """What is true of an intent now."""
        return facts.of_intent(await self._retrieve(intent_id))

    async def delete_customer(self, customer: str) -> None:
        """They and their kept cards are gone at Stripe; what was paid stays."""
        await delete_customer(self.client, customer)

    async def keep_card(self, asked: KeepCard) -> CardKept | CardRefused:
        """Make a payment method its customer's."""
        return await keep_card(self.client, asked)

    async def find_authorization(self, asked: FindAuthorization) -> AuthorizationFound:
        """The intent that an authorization made, looked for where it can be: its key lived for a day."""
        begun = int(asked.begun_at.timestamp())
        within: PaymentIntentListParamsCreated = {"gte": begun - _ONE_MINUTE, "lte": begun + _TWO_DAYS}
        return AuthorizationFound(await self._find_intent(asked.idempotency_key, within))

    async def capture(self, asked: CapturePayment) -> CaptureFact:
        """Take the money, or a part of it. A refusal is final; what was captured before answers as captured."""
        if too_old(asked.begun_at):
            return await self._captured(asked) or KeySpent("the key is older than 23 hours")
        try:
            params: dict[str, Any] = {"amount_to_capture": asked.amount_minor, "expand": _CHARGE_AND_FEE}
            if not asked.final:
                params["final_capture"] = False
            intent = await self.client.v1.payment_intents.capture_async(
                asked.intent_id, cast("Any", params), {"idempotency_key": asked.idempotency_key}
            )
        except stripe.CardError as error:
            return CaptureDeclined(facts.refusal(error.code, facts.detail(error).get("decline_code")))
        except stripe.StripeError as error:
            if replayed_failure(error):
                return await self._captured(asked) or _spent(error)
            if error.code != "payment_intent_unexpected_state":
                raise fault(error) from error
            found = await self._captured(asked)
            if found is None:
                raise fault(error) from error
            return found
        return facts.captured(intent)

    async def void(self, asked: VoidPayment) -> VoidFact:
        """Give back what is held. Voiding what is not held is harmless; captured money is not given back here.

        Without an intent id, the authorization is sent once more under its own key: if it had happened we learn its
        intent, and if it had not, it happens now and is voided at once.
        """
        intent_id = asked.intent_id
        if intent_id is None:
            if asked.authorization is None:
                return PaymentVoided(None)
            found = await self.authorize(asked.authorization)
            if isinstance(found, KeySpent) or found.intent_id is None:
                return PaymentVoided(None)
            intent_id = found.intent_id
        if too_old(asked.begun_at):
            return await self._voided(intent_id) or KeySpent("the key is older than 23 hours")
        try:
            await self.client.v1.payment_intents.cancel_async(
                intent_id, {"cancellation_reason": "abandoned"}, {"idempotency_key": asked.idempotency_key}
            )
        except stripe.StripeError as error:
            if replayed_failure(error):
                return await self._voided(intent_id) or _spent(error)
            if error.code != "payment_intent_unexpected_state":
                raise fault(error) from error
            settled = await self._voided(intent_id)
            if settled is None:
                raise fault(error) from error
            return settled
        return PaymentVoided(intent_id)

    async def refund(self, asked: RefundPayment) -> RefundFact:
        """Give captured money back. A refusal is final; what was refunded under this operation answers as made."""
        if too_old(asked.begun_at):
            return await self._find_refund(asked) or KeySpent("the key is older than 23 hours")
        try:
            refund = await self.client.v1.refunds.create_async(
                {
                    "payment_intent": asked.intent_id,
                    "amount": asked.amount_minor,
                    "reason": "requested_by_customer",
                    "metadata": {
                        "tenant": asked.tenant,
                        "payment_id": asked.payment_id,
                        "refund_id": asked.refund_id,
                        "operation": asked.idempotency_key,
                    },
                },
                {"idempotency_key": asked.idempotency_key},
            )
        except stripe.InvalidRequestError as error:
            code = _REFUND_REFUSALS.get(error.code or "", RefusalCode.REFUND_FAILED)
            message = f"The payment provider refused the refund: {error.user_message}"
            return await self._find_refund(asked) or RefundFailed(Refusal(code, message))
        except stripe.StripeError as error:
            if replayed_failure(error):
                return await self._find_refund(asked) or _spent(error)
            raise fault(error) from error
        return facts.of_refund(refund)

    async def look_up_refund(self, provider_id: str) -> RefundMade | RefundFailed:
        """What is true of a refund now."""
        try:
            return facts.of_refund(await self.client.v1.refunds.retrieve_async(provider_id))
        except stripe.StripeError as error:
            raise fault(error) from error

    async def look_up_dispute(self, dispute_id: str) -> DisputeFact:
        """What is true of a dispute now."""
        try:
            return facts.of_dispute(await self.client.v1.disputes.retrieve_async(dispute_id))
        except stripe.StripeError as error:
            raise fault(error) from error

    async def _authorization(self, asked: AuthorizePayment) -> dict[str, Any]:
        params: dict[str, Any] = {
            "amount": asked.amount_minor,
            "currency": asked.currency.lower(),
            "capture_method": asked.capture.value,
            "payment_method_types": ["card"],
            "metadata": {
                "tenant": asked.tenant,
                **_owner(asked),
                "payment_id": asked.payment_id,
                "customer_id": asked.customer_id,
                "operation": asked.idempotency_key,
            },
            "expand": _CHARGE_AND_FEE if asked.capture is CaptureMethod.AUTOMATIC else _CHARGE,
        }
        if asked.capture is CaptureMethod.MANUAL:
            params["payment_method_options"] = {"card": {"request_multicapture": "if_available"}}
        if customer := await self._customer(asked):
            params["customer"] = customer
        if asked.save_card:
            params["setup_future_usage"] = "off_session"
        if asked.mode is PaymentMode.SERVER:
            params |= {"confirm": True, "payment_method": asked.payment_method}
            if asked.off_session:
                params["off_session"] = True
            elif asked.return_url:
                params["return_url"] = asked.return_url
        return params

    async def _customer(self, asked: AuthorizePayment) -> str | None:
        """The customer at Stripe; made the first time a card is to be kept, under a key that lives as the operation's.

        A key of the shopper's would be forgotten in the middle of an operation, or keep a failure for all of them.
        """
        if asked.provider_customer or not asked.save_card:
            return asked.provider_customer
        made = await self.client.v1.customers.create_async(
            {"metadata": {"tenant": asked.tenant, "customer_id": asked.customer_id}},
            {"idempotency_key": f"{asked.idempotency_key}/customer"},
        )
        return made.id

    async def _find_authorization(self, asked: AuthorizePayment) -> AuthorizationFact | None:
        """What became of this operation, if it made an intent."""
        since = int(asked.begun_at.timestamp()) - _ONE_MINUTE if asked.begun_at else 0
        found = await self._find_intent(asked.idempotency_key, {"gte": since})
        return facts.of_intent(await self._retrieve(found)) if found else None

    async def _find_intent(self, operation: str, created: PaymentIntentListParamsCreated) -> str | None:
        """The intent that an operation made. Lists are up to date, unlike the search."""
        try:
            page = await self.client.v1.payment_intents.list_async({"created": created, "limit": 100})
            async for intent in page.auto_paging_iter():
                if intent.metadata.to_dict().get("operation") == operation:
                    return intent.id
        except stripe.StripeError as error:
            raise fault(error) from error
        return None

    async def _captured(self, asked: CapturePayment) -> CaptureFact | None:
        """Whether this capture happened; None: it did not, and still may."""
        intent = await self._retrieve(asked.intent_id)
        if intent.amount_received > asked.before_minor:
            return facts.captured(intent)
        if intent.status == "requires_capture":
            return None
        message = f"The authorization cannot be captured: the intent is {intent.status}."
        return CaptureDeclined(Refusal(RefusalCode.PAYMENT_REJECTED, message))

    async def _voided(self, intent_id: str) -> PaymentVoided | VoidRefused | None:
        """Whether nothing is held any more; None: something still is."""
        intent = await self._retrieve(intent_id)
        if intent.status == "succeeded":
            return VoidRefused(intent_id, facts.captured(intent))
        return PaymentVoided(intent_id) if isinstance(facts.of_intent(intent), PaymentCancelled) else None

    async def _find_refund(self, asked: RefundPayment) -> RefundMade | RefundFailed | None:
        """The refund that this operation made, if it did."""
        try:
            page = await self.client.v1.refunds.list_async({"payment_intent": asked.intent_id, "limit": 100})
            async for refund in page.auto_paging_iter():
                if refund.metadata and refund.metadata.to_dict().get("operation") == asked.idempotency_key:
                    return facts.of_refund(refund)
        except stripe.StripeError as error:
            raise fault(error) from error
        return None

    async def _retrieve(self, intent_id: str) -> stripe.PaymentIntent:
        try:
            return await self.client.v1.payment_intents.retrieve_async(intent_id, {"expand": _CHARGE_AND_FEE})
        except stripe.StripeError as error:
            raise fault(error) from error


def _owner(asked: AuthorizePayment) -> dict[str, str]:
    return {"membership_id": asked.membership_id} if asked.membership_id else {"checkout_id": asked.checkout_id}


def _spent(error: stripe.StripeError) -> KeySpent:
    return KeySpent(f"Stripe saved a {error.http_status} for this key, and nothing had happened")


__all__ = ["API_VERSION", "Stripe", "StripeMisconfigured"]
