"""A Stripe account under test, the stand-in's or a real one in test mode, and short words for what is asked of it."""

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import stripe

from domain.payments import (
    AuthorizationFact,
    AuthorizePayment,
    CaptureMethod,
    CapturePayment,
    PaymentAuthorized,
    PaymentMode,
    RefundPayment,
    VoidPayment,
)
from gateways.stripe import Stripe
from tests.sandbox.test_stripe_stand import StandIn

T = TypeVar("T")
TENANT = "contract"
SHOP = "https://shop.example/back"
VISA = "pm_card_visa"
_TEST_KEYS = ("sk_test_", "rk_test_")
_STEP_SECONDS = 10


def test_key(found: str) -> str:
    """The key, if it is one of Stripe's test mode. Raises ValueError for any other: these tests charge cards."""
    if not found.startswith(_TEST_KEYS):
        raise ValueError("STRIPE_API_KEY holds no test key (sk_test_… or rk_test_…); nothing else is used here")
    return found


test_key.__test__ = False  # type: ignore[attr-defined]  # a function of the kit, not a test


class Account:
    """One account. `stand` is the process behind it, or None where Stripe itself answers."""

    def __init__(self, gateway: Stripe, stand: StandIn | None, currency: str = "EUR") -> None:
        self.gateway = gateway
        self.stand = stand
        self.currency = currency
        self.run = secrets.token_hex(6)
        self._count = itertools.count(1)

    @property
    def shopper(self) -> stripe.V1Services:
        """The SDK, to play the browser and to look behind the gateway."""
        return self.gateway.client.v1

    def name(self, kind: str) -> str:
        """An id that no other run has ever used."""
        return f"{kind}_{self.run}_{next(self._count)}"

    def asks(self, method: str | None = VISA, amount: int = 2500, **changes: Any) -> AuthorizePayment:
        """A new authorization: by the server, or by the browser when there is no payment method."""
        payment = self.name("pay")
        asked = AuthorizePayment(
            tenant=TENANT,
            payment_id=payment,
            checkout_id=self.name("co"),
            idempotency_key=f"{TENANT}/{payment}/authorize/1",
            amount_minor=amount,
            currency=self.currency,
            mode=PaymentMode.SERVER if method else PaymentMode.CLIENT,
            payment_method=method,
            return_url=SHOP if method else None,
            customer_id=self.name("cus"),
        )
        return replace(asked, **changes)

    async def held(self, amount: int = 2500, method: str = VISA, **changes: Any) -> PaymentAuthorized:
        """An authorization that succeeded."""
        return authorized(await self.gateway.authorize(self.asks(method, amount, **changes)))

    async def taken(self, amount: int = 2500, method: str = VISA) -> PaymentAuthorized:
        """A payment that was captured at once."""
        return await self.held(amount, method, capture=CaptureMethod.AUTOMATIC)

    def captures(self, intent_id: str, amount: int, **changes: Any) -> CapturePayment:
        """A new capture."""
        payment = self.name("pay")
        return replace(CapturePayment(TENANT, payment, intent_id, f"{TENANT}/{payment}/capture/1", amount), **changes)

    def voids(self, intent_id: str | None, authorization: AuthorizePayment | None = None) -> VoidPayment:
        """A new void."""
        return VoidPayment(intent_id, f"{TENANT}/{self.name('pay')}/void/1", authorization)

    def refunds(self, intent_id: str, amount: int) -> RefundPayment:
        """A new refund."""
        payment, refund = self.name("pay"), self.name("re")
        return RefundPayment(TENANT, payment, refund, intent_id, f"{TENANT}/{payment}/refund/1", amount)

    async def confirm(self, intent_id: str, method: str) -> None:
        """What the browser does with an intent and a card; a decline stays with the intent."""
        try:
            await self.shopper.payment_intents.confirm_async(intent_id, {"payment_method": method})
        except stripe.CardError:
            return

    async def eventually(self, look: Callable[[], Awaitable[T]], ready: Callable[[T], bool]) -> T:
        """What `look` shows once it is `ready`. The stand-in's clock is moved; Stripe gets two minutes."""
        for _ in range(60):
            seen = await look()
            if ready(seen):
                return seen
            if self.stand is None:
                await asyncio.sleep(2)
            else:
                await self.stand.control("advance", seconds=_STEP_SECONDS)
        raise AssertionError(f"it did not happen in time; at last: {seen}")


def authorized(fact: AuthorizationFact | object) -> PaymentAuthorized:
    """The fact, which has to be an authorization that succeeded."""
    assert isinstance(fact, PaymentAuthorized), fact
    return fact
