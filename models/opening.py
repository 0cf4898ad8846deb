"""Opens checkouts: price → gates → stock → rows, payment and journal, for many of one tenant in one transaction."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from domain.checkouts import CheckoutInput, CheckoutOpened, OpenCheckout
from domain.drops import refusal_of
from domain.memberships import NOBODY, Standing
from domain.pricing import merge_lines, promise
from domain.refusals import Refusal, RefusalCode
from models import drops, member_limits, promotions
from models.drops import Entrant
from models.glance import Opening, glance
from models.memberships import standings
from models.opened import opened_before, write
from models.promotions import Redemption
from models.quoting import quote_many
from models.reserving import Wish, reserve_many

Stage = Callable[[AsyncSession, Sequence[Opening]], Awaitable[None]]
"""Looks at openings that nobody has refused yet, in order of arrival, with a few statements for all of them."""


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
    known = await opened_before(session, before, begun=begun) if before else {}
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
