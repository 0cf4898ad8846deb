"""What an e-mail says of a membership, or of money that went back without an order."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.letters import Content, Sender
from domain.mails import Milestone
from domain.phrases import Wording
from domain.states import MembershipState
from models.events import Event
from models.mails import Mail
from models.memberships import Membership, MembershipPeriod
from models.payments import Payment
from models.plans import MembershipPlan, MembershipTier

_M = Milestone


async def about_member(
    session: AsyncSession, mail: Mail, member: Membership, sender: Sender, say: Wording
) -> Content | str:
    """What it says, or why it is not wanted any more."""
    if mail.milestone is _M.REFUNDED:
        return await refund_alone(session, mail, say)
    plan = await session.get_one(MembershipPlan, (mail.tenant_id, member.plan_id))
    tier = await session.get_one(MembershipTier, (mail.tenant_id, member.plan_id, member.tier_id))
    content = Content(mail.milestone, {"plan": f"{plan.name} {tier.name}"})
    if sender.account_url:
        content.link, content.link_text = sender.account_url, say("mail.my_account")
    about = mail.part.partition("/")[0]
    period = await session.get(MembershipPeriod, (mail.tenant_id, mail.checkout_id, int(about or member.period)))
    if mail.milestone in (_M.MEMBER_JOINED, _M.MEMBER_RENEWED) and period is not None:
        if mail.milestone is _M.MEMBER_RENEWED and not period.amount_minor:
            return "nothing was charged"
        content.facts["until"] = say.day(period.ends_at.date())
        content.rows = [(say("mail.period"), say.span(period.starts_at.date(), period.ends_at.date()))]
        if period.amount_minor:
            content.rows.append((say("total"), say.money(period.amount_minor, period.currency)))
        if period.amount_minor and member.card:
            content.rows.append((say("mail.card"), member.card))
    if mail.milestone is _M.MEMBER_NOT_PAID:
        if member.state is not MembershipState.PAST_DUE or period is None:
            return "overtaken"
        content.facts["until"] = say.day((member.benefits_until or period.starts_at).date())
        content.rows = [(say("total"), say.money(period.amount_minor, period.currency))]
        asked = sa.select(Payment.action_url).where(Payment.payment_id == period.payment_id)
        if page := await session.scalar(asked):
            content.link, content.link_text = page, say("mail.confirm_payment")
    if mail.milestone is _M.MEMBER_ENDING:
        if not member.ends_with_period or member.ended_at is not None or member.period_ends_at is None:
            return "overtaken"
        content.facts["until"] = say.day(member.period_ends_at.date())
    return content


async def refund_alone(session: AsyncSession, mail: Mail, say: Wording) -> Content:
    """Of money that went back, without what it was paid for."""
    event = await session.get_one(Event, (mail.tenant_id, mail.event_id))
    asked = sa.select(Payment.currency).where(
        sa.or_(Payment.checkout_id == mail.checkout_id, Payment.membership_id == mail.checkout_id)
    )
    currency = (await session.scalars(asked.limit(1))).one()
    return Content("refund_alone", {"amount": say.money(int(event.data["minor"]), currency)})
