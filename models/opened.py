"""What is written of a checkout that was opened, and what is answered when the same one is asked for again."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.checkouts import CheckoutInput, CheckoutOpened
from domain.ids import operation_key, payment_id
from domain.money import Money
from domain.payments import AuthorizePayment
from domain.refusals import Refusal, RefusalCode
from domain.states import CheckoutState, OperationKind, OperationState, PaymentState
from models import checkouts, driver, events, payments
from models.base import Base
from models.checkouts import Checkout
from models.events import Event
from models.glance import Opening
from models.payments import Payment, PaymentOperation


async def write(session: AsyncSession, openings: Sequence[Opening]) -> list[CheckoutOpened]:
    """The rows of all, refused ones too; and of the others the payment with its authorization, journaled as pending."""
    won = [one for one in openings if one.refusal is None]
    begun = {one.checkout.checkout_id: _operation(one) for one in won}
    rows: list[Base] = [_row(one) for one in openings]
    rows += [_payment(one) for one in won]
    rows += begun.values()
    rows += [_event(one) for one in openings]
    await driver.together(session, *driver.insert(rows))
    return [
        CheckoutOpened(
            quote=None if one.refusal else one.fixed,
            authorization=None if one.refusal else _authorization(one, begun[one.checkout.checkout_id]),
            refusal=one.refusal,
            expires_at=one.asked.expires_at,
            fingerprint=one.checkout.fingerprint,
            state=CheckoutState.FAILED if one.refusal else CheckoutState.OPEN,
        )
        for one in openings
    ]


async def opened_before(
    session: AsyncSession, asked: Sequence[CheckoutInput], *, begun: bool
) -> dict[str, CheckoutOpened]:
    """What was answered the first time, by checkout: this ran before, and its answer was lost."""
    query = sa.select(Checkout).where(Checkout.checkout_id.in_([one.checkout_id for one in asked]))
    rows = {row.checkout_id: row for row in await session.scalars(query)}
    return {
        one.checkout_id: await _as_answered(session, one, rows[one.checkout_id], begun=begun)
        for one in asked
        if one.checkout_id in rows
    }


async def _as_answered(session: AsyncSession, checkout: CheckoutInput, row: Checkout, *, begun: bool) -> CheckoutOpened:
    """As it was opened. Its authorization is given to its workflow, or to one that is still to be started for it."""
    if row.reason is not None:
        refusal = Refusal(RefusalCode(row.reason), row.reason_message or "")
        return CheckoutOpened(refusal=refusal, fingerprint=row.fingerprint, state=row.state)
    authorization = None
    if begun or (row.state is CheckoutState.OPEN and row.fingerprint == checkout.fingerprint):
        authorization = await _journaled(session, checkout, begun=begun)
    return CheckoutOpened(
        quote=checkouts.read_quote(row),
        authorization=authorization,
        expires_at=row.expires_at,
        fingerprint=row.fingerprint,
        state=row.state,
    )


async def _journaled(session: AsyncSession, checkout: CheckoutInput, *, begun: bool) -> AuthorizePayment | None:
    """The authorization that is pending. Another one, where it has failed, is for the running workflow to begin."""
    number, kind = payment_id(checkout.tenant, checkout.checkout_id), OperationKind.AUTHORIZE
    if begun:
        payment = await payments.get(session, number)
        pending = await payments.begin(session, payment, kind, payments.CHECKOUT, payment.amount_minor)
    else:
        newest = await payments.operation(session, number, kind, payments.CHECKOUT)
        if newest is None or newest.state is not OperationState.PENDING:
            return None
        pending = newest
    customer = await payments.provider_customer(session, checkout.customer.customer_id) if checkout.proven else None
    return _call(checkout, pending.idempotency_key, pending.amount_minor, customer, pending.created_at)


def _row(one: Opening) -> Checkout:
    checkout, why = one.checkout, one.refusal
    return Checkout(
        tenant_id=checkout.tenant,
        checkout_id=checkout.checkout_id,
        fingerprint=checkout.fingerprint,
        state=CheckoutState.FAILED if why else CheckoutState.OPEN,
        payment_mode=checkout.payment_mode,
        reason=why.code if why else None,
        reason_message=why.message if why else None,
        currency=checkout.currency,
        total_minor=None if why else one.fixed.total_minor,
        quote=None if why else checkouts.dump_quote(one.fixed),
        customer_id=checkout.customer.customer_id,
        customer=asdict(checkout.customer),
        address=asdict(checkout.address),
        shipping_method=checkout.shipping_method,
        expires_at=one.asked.expires_at,
        ended_at=one.seen.at if why else None,
    )


def _payment(one: Opening) -> Payment:
    checkout = one.checkout
    return Payment(
        tenant_id=checkout.tenant,
        payment_id=payment_id(checkout.tenant, checkout.checkout_id),
        checkout_id=checkout.checkout_id,
        state=PaymentState.PENDING,
        currency=checkout.currency,
        amount_minor=one.fixed.total_minor,
    )


def _operation(one: Opening) -> PaymentOperation:
    checkout = one.checkout
    payment = payment_id(checkout.tenant, checkout.checkout_id)
    return PaymentOperation(
        tenant_id=checkout.tenant,
        payment_id=payment,
        kind=OperationKind.AUTHORIZE,
        sequence=1,
        idempotency_key=operation_key(checkout.tenant, payment, OperationKind.AUTHORIZE, 1),
        reference=payments.CHECKOUT,
        amount_minor=one.fixed.total_minor,
        state=OperationState.PENDING,
    )


def _event(one: Opening) -> Event:
    checkout = one.checkout
    if one.refusal:
        kind, message = "checkout.failed", one.refusal.message
    else:
        total = Money(one.fixed.total_minor, checkout.currency)
        kind, message = "checkout.opened", f"Checkout opened: {total}, {one.fixed.items} items held"
    return events.event(checkout.tenant, checkout.checkout_id, kind, message)


def _authorization(one: Opening, operation: PaymentOperation) -> AuthorizePayment:
    """The call to make, as it was journaled."""
    customer = one.seen.provider_ids.get(one.checkout.customer.customer_id) if one.checkout.proven else None
    return _call(one.checkout, operation.idempotency_key, operation.amount_minor, customer, one.seen.at)


def _call(
    checkout: CheckoutInput, key: str, amount_minor: int, customer: str | None, begun_at: datetime | None
) -> AuthorizePayment:
    return AuthorizePayment(
        tenant=checkout.tenant,
        payment_id=payment_id(checkout.tenant, checkout.checkout_id),
        checkout_id=checkout.checkout_id,
        idempotency_key=key,
        amount_minor=amount_minor,
        currency=checkout.currency,
        mode=checkout.payment_mode,
        payment_method=checkout.payment_method,
        return_url=checkout.return_url,
        customer_id=checkout.customer.customer_id,
        capture=checkout.capture,
        save_card=checkout.save_card,
        provider_customer=customer,
        begun_at=begun_at,
    )
