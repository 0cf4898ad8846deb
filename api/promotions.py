"""`/v1/promotions`: codes, what they take off, and how often they were used."""

from typing import Any

from fastapi import APIRouter, Response

from api.etags import CONDITIONAL, IfMatch, must_match, tag_of
from api.pages import PAGED, Paged
from api.price_lists import Merchant, known_currency
from api.problems import Problem, not_found
from api.resources import Shared
from api.schemas.base import ProblemOut, PromotionCode
from api.schemas.promotions import PromotionIn, PromotionOut, PromotionPageOut
from domain.promotions import PromotionKind, canonical
from models import promotions
from models.base import one_at_a_time
from models.promotions import Promotion

router = APIRouter(prefix="/v1/promotions", tags=["prices"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 409, 422)}
_EDIT = _PROBLEMS | CONDITIONAL


@router.get("", response_model=PromotionPageOut, responses=PAGED)
async def codes(tenant: Merchant, shared: Shared, page: Paged) -> PromotionPageOut:
    """Codes, the newest first, a page at a time."""
    after = page.after(tenant, "promotions")
    async with shared.database.transaction(tenant) as session:
        found = await promotions.newest(session, after, page.limit + 1)
    shown, more = page.cut(tenant, "promotions", found, lambda one: [one[0].created_at.isoformat(), one[0].code])
    return PromotionPageOut(items=[_out(row, used) for row, used in shown], next_cursor=more)


@router.get("/{code}", response_model=PromotionOut, responses=_PROBLEMS)
async def read(code: PromotionCode, tenant: Merchant, shared: Shared, response: Response) -> PromotionOut:
    """One code, with its `ETag`."""
    async with shared.database.transaction(tenant) as session:
        row = await promotions.find(session, canonical(code))
        if row is None:
            raise not_found("promotion")
        out = _out(row, await promotions.uses(session, row.code))
    response.headers["ETag"] = _tag(out)
    return out


@router.put("/{code}", response_model=PromotionOut, responses={201: {"model": PromotionOut}, **_EDIT})
async def put(
    code: PromotionCode,
    body: PromotionIn,
    tenant: Merchant,
    shared: Shared,
    response: Response,
    if_match: IfMatch = None,
) -> PromotionOut:
    """Make a code; or change it, with `If-Match`. What has been taken off stays so; a limit is not below the uses."""
    if body.currency is not None:
        known_currency(body.currency)
    async with shared.database.transaction(tenant) as session:
        await one_at_a_time(session, f"promotions/{canonical(code)}")
        row = await promotions.find(session, canonical(code), lock=True)
        used = await promotions.uses(session, row.code) if row else 0
        must_match(if_match, _tag(_out(row, used)) if row else None)
        if body.usage_limit is not None and body.usage_limit < used:
            detail = f"The code was used {used} times already. Switch it off (`active: false`), or raise its limit."
            raise Problem(409, "limit_below_uses", detail, facts={"uses": str(used)})
        if row is None:
            row = Promotion(tenant_id=tenant, code=canonical(code))
            session.add(row)
            response.status_code = 201
        for name, value in _terms(body).items():
            setattr(row, name, value)
        await session.flush()
        await session.refresh(row)
        out = _out(row, used)
    response.headers["ETag"] = _tag(out)
    return out


def _tag(shown: PromotionOut) -> str:
    return tag_of(shown, without={"uses"})


def _terms(body: PromotionIn) -> dict[str, Any]:
    same = body.model_dump(exclude={"percent_basis_points", "amount", "minimum", "skus", "products"})
    return same | {
        "kind": PromotionKind.FIXED if body.percent_basis_points is None else PromotionKind.PERCENT,
        "basis_points": body.percent_basis_points,
        "amount_minor": body.amount,
        "minimum_minor": body.minimum,
        "skus": sorted(set(body.skus)),
        "products": sorted(set(body.products)),
    }


def _out(row: Promotion, used: int) -> PromotionOut:
    return PromotionOut(
        code=row.code,
        name=row.name,
        kind=row.kind,
        percent_basis_points=row.basis_points,
        amount=row.amount_minor,
        currency=row.currency,
        minimum=row.minimum_minor,
        skus=row.skus,
        products=row.products,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        active=row.active,
        stackable=row.stackable,
        first_order_only=row.first_order_only,
        usage_limit=row.usage_limit,
        customer_limit=row.customer_limit,
        uses=used,
    )
