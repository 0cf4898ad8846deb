"""`/v1/price-lists`: what things cost, for whom and when; prices in bulk with an answer for each row."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.etags import CONDITIONAL, IfMatch, must_match, tag_of
from api.pages import PAGED, Paged
from api.problems import Problem, not_found
from api.resources import Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.prices import (
    ListId,
    PriceListIn,
    PriceListOut,
    PriceListPageOut,
    PriceOut,
    PricePageOut,
    PriceRowOut,
    PriceRowsOut,
    PricesIn,
)
from domain.money import UnknownCurrency, exponent
from domain.price_lists import DEFAULT_LIST
from models import prices
from models.base import one_at_a_time
from models.price_upserts import put_prices
from models.prices import PriceList

router = APIRouter(prefix="/v1/price-lists", tags=["prices"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 409, 422)}
_EDIT = _PROBLEMS | CONDITIONAL

Merchant = Annotated[str, needs("prices:write")]
"""Lists tell what members pay: a storefront's key, which everybody can read, does not see them."""


@router.get("", response_model=PriceListPageOut, responses=PAGED)
async def lists(tenant: Merchant, shared: Shared, page: Paged) -> PriceListPageOut:
    """Lists, in the order in which they win, a page at a time."""
    after = page.after(tenant, "price lists")
    async with shared.database.transaction(tenant) as session:
        found = await prices.lists(session, after, page.limit + 1)
    shown, more = page.cut(tenant, "price lists", found, lambda one: [-one.priority, one.list_id])
    return PriceListPageOut(items=[_out(one) for one in shown], next_cursor=more)


@router.get("/{number}", response_model=PriceListOut, responses=_PROBLEMS)
async def read(number: ListId, tenant: Merchant, shared: Shared, response: Response) -> PriceListOut:
    """One list, with its `ETag`."""
    async with shared.database.transaction(tenant) as session:
        out = _out(await _get(session, number))
    response.headers["ETag"] = tag_of(out)
    return out


@router.put("/{number}", response_model=PriceListOut, responses={201: {"model": PriceListOut}, **_EDIT})
async def put(
    number: ListId,
    body: PriceListIn,
    tenant: Merchant,
    shared: Shared,
    response: Response,
    if_match: IfMatch = None,
) -> PriceListOut:
    """Make a list; or change for whom it is, with `If-Match`. Its currency stays; the list `default` stays as it is."""
    _writable(number)
    if body.currency is not None:
        known_currency(body.currency)
    terms = body.model_dump() | {"countries": sorted(set(body.countries))}
    async with shared.database.transaction(tenant) as session:
        await one_at_a_time(session, f"price_lists/{number}")
        row = await prices.find_list(session, number, lock=True)
        must_match(if_match, tag_of(_out(row)) if row else None)
        if row is None:
            row = PriceList(tenant_id=tenant, list_id=number, **terms)
            session.add(row)
            response.status_code = 201
        elif row.currency != body.currency:
            detail = "The currency of a list stays as it was made. Make another list, and switch this one off."
            raise Problem(409, "list_currency_fixed", detail)
        else:
            for name, value in terms.items():
                setattr(row, name, value)
        await session.flush()
        await session.refresh(row)
        out = _out(row)
    response.headers["ETag"] = tag_of(out)
    return out


@router.delete("/{number}", status_code=204, responses=_EDIT)
async def delete(number: ListId, tenant: Merchant, shared: Shared, if_match: IfMatch = None) -> None:
    """Take a list away with its prices. Orders, and checkouts that have begun, keep what they cost."""
    _writable(number)
    async with shared.database.transaction(tenant) as session:
        must_match(if_match, tag_of(_out(await _get(session, number, lock=True))))
        await prices.remove_list(session, number)


@router.get("/{number}/prices", response_model=PricePageOut, responses=_PROBLEMS | PAGED)
async def prices_of(number: ListId, tenant: Merchant, shared: Shared, page: Paged) -> PricePageOut:
    """The prices of a list by SKU and currency, a page at a time."""
    name = f"prices/{number}"
    after = page.after(tenant, name)
    async with shared.database.transaction(tenant) as session:
        await _get(session, number)
        found = await prices.prices_of(session, number, after, page.limit + 1)
    shown, more = page.cut(tenant, name, found, lambda one: [one.sku, one.currency])
    rows = [
        PriceOut(sku=one.sku, currency=one.currency, amount=one.amount_minor, compare_at=one.compare_at_minor)
        for one in shown
    ]
    return PricePageOut(items=rows, next_cursor=more)


@router.put("/{number}/prices", response_model=PriceRowsOut, responses=_PROBLEMS)
async def put_many(number: ListId, body: PricesIn, tenant: Merchant, shared: Shared) -> PriceRowsOut:
    """Make the list say what the rows say; what became of each is in the answer. The same again is `unchanged`."""
    drafts = [one.draft() for one in body.prices]
    async with shared.database.transaction(tenant) as session:
        results = await put_prices(session, await _get(session, number, lock=True), drafts)
    return PriceRowsOut(
        results=[
            PriceRowOut(sku=one.sku, currency=one.currency, outcome=done.outcome, code=done.code, detail=done.message)
            for one, done in zip(drafts, results, strict=True)
        ]
    )


async def _get(session: AsyncSession, number: str, *, lock: bool = False) -> PriceList:
    row = await prices.find_list(session, number, lock=lock)
    if row is None:
        raise not_found("price list")
    return row


def _writable(number: str) -> None:
    if number == DEFAULT_LIST:
        detail = (
            "The default list is for everybody at any time, and stays so. Put prices into it, or make another list."
        )
        raise Problem(409, "default_list_fixed", detail)


def known_currency(currency: str) -> None:
    """Raises a 422 problem for a code that is no currency."""
    try:
        exponent(currency)
    except UnknownCurrency:
        raise Problem(422, "unsupported_currency", f"{currency} is not a currency (ISO 4217).") from None


def _out(row: PriceList) -> PriceListOut:
    return PriceListOut(
        id=row.list_id,
        name=row.name,
        currency=row.currency,
        countries=row.countries,
        price_tier=row.price_tier,
        priority=row.priority,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        active=row.active,
    )
