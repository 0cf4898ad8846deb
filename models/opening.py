"""Opens checkouts: price → gates → stock → rows, payment and journal, for many of one tenant in one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.checkouts import CheckoutInput, CheckoutOpened, OpenCheckout
from domain.drops import refusal_of
from domain.ids import operation_key, payment_id
from domain.memberships import NOBODY, Standing
from domain.money import Money
from domain.payments import AuthorizePayment
from domain.pricing import Quote, merge_lines, promise
from domain.refusals import Refusal, RefusalCode
from domain.states import CheckoutState, OperationKind, OperationState, PaymentState
from models import checkouts, driver, drops, events, member_limits, payments, promotions
from models.base import Base
from models.checkouts import Checkout
from models.driver import Statement
from models.drops import Entrant
from models.events import Event
from models.memberships import standings
from models.payments import Payment, PaymentOperation
from models.promotions import Redemption
from models.quoting import quote_many
from models.reserving import Wish, reserve_many


@dataclass(frozen=True, slots=True)
class Glance:
    """What one statement saw, before anything is done: mostly nothing, and then nobody looks closer."""

    at: datetime
    """The transaction's clock, which is `created_at` of the rows that it writes."""
    known: frozenset[str]
    """Checkouts that are there already."""
    members: frozenset[str]
    """Customers who have, or had, a membership."""
    dropped: frozenset[str]
    """SKUs of drops."""
    provider_ids: Mapping[str, str]
    """Of customers who ever let us keep a card, their id at the provider."""


@dataclass(slots=True)
class Opening:
    """One checkout on its way through the stages. A stage that refuses it sets `refusal`; later ones leave it out."""

    asked: OpenCheckout
    seen: Glance
    quote: Quote | None = None
    refusal: Refusal | None = None
    standing: Standing = NOBODY
    took_of_drop: bool = False
    took_of_limit: bool = False
    final: bool = False
    """The refusal is written down even if no workflow runs, and stays the answer for this key."""

    @property
    def checkout(self) -> CheckoutInput:
        """What the storefront asked."""
        return self.asked.checkout

    @property
    def is_member(self) -> bool:
        """Whether its customer has, or had, a membership."""
        return self.checkout.customer.customer_id in self.seen.members

    @property
    def fixed(self) -> Quote:
        """The quote, behind the first stage."""
        if self.quote is None:
            raise RuntimeError("not priced yet")
        return self.quote


Stage = Callable[[AsyncSession, Sequence[Opening]], Awaitable[None]]
"""Looks at openings that nobody has refused yet, in order of arrival, with a few statements for all of them."""


_GLANCE = """
    SELECT set_config('plan_cache_mode', 'force_generic_plan', true), now() AS at,
      ARRAY(SELECT checkout_id FROM checkouts WHERE checkout_id = ANY (%(checkouts)s)) AS known,
      ARRAY(SELECT customer_id FROM memberships WHERE customer_id = ANY (%(customers)s)) AS members,
      ARRAY(SELECT sku FROM drop_skus WHERE sku = ANY (%(skus)s)) AS dropped,
      (SELECT jsonb_object_agg(customer_id, provider_id) FROM provider_customers
        WHERE customer_id = ANY (%(customers)s)) AS provider_ids"""
"""What follows in this transaction is planned once a connection, and not for each cart: the quote takes longer to plan
than to run."""


async def glance(session: AsyncSession, asked: Sequence[CheckoutInput]) -> Glance:
    """What is there of these checkouts, their customers and what they want."""
    values = {
        "checkouts": [one.checkout_id for one in asked],
        "customers": sorted({one.customer.customer_id for one in asked}),
        "skus": sorted({line.sku for one in asked for line in one.lines}),
    }
    (row,) = await driver.ask(session, Statement(_GLANCE, values))
    return Glance(
        at=row.at,
        known=frozenset(row.known),
        members=frozenset(row.members),
        dropped=frozenset(row.dropped),
        provider_ids=row.provider_ids or {},
    )


async def price(session: AsyncSession, openings: Sequence[Opening]) -> None:
    """Fix each price by what its customer's memberships give, all with one look at the price lists."""
    members = {one.checkout.customer.customer_id for one in openings if one.checkout.proven and one.is_member}
    held = await standings(session, sorted(members)) if members else {}
    for one in openings:
        if one.checkout.proven:
            one.standing = held.get(one.checkout.customer.customer_id, NOBODY)
    answers = await quote_many(session, [(one.checkout.cart, one.standing) for one in openings])
    for one, answer in zip(openings, answers, strict=True):
        if isinstance(answer, Refusal):
            one.refusal = answer
        else:
            one.quote = answer


