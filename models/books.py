"""Our books of payments, as the audit and the reconciliation lay them beside the provider's."""

from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.books import OurBook
from domain.states import (
    CHECKOUT_MOVES,
    CheckoutState,
    LedgerAccount,
    OperationKind,
    OperationState,
    PaymentState,
    is_terminal,
)
from models.checkouts import Checkout
from models.ledger import LedgerEntry, Posting
from models.payments import Payment, PaymentOperation

Refunds = dict[str, dict[str, OperationState]]
Balances = dict[str, dict[str, int]]


async def known(session: AsyncSession, intents: Collection[str]) -> set[str]:
    """Those of these intents that a payment of ours has."""
    found = await session.scalars(sa.select(Payment.intent_id).where(Payment.intent_id.in_(intents)))
    return {intent for intent in found if intent is not None}


async def ours(session: AsyncSession, intents: Collection[str] | None = None) -> dict[str, OurBook]:
    """Intent id → our book of it: of these intents, or of all payments that have one."""
    query = (
        sa.select(Payment, Checkout.state)
        .outerjoin(Checkout, (Checkout.tenant_id == Payment.tenant_id) & (Checkout.checkout_id == Payment.checkout_id))
        .where(Payment.intent_id.is_not(None) if intents is None else Payment.intent_id.in_(intents))
    )
    found = (await session.execute(query)).all()
    wanted = None if intents is None else [payment.payment_id for payment, _ in found]
    refunds, out = await _operations(session, wanted)
    receivable = await _receivable(session, wanted)
    return {
        str(payment.intent_id): OurBook(
            payment_id=payment.payment_id,
            intent_id=str(payment.intent_id),
            state=payment.state,
            authorized_minor=payment.authorized_minor,
            captured_minor=payment.captured_minor,
            refunds=refunds[payment.payment_id],
            receivable=receivable[payment.payment_id],
            settling=payment.payment_id in out or _undecided(payment, checkout),
        )
        for payment, checkout in found
    }


def _undecided(payment: Payment, checkout: CheckoutState | None) -> bool:
    """Whether the customer may be paying: a checkout that has not ended, or a membership's period that is not paid."""
    if checkout is None:
        return payment.state in (PaymentState.PENDING, PaymentState.REQUIRES_ACTION)
    return not is_terminal(CHECKOUT_MOVES, checkout)


async def _operations(session: AsyncSession, payments: list[str] | None) -> tuple[Refunds, set[str]]:
    """Refunds by payment and id; and the payments with an operation out at this moment."""
    query = sa.select(PaymentOperation).where(
        (PaymentOperation.kind == OperationKind.REFUND) | (PaymentOperation.state == OperationState.PENDING)
    )
    if payments is not None:
        query = query.where(PaymentOperation.payment_id.in_(payments))
    refunds: Refunds = defaultdict(dict)
    out = set[str]()
    for operation in await session.scalars(query):
        if operation.kind is OperationKind.REFUND:
            refunds[operation.payment_id][operation.provider_id or operation.idempotency_key] = operation.state
        if operation.state is OperationState.PENDING:
            out.add(operation.payment_id)
    return refunds, out


async def _receivable(session: AsyncSession, payments: list[str] | None) -> Balances:
    query = (
        sa.select(Posting.payment_id, Posting.currency, sa.func.sum(LedgerEntry.amount_minor))
        .join(
            LedgerEntry, (LedgerEntry.tenant_id == Posting.tenant_id) & (LedgerEntry.posting_id == Posting.posting_id)
        )
        .where(LedgerEntry.account == LedgerAccount.RECEIVABLE)
        .group_by(Posting.payment_id, Posting.currency)
    )
    if payments is not None:
        query = query.where(Posting.payment_id.in_(payments))
    balances: Balances = defaultdict(dict)
    for payment, currency, total in (await session.execute(query)).all():
        if total:
            balances[payment][currency] = int(total)
    return balances
