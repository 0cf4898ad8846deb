"""`/v1/tax-rates`: the built-in table of taxes, country by country."""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.etags import CONDITIONAL, IfMatch, must_match, tag_of
from api.price_lists import Merchant
from api.problems import not_found
from api.resources import Shared, needs
from api.schemas.base import CountryCode, ProblemOut
from api.schemas.tax_rates import CountryTaxIn, CountryTaxOut, TaxRateOut
from models import tax
from models.base import one_at_a_time
from models.tax import TaxRate

router = APIRouter(prefix="/v1/tax-rates", tags=["prices"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {422: {"model": ProblemOut}}


@router.get("", response_model=list[CountryTaxOut])
async def rates(tenant: Annotated[str, needs("prices:read")], shared: Shared) -> list[CountryTaxOut]:
    """The countries that are sold to, with their rates."""
    async with shared.database.transaction(tenant) as session:
        found = await tax.rates(session)
    return [_out(country, list(rows)) for country, rows in groupby(found, lambda row: row.country)]


@router.get("/{country}", response_model=CountryTaxOut, responses={404: {"model": ProblemOut}, **_PROBLEMS})
async def read(
    country: CountryCode, tenant: Annotated[str, needs("prices:read")], shared: Shared, response: Response
) -> CountryTaxOut:
    """One country that is sold to, with its `ETag`."""
    async with shared.database.transaction(tenant) as session:
        found = await tax.rates(session, country)
    if not found:
        raise not_found("country that is sold to")
    out = _out(country, found)
    response.headers["ETag"] = tag_of(out)
    return out


@router.put("/{country}", response_model=CountryTaxOut, responses=_PROBLEMS | CONDITIONAL)
async def put(
    country: CountryCode,
    body: CountryTaxIn,
    tenant: Merchant,
    shared: Shared,
    response: Response,
    if_match: IfMatch = None,
) -> CountryTaxOut:
    """Replace a country's rates, with `If-Match` if it has any; without any it is not sold to.

    Checkouts that have begun keep theirs.
    """
    wanted = [
        TaxRate(tenant_id=tenant, country=country, included=body.included, **one.model_dump()) for one in body.rates
    ]
    async with shared.database.transaction(tenant) as session:
        await one_at_a_time(session, f"tax_rates/{country}")
        known = await tax.rates(session, country)
        must_match(if_match, tag_of(_out(country, known)) if known else None)
        await tax.replace_rates(session, country, wanted)
        saved = await tax.rates(session, country)
    out = _out(country, saved).model_copy(update={"included": body.included})
    if saved:
        response.headers["ETag"] = tag_of(out)
    return out


def _out(country: str, rows: Sequence[TaxRate]) -> CountryTaxOut:
    return CountryTaxOut(
        country=country,
        included=any(row.included for row in rows),
        rates=[TaxRateOut(region=row.region, tax_class=row.tax_class, basis_points=row.basis_points) for row in rows],
    )