async def redeem(session: AsyncSession, openings: Sequence[Opening]) -> None:
    """Use the promotion codes. Their locks are taken before those of drops and stock."""
    wanted = [
        Redemption(
            one.checkout.checkout_id, one.checkout.customer.customer_id, one.fixed.currency, one.fixed.promotions
        )
        for one in openings
    ]
    refused = await promotions.redeem(session, wanted)
    for one in openings:
        one.refusal = refused.get(one.checkout.checkout_id)


async def enter_drops(session: AsyncSession, openings: Sequence[Opening]) -> None:
    """Limited editions: their window, limit and units, and the line. Those let through have taken their units."""
    concerned = [one for one in openings if any(line.sku in one.seen.dropped for line in one.checkout.lines)]
    if not concerned:
        return
    dropped = await drops.of_skus(session, {line.sku for one in concerned for line in one.checkout.lines})
    denied = await drops.enter(session, [_entrant(one.checkout, one.standing) for one in concerned], dropped)
    for one in concerned:
        denial = denied.get(one.checkout.checkout_id)
        one.refusal, one.took_of_drop = (refusal_of(denial), False) if denial else (None, True)


async def limit_members(session: AsyncSession, openings: Sequence[Opening]) -> None:
    """What a member may buy of a SKU in a period. Those let through have taken of it."""
    whose = {one.checkout.customer.customer_id: one.standing.purchase_limit for one in openings}
    limited = {who: limit for who, limit in whose.items() if limit is not None}
    if not limited:
        return
    carts = [
        (one.checkout.checkout_id, one.checkout.customer.customer_id, merge_lines(one.checkout.lines))
        for one in openings
    ]
    refused = await member_limits.take(session, carts, limited)
    for one in openings:
        one.refusal = refused.get(one.checkout.checkout_id)
        one.took_of_limit = one.refusal is None


GATES: tuple[Stage, ...] = (redeem, enter_drops, limit_members)
"""Who may buy what, and when: asked between price and stock, in this order."""


async def reserve(session: AsyncSession, openings: Sequence[Opening]) -> None:
    """Hold all lines of each cart, or none of them; what is yet to come is told in the quote."""
    wishes = [Wish(one.checkout.checkout_id, merge_lines(one.checkout.lines), one.asked.expires_at) for one in openings]
    reserved = await reserve_many(session, wishes)
    for one in openings:
        number = one.checkout.checkout_id
        if number in reserved.short:
            message = "Something in the cart has just sold out. Nothing was charged."
            one.refusal, one.final = Refusal(RefusalCode.OUT_OF_STOCK, message), True
        elif later := reserved.backordered.get(number):
            one.quote = promise(one.fixed, later)


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


async def open_many(
    session: AsyncSession, asked: Sequence[OpenCheckout], *, begun: bool = True
) -> list[CheckoutOpened]:
    """Open checkouts of this transaction's tenant in order of arrival, each all or nothing; the answers in that order.

    One that is there already is answered as the first time. A refused one holds nothing, and is written down as failed
    if it has `begun`, that is, if its workflow runs, or if it came too late for the stock: whoever repeats its key, and
    whichever of two requests of one key is slower, hears the same. Otherwise the same key may ask again.
    """
    seen = await glance(session, [one.checkout for one in asked])
    before = [one.checkout for one in asked if one.checkout.checkout_id in seen.known]
    known = await _opened_before(session, before, begun=begun) if before else {}
    fresh: dict[str, Opening] = {}
    for one in asked:
        if one.checkout.checkout_id not in known:
            fresh.setdefault(one.checkout.checkout_id, Opening(one, seen))
    openings = list(fresh.values())
    for stage in (price, *GATES, reserve):
        if standing := [one for one in openings if one.refusal is None]:
            await stage(session, standing)
    if lost := [one.checkout.checkout_id for one in openings if one.took_of_drop and one.refusal]:
        await drops.leave(session, lost)
    if over := [one.checkout.checkout_id for one in openings if one.took_of_limit and one.refusal]:
        await member_limits.give_back(session, over)
    if unused := [one.checkout.checkout_id for one in openings if one.refusal and one.quote and one.quote.promotions]:
        await promotions.give_back(session, unused)
    if written := [one for one in openings if begun or one.final or one.refusal is None]:
        told = await write(session, written)
        known |= {one.checkout.checkout_id: opened for one, opened in zip(written, told, strict=True)}
    return [
        known.get(one.checkout.checkout_id)
        or CheckoutOpened(refusal=fresh[one.checkout.checkout_id].refusal, kept=False)
        for one in asked
    ]


def _entrant(checkout: CheckoutInput, standing: Standing) -> Entrant:
    return Entrant(
        checkout_id=checkout.checkout_id,
        customer_id=checkout.customer.customer_id,
        lines=merge_lines(checkout.lines),
        tier=standing.tier,
        early_seconds=standing.early_access_seconds,
        entitlements=standing.entitlements,
    )


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


async def _opened_before(
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
