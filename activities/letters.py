"""Writes an e-mail as it is sent: the address is read now and kept nowhere else, the text from how things stand."""

import time
from datetime import date
from pathlib import Path

import sqlalchemy as sa
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy.ext.asyncio import AsyncSession

from activities.member_letters import about_member, refund_alone
from domain.carriage import EVERYWHERE
from domain.following import FollowedOrder, FollowedReturn, Step, first_name, safe_link
from domain.ids import payment_id
from domain.letters import NOBODY, Content, Letter, Moot, Sender
from domain.links import Link, Links
from domain.mails import Milestone
from domain.phrases import Wording
from domain.states import CheckoutState
from models import following, returns
from models.checkouts import Checkout
from models.mails import Mail
from models.memberships import Membership
from models.payments import Payment
from models.tenancy import Tenant
from settings import Settings, links_of

_M = Milestone
_PASSED = {
    _M.OUT_FOR_DELIVERY: {Step.DELIVERED, Step.COMING_BACK, Step.LOST},
    _M.READY_FOR_PICKUP: {Step.DELIVERED, Step.COMING_BACK, Step.LOST},
    _M.PARCEL_DELAYED: {Step.DELIVERED, Step.COMING_BACK, Step.LOST},
}
"""How far a parcel has come for its mail to be no news any more."""


_ABOUT = (
    sa.select(Tenant, Checkout, Membership)
    .outerjoin(Checkout, (Checkout.tenant_id == Tenant.tenant_id) & (Checkout.checkout_id == sa.bindparam("about")))
    .outerjoin(
        Membership, (Membership.tenant_id == Tenant.tenant_id) & (Membership.membership_id == sa.bindparam("about"))
    )
    .where(Tenant.tenant_id == sa.bindparam("tenant"))
)
"""The tenant, and whom or what a mail is about."""


class LetterWriter:
    """Knows who each tenant's e-mails are from, and makes the links in them."""

    def __init__(self, settings: Settings) -> None:
        self._senders = {one.tenant: one for one in settings.mail_senders}
        self._links: Links = links_of(settings)
        self._link_seconds = settings.link_days * 86_400
        self._public_url = settings.public_url.rstrip("/")
        pages = FileSystemLoader(Path(__file__).parent / "templates")
        self._pages = Environment(
            loader=pages, autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip

    async def write(self, session: AsyncSession, mail: Mail) -> Letter | Moot:
        """The whole e-mail, or why there is none."""
        sender = self._senders.get(mail.tenant_id) or self._senders.get(EVERYWHERE) or NOBODY
        say = Wording(sender.language)
        asked = {"tenant": mail.tenant_id, "about": mail.checkout_id}
        found: sa.Row[Tenant, Checkout | None, Membership | None] = (await session.execute(_ABOUT, asked)).one()
        shop, checkout, member = found
        if member is not None:
            address, name = member.email, ""
            content = await about_member(session, mail, member, sender, say)
        elif checkout is None:
            return Moot("it is about nothing that is known")
        else:
            address, name = checkout.customer.get("email"), str(checkout.customer.get("name") or "")
            content = await self._about_checkout(session, mail, checkout, sender, say)
        if not address or isinstance(content, str):
            return Moot(content if isinstance(content, str) else "no address")
        subject = say(f"mail.{content.phrase}", **content.facts)
        page = {
            "say": say,
            "shop": sender.name or shop.name,
            "subject": subject,
            "name": first_name(name),
            "text": say(f"mail.{content.phrase}.text", **content.facts),
            "content": content,
            "why": say("mail.why_member" if member else "mail.why", shop=sender.name or shop.name),
        }
        text, html = (self._pages.get_template(f"mail.{kind}").render(page) for kind in ("txt", "html"))
        return Letter(mail.mail_id, sender, str(address), name, subject, text, html)

    async def _about_checkout(
        self, session: AsyncSession, mail: Mail, checkout: Checkout, sender: Sender, say: Wording
    ) -> Content | str:
        """What it says of a checkout or its order; or why it is not wanted any more."""
        if mail.milestone is _M.PAYMENT_ACTION:
            payment = await session.get_one(Payment, (mail.tenant_id, payment_id(mail.tenant_id, mail.checkout_id)))
            if checkout.state is not CheckoutState.AWAITING_PAYMENT or not payment.action_url:
                return "nobody waits for a payment"
            return Content(mail.milestone, link=payment.action_url, link_text=say("mail.confirm_payment"))
        order = await following.read(session, checkout.order_number) if checkout.order_number else None
        if order is None:
            return await refund_alone(session, mail, say) if mail.milestone is _M.REFUNDED else "no order"
        if mail.milestone is _M.OUT_FOR_DELIVERY and not sender.out_for_delivery:
            return "not wanted by the shop"
        about, _, day = mail.part.partition("/")
        parcel = next((one for one in order.parcels if one.shipment_id == about), None)
        if parcel and parcel.step in _PASSED.get(mail.milestone, ()):
            return "overtaken"
        content = Content(
            mail.milestone, {"number": order.number}, self._link(mail.tenant_id, order), say("mail.follow")
        )
        content.rows.append((say("total"), say.money(order.total_minor, order.currency)))
        content.parcels = [parcel] if parcel else order.parcels
        if mail.milestone is _M.STOCK_DELAYED:
            if parcel is None or not parcel.waits_for_stock:
                return "all of it is there"
            content.facts["date"] = say.day(date.fromisoformat(day))
        if mail.milestone is _M.REFUNDED:
            content.facts |= (await refund_alone(session, mail, say)).facts
        if back := next((one for one in order.returns if one.return_id == about), None):
            await _about_return(session, content, back, mail, say)
        return content

    def _link(self, tenant: str, order: FollowedOrder) -> str:
        until = int(time.time()) + self._link_seconds
        return f"{self._public_url}/t/{self._links.make(Link(tenant, order.number, until))}"


async def _about_return(
    session: AsyncSession, content: Content, back: FollowedReturn, mail: Mail, say: Wording
) -> None:
    """Its pieces in the place of the parcels; and the label, which is in no other place that customers see."""
    content.parcels, content.pieces, content.rows = (), back.pieces, []
    row = await returns.find(session, back.return_id)
    if mail.milestone is _M.RETURN_LABEL and row is not None:
        if row.tracking_number:
            content.rows.append((say("tracking_number"), row.tracking_number))
        if row.due_at is not None:
            content.rows.append((say("mail.send_by"), say.day(row.due_at.date())))
        if label := safe_link(row.label_url):
            content.link, content.link_text = label, say("mail.print_label")
