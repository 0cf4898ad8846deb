"""The database's part of a membership: agree to its terms, change how it goes on, end it, call a person."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.joining import (
    ChangeMembership,
    EndMembership,
    FindTerms,
    FlagMembership,
    KeepCard,
    LeftOpen,
    MembershipInput,
    MembershipOpened,
    Progress,
    Terms,
)
from domain.refusals import Refusal, RefusalCode, Refused
from domain.states import MEMBERSHIP_MOVES, MembershipState, OperationKind, PaymentState, PeriodState, is_terminal
from models import events, memberships, payments, plans
from models.base import now
from models.database import Database
from models.memberships import Membership, MembershipPeriod
from models.payments import PERIOD


class MembershipActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="memberships.open")
    async def open(self, asked: MembershipInput) -> MembershipOpened:
        """Agree to what the tier costs today, once for this membership; or say why not, leaving nothing."""
        async with self._database.transaction(asked.tenant) as session:
            if known := await memberships.find(session, asked.membership_id):
                return await _as_agreed(session, known)
            try:
                terms = await plans.terms(session, asked.plan_id, asked.tier_id, asked.currency)
                await _join(session, asked, terms)
            except Refused as no:
                return MembershipOpened(refusal=no.refusal)
            message = f"Joining {terms.plan_id}/{terms.tier_id}"
            events.record(session, asked.tenant, asked.membership_id, "membership.joining", message)
            return MembershipOpened(terms)

    @activity.defn(name="memberships.terms")
    async def terms(self, asked: FindTerms) -> MembershipOpened:
        """What another tier of the same plan costs today, in the membership's currency; or why it cannot be had."""
        async with self._database.transaction(asked.tenant) as session:
            row = await memberships.get(session, asked.membership_id)
            try:
                return MembershipOpened(await plans.terms(session, row.plan_id, asked.tier_id, row.currency))
            except Refused as no:
                return MembershipOpened(refusal=no.refusal)

    @activity.defn(name="memberships.customer")
    async def customer(self, asked: KeepCard) -> KeepCard:
        """Whom a card is to be kept for, by the id at the provider if they are known there."""
        async with self._database.transaction(asked.tenant) as session:
            return replace(asked, provider_customer=await payments.provider_customer(session, asked.customer_id))

    @activity.defn(name="memberships.change")
    async def change(self, asked: ChangeMembership) -> None:
        """Write down how it goes on."""
        async with self._database.transaction(asked.tenant) as session:
            row = await memberships.get(session, asked.membership_id)
            ends = await _ends(session, row) if asked.ends_with_period and not row.ends_with_period else {}
            row.ends_with_period = asked.ends_with_period
            row.next_tier_id = asked.next_terms.tier_id if asked.next_terms else None
            if asked.benefits_until is not None:
                row.benefits_until = asked.benefits_until
            if asked.saved is not None:
                row.saved_customer, row.saved_method = asked.saved.customer, asked.saved.payment_method
                row.card = asked.card
                await payments.keep_customer(session, asked.tenant, row.customer_id, asked.saved.customer)
            events.record(session, asked.tenant, asked.membership_id, "membership.changed", asked.message, **ends)

    @activity.defn(name="memberships.end")
    async def end(self, asked: EndMembership) -> None:
        """End it: its benefits end with it, and what was due is written off."""
        async with self._database.transaction(asked.tenant) as session:
            row = await memberships.get(session, asked.membership_id)
            if is_terminal(MEMBERSHIP_MOVES, row.state):
                return
            for period in await memberships.due_periods(session, asked.membership_id):
                period.state, period.settled_at = PeriodState.WRITTEN_OFF, now()
                if period.payment_id is not None:
                    await _not_paid(session, period.payment_id, asked)
            row.state, row.ended_at, row.attention_reason = asked.state, now(), None
            row.reason, row.reason_message = asked.reason.code, asked.reason.message
            kind, message = f"membership.{asked.state}", f"{asked.state.capitalize()}: {asked.reason.message}"
            events.record(session, asked.tenant, asked.membership_id, kind, message, reason=asked.reason.code)

    @activity.defn(name="memberships.flag")
    async def flag(self, asked: FlagMembership) -> None:
        """Call a person to it, or let them go again."""
        async with self._database.transaction(asked.tenant) as session:
            row = await memberships.get(session, asked.membership_id)
            row.attention_reason = asked.reason
            if asked.reason:
                message = f"Needs a person: {asked.reason}"
                events.record(session, asked.tenant, asked.membership_id, "membership.needs_attention", message)


