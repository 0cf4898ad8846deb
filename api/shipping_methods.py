"""`/v1/shipping-methods`: how a cart can be sent, and what that costs."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.etags import CONDITIONAL, IfMatch, must_match, tag_of
from api.pages import PAGED, Paged
from api.price_lists import Merchant, known_currency
from api.problems import not_found
from api.resources import Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.shipping_methods import (
    BandOut,
    MethodId,
    ShippingMethodIn,
    ShippingMethodOut,
    ShippingMethodPageOut,
    ZoneIn,
    ZoneOut,
)
from models import shipping_methods
from models.base import one_at_a_time
from models.shipping_methods import ShippingMethod, ShippingRate

router = APIRouter(prefix="/v1/shipping-methods", tags=["prices"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 422)}
_EDIT = _PROBLEMS | CONDITIONAL


@router.get("", response_model=ShippingMethodPageOut, responses=PAGED)
async def methods(tenant: Annotated[str, needs("prices:read")], shared: Shared, page: Paged) -> ShippingMethodPageOut:
    """Methods with their rates, a page at a time. Which of them take a cart, and for how much, is in its quote."""
    after = page.after(tenant, "shipping methods")
    async with shared.database.transaction(tenant) as session:
        found = await shipping_methods.page(session, after, page.limit + 1)
        shown, more = page.cut(tenant, "shipping methods", found, lambda one: [one.position, one.method])
        rates = await shipping_methods.rates(session, *(one.method for one in shown)) if shown else ()
    items = [_out(one, [rate for rate in rates if rate.method == one.method]) for one in shown]
    return ShippingMethodPageOut(items=items, next_cursor=more)


@router.get("/{method}", response_model=ShippingMethodOut, responses=_PROBLEMS)
async def read(
    method: MethodId, tenant: Annotated[str, needs("prices:read")], shared: Shared, response: Response
) -> ShippingMethodOut:
    """One method with its rates, and its `ETag`."""
    async with shared.database.transaction(tenant) as session:
        row = await shipping_methods.find(session, method)
        if row is None:
            raise not_found("shipping method")
        out = _out(row, await shipping_methods.rates(session, method))
    response.headers["ETag"] = tag_of(out)
    return out


@router.put("/{method}", response_model=ShippingMethodOut, responses={201: {"model": ShippingMethodOut}, **_EDIT})
async def put(
    method: MethodId,
    body: ShippingMethodIn,
    tenant: Merchant,
    shared: Shared,
    response: Response,
    if_match: IfMatch = None,
) -> ShippingMethodOut:
    """Make a method; or replace it with its rates, with `If-Match`. Checkouts that have begun keep what they cost."""
    for zone in body.rates:
        known_currency(zone.currency)
    async with shared.database.transaction(tenant) as session:
        await one_at_a_time(session, f"shipping_methods/{method}")
        row = await shipping_methods.find(session, method, lock=True)
        must_match(if_match, tag_of(_out(row, await shipping_methods.rates(session, method))) if row else None)
        if row is None:
            row = ShippingMethod(tenant_id=tenant, method=method)
            session.add(row)
            response.status_code = 201
        for name, value in body.model_dump(exclude={"rates"}).items():
            setattr(row, name, value)
        await session.flush()
        await shipping_methods.replace_rates(session, method, list(_rates(tenant, method, body.rates)))
        out = _out(row, await shipping_methods.rates(session, method))
    response.headers["ETag"] = tag_of(out)
    return out


def _rates(tenant: str, method: str, zones: Sequence[ZoneIn]) -> Iterable[ShippingRate]:
    for zone in zones:
        for country in zone.countries:
            for band in zone.bands:
                yield ShippingRate(
                    tenant_id=tenant,
                    method=method,
                    country=country,
                    currency=zone.currency,
                    min_weight_grams=band.min_weight_grams,
                    max_weight_grams=band.max_weight_grams,
                    min_order_minor=band.min_order,
                    amount_minor=band.amount,
                )


def _out(row: ShippingMethod, rates: Sequence[ShippingRate]) -> ShippingMethodOut:
    places: dict[tuple[str, str], list[BandOut]] = {}
    for one in rates:
        band = BandOut(
            amount=one.amount_minor,
            min_weight_grams=one.min_weight_grams,
            max_weight_grams=one.max_weight_grams,
            min_order=one.min_order_minor,
        )
        places.setdefault((one.currency, one.country), []).append(band)
    zones: list[ZoneOut] = []
    for (currency, country), bands in places.items():
        alike = next((zone for zone in zones if zone.currency == currency and zone.bands == bands), None)
        if alike is None:
            zones.append(ZoneOut(countries=[country], currency=currency, bands=bands))
        else:
            alike.countries.append(country)
    return ShippingMethodOut(
        method=row.method,
        name=row.name,
        promise=row.promise,
        min_days=row.min_days,
        max_days=row.max_days,
        members_free=row.members_free,
        position=row.position,
        active=row.active,
        rates=zones,
    )
