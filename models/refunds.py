"""Refunds: operations of a payment that give captured money back, never more than was captured."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ledger import PostingKind
from domain.money import Money
from domain.payments import RefundFailed, RefundMade
from domain.refusals import Refusal, RefusalCode, Refused
from domain.states import OperationKind, OperationState, PaymentState
from models import disputes, ledger, payments
from models.base import now
from models.payments import Payment, PaymentOperation

ON_THE_WAY = (OperationState.PENDING, OperationState.SETTLING)


async def begin(
    session: AsyncSession, payment: Payment, refund_id: str, amount_minor: int | None, note: str
) -> PaymentOperation:
    """Journal a refund and set its amount aside; one known by its id is found again. The payment must be locked.

    Raises `Refused` for more than is left, and `OperationUnderWay` while another operation is out.
    """
    known = await payments.operation(session, payment.payment_id, OperationKind.REFUND, refund_id)
    if known is not None and known.state is not OperationState.FAILED:
        return known
    left = await left_minor(session, payment)
    wanted = left if amount_minor is None else amount_minor
    if refusal := refusal_of(payment, wanted, left):
        raise Refused(refusal)
    begun = await payments.begin(session, payment, OperationKind.REFUND, refund_id, wanted, note=note)
    payment.refunded_minor += wanted
    await session.flush()
    return begun


async def left_minor(session: AsyncSession, payment: Payment) -> int:
    """What may still go back of a payment, in minor units: captured, not promised back, not lost to a bank."""
    return payment.captured_minor - payment.refunded_minor - await disputes.lost_minor(session, payment.payment_id)


def refusal_of(payment: Payment, wanted_minor: int, left_minor: int) -> Refusal | None:
    """Why so much of a payment cannot go back when so much is left; None when it can."""
    if payment.captured_minor == 0:
        return Refusal(RefusalCode.NOTHING_CAPTURED, "Nothing was captured yet, so nothing can be refunded.")
    if 0 < wanted_minor <= left_minor:
        return None
    message = (
        f"{Money(wanted_minor, payment.currency)} cannot be refunded: {Money(left_minor, payment.currency)} of"
        f" {Money(payment.captured_minor, payment.currency)} captured is left."
    )
    return Refusal(RefusalCode.REFUND_EXCEEDS_CAPTURED, message, {"refundable": str(left_minor)})


async def record(session: AsyncSession, payment: Payment, refund_id: str, fact: RefundMade | RefundFailed) -> bool:
    """Write down what became of a refund, with its posting. False: that was known already."""
    operation = await payments.operation(session, payment.payment_id, OperationKind.REFUND, refund_id)
    if operation is None:
        operation = await _adopt(session, payment, refund_id, fact)
    if operation is None:
        return False
    if isinstance(fact, RefundMade):
        return await _made(session, payment, operation, fact)
    return await _failed(session, payment, operation, fact)


async def _adopt(
    session: AsyncSession, payment: Payment, refund_id: str, fact: RefundMade | RefundFailed
) -> PaymentOperation | None:
    """A refund made at the provider by hand is journaled as if it were ours. None: it moved no captured money."""
    left = payment.captured_minor - payment.refunded_minor
    if isinstance(fact, RefundFailed) or refund_id != fact.provider_id or not 0 < fact.amount_minor <= left:
        return None
    if fact.transaction_id is None and not fact.settling:
        return None
    return await begin(session, payment, refund_id, fact.amount_minor, "made at the payment provider")


async def _made(session: AsyncSession, payment: Payment, operation: PaymentOperation, fact: RefundMade) -> bool:
    wanted = OperationState.SETTLING if fact.settling else OperationState.SUCCEEDED
    if operation.state is wanted or operation.state not in ON_THE_WAY:
        return False
    operation.state, operation.provider_id = wanted, fact.provider_id
    operation.finished_at = None if fact.settling else now()
    await session.flush()
    if fact.transaction_id is not None or not fact.settling:
        await ledger.post(session, payment, PostingKind.REFUND, f"refund/{fact.provider_id}", fact.amount_minor)
    if payment.state is PaymentState.CAPTURED:
        await _is_it_all(session, payment)
    return True


async def take_no_more(session: AsyncSession, payment: Payment) -> None:
    """The rest of its hold is gone, given back or lapsed: it is captured with what was taken, or that has gone back."""
    payment.state = PaymentState.CAPTURED
    await session.flush()
    await _is_it_all(session, payment)


async def _is_it_all(session: AsyncSession, payment: Payment) -> None:
    """Of a payment of which nothing more is to be captured: it is refunded once all of it has gone back."""
    if await _given_back(session, payment) == payment.captured_minor:
        payment.state = PaymentState.REFUNDED


async def _failed(session: AsyncSession, payment: Payment, operation: PaymentOperation, fact: RefundFailed) -> bool:
    if operation.state in (OperationState.FAILED, OperationState.REVERSED):
        return False
    bounced = operation.state is OperationState.SUCCEEDED
    operation.state = OperationState.REVERSED if bounced else OperationState.FAILED
    operation.provider_id = fact.provider_id or operation.provider_id
    operation.error_code, operation.finished_at = fact.refusal.code, now()
    payment.refunded_minor -= operation.amount_minor
    if payment.state is PaymentState.REFUNDED:
        payment.state = PaymentState.CAPTURED
    await session.flush()
    if await ledger.posted(session, f"refund/{operation.provider_id}"):
        posting = f"refund/{operation.provider_id}/reversed"
        await ledger.post(session, payment, PostingKind.REFUND_REVERSED, posting, operation.amount_minor)
    return True


async def _given_back(session: AsyncSession, payment: Payment) -> int:
    query = sa.select(sa.func.coalesce(sa.func.sum(PaymentOperation.amount_minor), 0)).where(
        PaymentOperation.payment_id == payment.payment_id,
        PaymentOperation.kind == OperationKind.REFUND,
        PaymentOperation.state == OperationState.SUCCEEDED,
    )
    return int(await session.scalar(query) or 0)


async def of_payment(session: AsyncSession, payment_id: str) -> Sequence[PaymentOperation]:
    """A payment's refunds, oldest first; one that was asked for anew under another key shows its last try only."""
    query = (
        sa.select(PaymentOperation)
        .where(PaymentOperation.payment_id == payment_id, PaymentOperation.kind == OperationKind.REFUND)
        .ext(distinct_on(PaymentOperation.reference))
        .order_by(PaymentOperation.reference, PaymentOperation.sequence.desc())
    )
    found = (await session.scalars(query)).all()
    return sorted(found, key=lambda one: one.created_at)


async def find(session: AsyncSession, reference: str) -> PaymentOperation | None:
    """The newest operation of a refund id, of whichever payment."""
    query = (
        sa.select(PaymentOperation)
        .where(PaymentOperation.kind == OperationKind.REFUND, PaymentOperation.reference == reference)
        .order_by(PaymentOperation.sequence.desc())
        .limit(1)
    )
    found: PaymentOperation | None = await session.scalar(query)
    return found
