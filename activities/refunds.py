"""The database's part of a refund that somebody asks for by hand: within the limits, and allowed by whom."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.money import Money
from domain.refunds import MoveRefundRequest, RefundAsked, RefundInput, RefundLimits, beyond
from domain.refusals import Refusal
from domain.states import REFUND_REQUEST_MOVES, RefundRequestState
from models import events, payments, refund_requests, refunds
from models.base import RowMissing, now
from models.database import Database
from models.payments import Payment
from models.refund_requests import RefundRequest

_S = RefundRequestState


class RefundActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="refunds.request")
    async def request(self, asked: RefundInput) -> RefundAsked:
        """Write down what somebody asks for, with whether it may go at once; or say why it may not at all.

        Under the payment's lock, so that what others asked for and is not begun counts.
        """
        if asked.limits is None or asked.order_number is None:
            raise RowMissing("what is asked for by hand has limits and an order")
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            known = await refund_requests.find(session, asked.refund_id)
            if known is not None:
                return RefundAsked(known.amount_minor, known.state)
            left = await refunds.left_minor(session, payment)
            left -= await refund_requests.not_begun_minor(session, payment.payment_id)
            wanted = left if asked.amount_minor is None else asked.amount_minor
            refusal = refunds.refusal_of(payment, wanted, left) or await _beyond(session, asked, asked.limits, wanted)
            if refusal is not None:
                return RefundAsked(refusal=refusal)
            second = wanted > asked.limits.second_person_above_minor
            row = RefundRequest(
                tenant_id=asked.tenant,
                refund_id=asked.refund_id,
                order_number=asked.order_number,
                payment_id=asked.payment_id,
                fingerprint=asked.fingerprint,
                state=_S.AWAITING_APPROVAL if second else _S.APPROVED,
                cause=asked.cause,
                amount_minor=wanted,
                currency=payment.currency,
                actor=asked.actor,
                note=asked.reason,
                needs_second=second,
            )
            if second:
                row.due_at = sa.func.now() + timedelta(seconds=asked.limits.approve_within_seconds)
            session.add(row)
            amount, why = Money(wanted, payment.currency), asked.cause.replace("_", " ")
            told = f"{amount} asked for by {asked.actor} ({why}): {asked.reason}"
            _event(
                session, payment, "refund.awaiting_approval" if second else "refund.asked_for", told, asked.refund_id
            )
            return RefundAsked(wanted, row.state)

    @activity.defn(name="refunds.move")
    async def move(self, asked: MoveRefundRequest) -> RefundRequestState:
        """Somebody decided, nobody did in time, or it could not be done. Answers with how it stands, which stays so."""
        async with self._database.transaction(asked.tenant) as session:
            row = await refund_requests.get(session, asked.refund_id)
            if asked.state not in REFUND_REQUEST_MOVES.get(row.state, ()):
                return row.state
            if row.state is _S.AWAITING_APPROVAL:
                row.decided_by, row.decision_note, row.decided_at = asked.actor, asked.note, now()
            row.state, row.due_at = asked.state, None
            payment = await payments.get(session, row.payment_id)
            told = f"Refund of {Money(row.amount_minor, row.currency)} {asked.state}, {asked.actor}: {asked.note}"
            _event(session, payment, f"refund.{asked.state}", told, row.refund_id)
            return row.state


async def _beyond(session: AsyncSession, asked: RefundInput, limits: RefundLimits, wanted: int) -> Refusal | None:
    return beyond(
        limits,
        wanted,
        asked.currency,
        of_order_minor=await refund_requests.of_order_minor(session, asked.order_number or ""),
        by_actor_minor=await refund_requests.by_actor_minor(session, asked.actor, asked.currency),
    )


def _event(session: AsyncSession, payment: Payment, kind: str, message: str, refund: str) -> None:
    events.record(session, payment.tenant_id, payment.subject, kind, message, refund=refund)