async def _ends(session: AsyncSession, row: Membership) -> dict[str, object]:
    """What its event says when it is to end with its period, and which time: it may have been taken back before."""
    told = [one for one in await events.timeline(session, row.membership_id) if one.data.get("ends")]
    return {"ends": True, "period": row.period, "time": len(told) + 1}


async def _join(session: AsyncSession, asked: MembershipInput, terms: Terms) -> None:
    """Be the customer's one membership of this family, or raise `Refused`: the database decides."""
    row = insert(Membership).values(
        tenant_id=asked.tenant,
        membership_id=asked.membership_id,
        fingerprint=asked.fingerprint,
        customer_id=asked.customer_id,
        family=terms.family,
        plan_id=terms.plan_id,
        tier_id=terms.tier_id,
        state=MembershipState.PENDING,
        interval=terms.interval,
        grace_seconds=terms.grace_seconds,
        retry_seconds=list(terms.retry_seconds),
        refund_policy=terms.refund_policy,
        email=asked.email,
        currency=terms.currency,
        amount_minor=terms.amount_minor,
    )
    free = row.on_conflict_do_nothing(
        index_elements=["tenant_id", "customer_id", "family"],
        index_where=sa.text("state IN ('pending', 'active', 'past_due')"),
    )
    if await session.scalar(free.returning(Membership.membership_id)) is None:
        other = await memberships.living(session, asked.customer_id, terms.family)
        facts = {"membership_id": other.membership_id, "state": other.state.value} if other else {}
        message = "This customer has a membership of this kind, or is joining one. Look at that one."
        raise Refused(Refusal(RefusalCode.ALREADY_A_MEMBER, message, facts))


async def _as_agreed(session: AsyncSession, row: Membership) -> MembershipOpened:
    """What was answered the first time, whose answer was lost; or how far the process came that is gone."""
    if row.reason is not None:
        return MembershipOpened(refusal=Refusal(RefusalCode(row.reason), row.reason_message or ""))
    begun = await memberships.periods(session, row.membership_id)
    if not begun:
        return MembershipOpened(row.terms)
    message = "Its process was gone; another one goes on with it"
    events.record(session, row.tenant_id, row.membership_id, "membership.taken_up", message)
    if row.state is MembershipState.PENDING:
        return MembershipOpened(row.terms, left_open=await _left_open(session, begun[0]))
    return MembershipOpened(row.terms, progress=await _progress(session, row, begun))


async def _left_open(session: AsyncSession, first: MembershipPeriod) -> LeftOpen:
    if first.payment_id is None:
        return LeftOpen(first.starts_at)
    payment = await payments.get(session, first.payment_id)
    asked = await payments.operation(session, payment.payment_id, OperationKind.AUTHORIZE, PERIOD)
    key, begun_at = (asked.idempotency_key, asked.created_at) if asked else (None, None)
    return LeftOpen(first.starts_at, payment.payment_id, payment.intent_id, key, begun_at)


async def _progress(session: AsyncSession, row: Membership, begun: Sequence[MembershipPeriod]) -> Progress:
    """Where a paid membership stands. What a period that is due costs was fixed as it began; another tier that was
    asked for since costs what it costs today, and if it is not to be had any more, the old one goes on."""
    due, following = begun[-1], None
    if due.state is PeriodState.DUE:
        following = replace(row.terms, tier_id=due.tier_id, amount_minor=due.amount_minor)
    elif row.next_tier_id is not None:
        with suppress(Refused):
            following = await plans.terms(session, row.plan_id, row.next_tier_id, row.currency)
    return Progress(row.terms, begun[0].starts_at, row.period, row.ends_with_period, following)


async def _not_paid(session: AsyncSession, payment_id: str, asked: EndMembership) -> None:
    payment = await payments.get(session, payment_id)
    if asked.voided:
        await payments.mark_voided(session, payment, asked.intent_id)
    else:
        payment.state = PaymentState.FAILED
        await payments.finish(session, payment_id, OperationKind.AUTHORIZE, error_code=asked.reason.code)
