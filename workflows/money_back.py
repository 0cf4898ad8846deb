"""Money goes back: what is held is voided, what was taken is refunded, whatever it takes."""

from dataclasses import replace

from activities.journal import JournalActivities
from activities.payments import PaymentActivities
from domain.checkouts import GivenBack
from domain.ids import undo_refund_id
from domain.journal import BeginRefund, BeginVoid, RecordRefund, Renew
from domain.payments import (
    AuthorizePayment,
    KeySpent,
    LookUpRefund,
    PaymentCaptured,
    RefundFact,
    RefundFailed,
    RefundMade,
    VoidFact,
    VoidRefused,
)
from domain.states import OperationState
from workflows.desk import Desk, until_known
from workflows.policies import in_database


async def give_back(
    desk: Desk,
    tenant: str,
    payment_id: str,
    *,
    intent_id: str | None = None,
    authorization: AuthorizePayment | None = None,
) -> tuple[GivenBack, str | None]:
    """Leave nothing of a payment with us; answers with how, and the intent it was about.

    When the intent is not known, the `authorization` is asked for once more under its own key, which tells.
    """
    while True:
        begun = await in_database(JournalActivities.begin_void, BeginVoid(tenant, payment_id), "Journal the void")
        asked = replace(begun, intent_id=begun.intent_id or intent_id, authorization=authorization)
        fact: VoidFact = await until_known(
            desk, PaymentActivities.void, asked, "Void the authorization", "the authorization could not be voided"
        )
        if isinstance(fact, KeySpent):
            await renew(tenant, payment_id, asked.idempotency_key, fact)
            continue
        if isinstance(fact, VoidRefused):
            await refund_all(desk, tenant, payment_id, fact.captured)
            return GivenBack.REFUNDED, fact.intent_id
        return GivenBack.VOIDED, fact.intent_id or intent_id


async def refund_all(desk: Desk, tenant: str, payment_id: str, captured: PaymentCaptured | None) -> None:
    """What should have been voided had been captured: all that is left of it goes back.

    `captured` is what is not written down yet; None when all of it is.
    """
    number = undo_refund_id(tenant, payment_id)
    begin = BeginRefund(tenant, payment_id, number, None, "it was captured and is not wanted", "Milepost", captured)
    while True:
        fact = await refund(desk, begin)
        if isinstance(fact, RefundMade) or fact.refusal.facts.get("refundable") == "0":
            return
        await desk.call_person(f"the captured payment could not be refunded: {fact.refusal.message}")
        await desk.wait_for_person()


async def refund(desk: Desk, begin: BeginRefund) -> RefundMade | RefundFailed:
    """Journal a refund, ask for it, write down what became of it. Repeatable: known already, it is looked up."""
    while True:
        begun = await in_database(JournalActivities.begin_refund, begin, "Set the amount aside, journal the refund")
        if begun.call is None:
            if begun.refusal is None:
                raise RuntimeError("a refund is begun or refused")
            return RefundFailed(begun.refusal)
        fact: RefundFact
        if begun.state is OperationState.PENDING:
            fact = await until_known(
                desk, PaymentActivities.refund, begun.call, "Refund", "the refund's outcome is not known"
            )
        else:
            fact = await look_up_refund(desk, begin.tenant, begun.provider_id or "")
        if isinstance(fact, KeySpent):
            await renew(begin.tenant, begin.payment_id, begun.call.idempotency_key, fact)
            continue
        await record_refund(begin.tenant, begin.payment_id, begin.refund_id, fact)
        return fact


async def look_up_refund(desk: Desk, tenant: str, provider_id: str) -> RefundMade | RefundFailed:
    """What is true of a refund the provider has."""
    look_up = LookUpRefund(tenant, provider_id)
    fact: RefundMade | RefundFailed = await until_known(
        desk, PaymentActivities.look_up_refund, look_up, "Look up the refund", "the refund cannot be looked up"
    )
    return fact


async def record_refund(tenant: str, payment_id: str, number: str, fact: RefundMade | RefundFailed) -> None:
    """Row, ledger and timeline."""
    summary = "Refund failed" if isinstance(fact, RefundFailed) else "Refund settling" if fact.settling else "Refunded"
    await in_database(JournalActivities.record_refund, RecordRefund(tenant, payment_id, number, fact), summary)


async def renew(tenant: str, payment_id: str, idempotency_key: str, spent: KeySpent) -> None:
    """Nothing happened under this key and nothing will: its operation failed, a new one may be begun."""
    asked = Renew(tenant, payment_id, idempotency_key, spent.reason)
    await in_database(JournalActivities.renew, asked, f"The key is spent: {spent.reason}")
