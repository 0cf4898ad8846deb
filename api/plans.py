"""`/v1/membership-plans`: what can be joined, what it gives and costs."""

from typing import Annotated

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.etags import CONDITIONAL, IfMatch, must_match, tag_of
from api.pages import PAGED, Paged
from api.problems import Problem, not_found, refused
from api.resources import Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.memberships import PlanIn, PlanOut, PlanPageOut, Slug, TierOut
from domain.money import UnknownCurrency, exponent
from domain.refusals import Refusal, RefusalCode
from models import plans
from models.base import one_at_a_time
from models.plans import MembershipPlan, MembershipPrice, MembershipTier

router = APIRouter(prefix="/v1/membership-plans", tags=["memberships"])


@router.get("", response_model=PlanPageOut, responses=PAGED)
async def listing(tenant: Annotated[str, needs("memberships:read")], shared: Shared, page: Paged) -> PlanPageOut:
    """Plans by id, a page at a time."""
    after = page.after(tenant, "plans")
    async with shared.database.transaction(tenant) as session:
        found = await plans.listing(session, after, page.limit + 1)
        shown, more = page.cut(tenant, "plans", found, lambda one: [one.plan_id])
        return PlanPageOut(items=[await _out(session, one) for one in shown], next_cursor=more)


@router.get("/{plan_id}", response_model=PlanOut, responses={404: {"model": ProblemOut}})
async def read(
    plan_id: Slug, tenant: Annotated[str, needs("memberships:read")], shared: Shared, response: Response
) -> PlanOut:
    """One plan with its tiers, and its `ETag`."""
    async with shared.database.transaction(tenant) as session:
        plan = await plans.find(session, plan_id)
        if plan is None:
            raise not_found("membership plan")
        out = await _out(session, plan)
    response.headers["ETag"] = tag_of(out)
    return out


@router.put(
    "/{plan_id}",
    response_model=PlanOut,
    responses={201: {"model": PlanOut}, **{status: {"model": ProblemOut} for status in (409, 422)}, **CONDITIONAL},
)
async def put(
    plan_id: Slug,
    body: PlanIn,
    tenant: Annotated[str, needs("memberships:write")],
    shared: Shared,
    response: Response,
    if_match: IfMatch = None,
) -> PlanOut:
    """Make a plan; or change it, with `If-Match`. A tier that members hold stays; family and interval do not change."""
    for currency in {one for tier in body.tiers for one in tier.prices}:
        try:
            exponent(currency)
        except UnknownCurrency:
            message = f"{currency} is not a currency (ISO 4217)."
            raise refused(Refusal(RefusalCode.UNSUPPORTED_CURRENCY, message)) from None
    async with shared.database.transaction(tenant) as session:
        await one_at_a_time(session, f"membership_plans/{plan_id}")
        found = await plans.find(session, plan_id)
        must_match(if_match, tag_of(await _out(session, found)) if found else None)
        response.status_code = 200 if found else 201
        await _write(session, tenant, plan_id, body, found)
        plan = await plans.find(session, plan_id)
        if plan is None:
            raise RuntimeError("it has just been written")
        out = await _out(session, plan)
    response.headers["ETag"] = tag_of(out)
    return out


async def _write(session: AsyncSession, tenant: str, plan_id: str, body: PlanIn, found: MembershipPlan | None) -> None:
    family = body.family or plan_id
    if found and (found.family, found.interval) != (family, body.interval):
        raise Problem(409, "plan_is_fixed", "A plan's family and interval do not change. Make another plan.")
    own = {"tenant_id": tenant, "plan_id": plan_id}
    plan = {name: getattr(body, name) for name in ("name", "status", "interval", "grace_seconds", "refund_policy")}
    await session.merge(MembershipPlan(**own, family=family, retry_seconds=sorted(body.retry_seconds), **plan))
    await session.flush()
    kept = {tier.id for tier in body.tiers}
    if gone := [tier for tier in await plans.tiers(session, plan_id) if tier.tier_id not in kept]:
        detail = f"Tiers are not removed: {', '.join(tier.tier_id for tier in gone)}. Send them too."
        raise Problem(409, "tier_is_kept", detail)
    for tier in body.tiers:
        given = tier.model_dump(exclude={"id", "prices"})
        await session.merge(MembershipTier(**own, tier_id=tier.id, **given))
        await session.flush()
        await plans.drop_prices(session, plan_id, tier.id)
        session.add_all(
            MembershipPrice(**own, tier_id=tier.id, currency=currency, amount_minor=amount)
            for currency, amount in tier.prices.items()
        )
    await session.flush()


async def _out(session: AsyncSession, plan: MembershipPlan) -> PlanOut:
    costs = await plans.prices(session, plan.plan_id)
    return PlanOut(
        id=plan.plan_id,
        name=plan.name,
        family=plan.family,
        status=plan.status,
        interval=plan.interval,
        grace_seconds=plan.grace_seconds,
        retry_seconds=plan.retry_seconds,
        refund_policy=plan.refund_policy,
        tiers=[
            TierOut(
                id=tier.tier_id,
                name=tier.name,
                rank=tier.rank,
                prices=costs.get(tier.tier_id, {}),
                entitlements=tier.entitlements,
                price_tier=tier.price_tier,
                free_shipping=tier.free_shipping,
                early_access_seconds=tier.early_access_seconds,
                purchase_limit=tier.purchase_limit,
            )
            for tier in await plans.tiers(session, plan.plan_id)
        ],
    )
