"""An authorization that will lapse, or has, is replaced by a new one on the card the customer let us keep."""

from activities.journal import JournalActivities
from activities.payments import PaymentActivities
from domain.journal import BeginReauthorization, BeginVoid, FinishVoid, RecordReauthorization
from domain.payments import KeySpent, PaymentAuthorized, PaymentDeclined, PaymentFact, VoidFact
from domain.refusals import Refusal, RefusalCode
from domain.states import OperationKind
from workflows.desk import Desk, until_known
from workflows.money_back import renew
from workflows.policies import in_database

_ABSENT = Refusal(RefusalCode.AUTHENTICATION_REQUIRED, "The bank wants the customer to confirm, who is not there.")
_NO_CARD = Refusal(RefusalCode.INVALID_PAYMENT_METHOD, "The customer let us keep no card to authorize anew.")


async def reauthorize(desk: Desk, tenant: str, payment_id: str) -> PaymentAuthorized | Refusal | None:
    """Held anew; or refused, and why; or None: there is nothing to hold any more. The old hold is given back after."""
    fact: PaymentFact
    while True:
        asked = await in_database(
            JournalActivities.begin_reauthorization,
            BeginReauthorization(tenant, payment_id),
            "Journal a new authorization on the saved card",
        )
        if asked is None:
            return None
        if asked.call is None:
            return _NO_CARD
        trouble = "the new authorization's outcome is not known"
        fact = await until_known(desk, PaymentActivities.authorize, asked.call, "Authorize anew", trouble)
        if not isinstance(fact, KeySpent):
            break
        await renew(tenant, payment_id, OperationKind.AUTHORIZE, fact)
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
            await renew(tenant, payment_id, OperationKind.VOID, fact)
            continue
        await in_database(
            JournalActivities.finish_void, FinishVoid(tenant, payment_id, intent_id), "The old one is given back"
        )
        return
