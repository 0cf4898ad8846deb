"""What is asked of the payment provider, one call an activity."""

from temporalio import activity

from domain.disputes import DisputeFact, LookUpDispute
from domain.joining import CardKept, CardRefused, KeepCard
from domain.payments import (
    AuthorizationFact,
    AuthorizationFound,
    AuthorizePayment,
    CaptureFact,
    CapturePayment,
    FindAuthorization,
    LookUpPayment,
    LookUpRefund,
    PaymentFact,
    RefundFact,
    RefundFailed,
    RefundMade,
    RefundPayment,
    VoidFact,
    VoidPayment,
)
from gateways.stripe import Stripe


class PaymentActivities:
    """Calls to Stripe. An unknown outcome raises and is asked again under the same key."""

    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe

    @activity.defn(name="payments.authorize")
    async def authorize(self, asked: AuthorizePayment) -> PaymentFact:
        """Hold the money, or learn that the shopper must act or that the card was refused."""
        return await self._stripe.authorize(asked)

    @activity.defn(name="payments.keep_card")
    async def keep_card(self, asked: KeepCard) -> CardKept | CardRefused:
        """Keep a card for payments its customer is not there for."""
        return await self._stripe.keep_card(asked)

    @activity.defn(name="payments.look_up")
    async def look_up(self, asked: LookUpPayment) -> AuthorizationFact:
        """What is true of the authorization now."""
        return await self._stripe.look_up(asked.intent_id)

    @activity.defn(name="payments.find_authorization")
    async def find_authorization(self, asked: FindAuthorization) -> AuthorizationFound:
        """Whether an authorization whose answer nobody has made an intent."""
        return await self._stripe.find_authorization(asked)

    @activity.defn(name="payments.capture")
    async def capture(self, asked: CapturePayment) -> CaptureFact:
        """Take the money."""
        return await self._stripe.capture(asked)

    @activity.defn(name="payments.void")
    async def void(self, asked: VoidPayment) -> VoidFact:
        """Give the authorization back; harmless when there is none."""
        return await self._stripe.void(asked)

    @activity.defn(name="payments.refund")
    async def refund(self, asked: RefundPayment) -> RefundFact:
        """Give captured money back."""
        return await self._stripe.refund(asked)

    @activity.defn(name="payments.look_up_refund")
    async def look_up_refund(self, asked: LookUpRefund) -> RefundMade | RefundFailed:
        """What is true of a refund now."""
        return await self._stripe.look_up_refund(asked.provider_id)

    @activity.defn(name="payments.look_up_dispute")
    async def look_up_dispute(self, asked: LookUpDispute) -> DisputeFact:
        """What is true of a dispute now."""
        return await self._stripe.look_up_dispute(asked.dispute_id)
