"""An authorization that will lapse, or has, is replaced by a new one on the card the customer let us keep."""

from datetime import datetime, timedelta
from typing import Protocol

from activities.journal import JournalActivities
from activities.payments import PaymentActivities
from domain.journal import BeginReauthorization, BeginVoid, FinishVoid, RecordLapse, RecordReauthorization
from domain.payments import (
    AuthorizationFact,
    KeySpent,
    LookUpPayment,
    PaymentAuthorized,
    PaymentCancelled,
    PaymentDeclined,
    PaymentFact,
    VoidFact,
)
from domain.refusals import Refusal, RefusalCode
from domain.support import Trouble
from workflows.desk import Desk, until_known
from workflows.money_back import renew
from workflows.policies import RENEW_AUTHORIZATION_BEFORE, in_database

_ABSENT = Refusal(RefusalCode.AUTHENTICATION_REQUIRED, "The bank wants the customer to confirm, who is not there.")
_PARTLY = Refusal(RefusalCode.PAYMENT_REJECTED, "A part of it is captured, so that the rest cannot be held anew.")
_NO_CARD = Refusal(RefusalCode.INVALID_PAYMENT_METHOD, "The customer let us keep no card to authorize anew.")


LAPSED = "the authorization has lapsed: nothing is held. Try again on a saved card, or cancel the order"


REST_LAPSED = (
    "what was held for a parcel that is still here has lapsed, and cannot be captured any more:"
    " cancel what has not left"
)


async def lapsed(desk: Desk, tenant: str, payment_id: str, intent_id: str) -> bool:
    """Whether nothing is held any more; if so it is written down. One that was replaced meanwhile is no news."""
    trouble = "the payment cannot be looked up"
    look_up = LookUpPayment(tenant, payment_id, intent_id)
    fact: AuthorizationFact = await until_known(desk, PaymentActivities.look_up, look_up, "Look it up", trouble)
    taken = fact.captured if isinstance(fact, PaymentAuthorized) else None
    if not isinstance(fact, PaymentCancelled) and not (taken and taken.final):
        return False
    lapse = RecordLapse(tenant, payment_id, intent_id, taken.amount_minor if taken else 0)
    return await in_database(JournalActivities.record_lapse, lapse, "The authorization has lapsed")


class ParcelDesk(Desk, Protocol):
    """That of a parcel, which says what it needs a person for."""

    async def call_person(self, reason: str, trouble: Trouble = ...) -> None:
        """Support finds it, reads the reason, and sees what may be done."""


class AuthorizationWatch:
    """Keeps what a parcel counts on from lapsing: when something is due, and what is done then."""

    def __init__(self, tenant: str, payment_id: str, intent_id: str, lapses_at: datetime | None) -> None:
        self._tenant, self._payment_id, self._intent_id = tenant, payment_id, intent_id
        self._lapses_at = lapses_at
        self._renewal_tried = self._partly = False

    def left(self, now: datetime) -> timedelta | None:
        """Until the hold must be renewed, then until it lapses. None: nothing is to be waited for."""
        if self._lapses_at is None:
            return None
        due = self._lapses_at if self._renewal_tried else self._lapses_at - RENEW_AUTHORIZATION_BEFORE
        return max(due - now, timedelta(0))

    def renewed(self, authorized: PaymentAuthorized) -> None:
        """The money is held under this intent now."""
        self._intent_id, self._lapses_at = authorized.intent_id, authorized.capture_before
        self._renewal_tried = False

    async def act(self, desk: ParcelDesk, now: datetime) -> str | None:
        """What is due: a new hold on the saved card, or a person. Answers with what there is to tell of success."""
        if self._renewal_tried:
            self._lapses_at = None
            if await lapsed(desk, self._tenant, self._payment_id, self._intent_id):
                await desk.call_person(REST_LAPSED if self._partly else LAPSED, Trouble.AUTHORIZATION)
            return None
        self._renewal_tried = True
        outcome = await reauthorize(desk, self._tenant, self._payment_id, self._intent_id)
        if isinstance(outcome, PaymentAuthorized):
            self._intent_id, self._lapses_at = outcome.intent_id, outcome.capture_before
            lasts = self._lapses_at is None or self._lapses_at - RENEW_AUTHORIZATION_BEFORE > now
            self._renewal_tried = not lasts
            return "The authorization would have lapsed: authorized anew on the saved card"
        self._partly = outcome is _PARTLY
        if outcome is not None and self._lapses_at is not None:
            until = f"{self._lapses_at:%d %b %H:%M} UTC"
            lapses = f"the authorization lapses on {until}: ship the order now. {outcome.message}"
            await desk.call_person(lapses, Trouble.AUTHORIZATION)
        return None


async def reauthorize(
    desk: Desk, tenant: str, payment_id: str, intent_id: str | None = None
) -> PaymentAuthorized | Refusal | None:
    """Held anew; or refused, and why; or None: there is nothing to hold any more. The old hold is given back after.

    With `intent_id` it is that hold which is replaced: where another parcel has done so, its new one is answered.
    """
    fact: PaymentFact
    while True:
        asked = await in_database(
            JournalActivities.begin_reauthorization,
            BeginReauthorization(tenant, payment_id, intent_id),
            "Journal a new authorization on the saved card",
        )
        if asked is None:
            return None
        if asked.renewed is not None:
            return asked.renewed
        if asked.partly_captured:
            return _PARTLY
        if asked.call is None:
            return _NO_CARD
        trouble = "the new authorization's outcome is not known"
        fact = await until_known(desk, PaymentActivities.authorize, asked.call, "Authorize anew", trouble)
        if not isinstance(fact, KeySpent):
            break
        await renew(tenant, payment_id, asked.call.idempotency_key, fact)
    authorized = fact if isinstance(fact, PaymentAuthorized) else None
    refusal = None if authorized else fact.refusal if isinstance(fact, PaymentDeclined) else _ABSENT
    await in_database(
        JournalActivities.record_reauthorization,
        RecordReauthorization(tenant, payment_id, authorized, refusal),
        "Authorized anew" if authorized else "Not authorized anew",
    )
    if authorized is None:
        return refusal
    await _give_old_back(desk, tenant, payment_id, asked.replaces)
    return authorized


async def _give_old_back(desk: Desk, tenant: str, payment_id: str, intent_id: str) -> None:
    """The customer is not held twice."""
    while True:
        void = await in_database(
            JournalActivities.begin_void, BeginVoid(tenant, payment_id, intent_id), "Journal the old one's void"
        )
        trouble = "the old authorization could not be voided"
        fact: VoidFact = await until_known(desk, PaymentActivities.void, void, "Void the old one", trouble)
        if isinstance(fact, KeySpent):
            await renew(tenant, payment_id, void.idempotency_key, fact)
            continue
        await in_database(
            JournalActivities.finish_void, FinishVoid(tenant, payment_id, intent_id), "The old one is given back"
        )
        return
