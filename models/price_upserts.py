"""Prices of a list in bulk: what becomes of each row, in one statement for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.money import UnknownCurrency, exponent
from models.prices import PriceList


@dataclass(frozen=True, slots=True)
class PriceSeen:
    """What a price was when it was read, in minor units; no amount: there was none."""

    amount_minor: int | None = None
    compare_at_minor: int | None = None


@dataclass(frozen=True, slots=True)
class PriceDraft:
    """What a price is to be, in minor units; no amount: there is to be none.

    `exponent`: how many decimals the sender believes the currency to have, so that a mistake is noticed. `expected`:
    only if it is this until now; None: whatever it is.
    """

    sku: str
    currency: str
    amount_minor: int | None
    compare_at_minor: int | None = None
    exponent: int | None = None
    expected: PriceSeen | None = None


class PriceOutcome(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    REFUSED = "refused"


class PriceCode(StrEnum):
    """Why a row was refused; stable, never renamed."""

    UNKNOWN_SKU = "unknown_sku"
    UNSUPPORTED_CURRENCY = "unsupported_currency"
    LIST_CURRENCY = "list_currency"
    EXPONENT_MISMATCH = "exponent_mismatch"
    COMPARE_AT_TOO_LOW = "compare_at_too_low"
    DUPLICATE_ROW = "duplicate_row"
    PRICE_CHANGED = "price_changed"


@dataclass(frozen=True, slots=True)
class PriceResult:
    """What became of a row; why not, and what to do, where it was refused."""

    outcome: PriceOutcome
    code: PriceCode | None = None
    message: str | None = None


def vet(rows: Sequence[PriceDraft], currency: str | None) -> list[PriceResult | None]:
    """A refusal or None for each row, of what can be seen without the tables; `currency` is the list's."""
    seen: set[tuple[str, str]] = set()
    answers = []
    for row in rows:
        no = _refusal(row, currency)
        if no is None and (row.sku, row.currency) in seen:
            message = f"{row.sku} in {row.currency} is in this request already. Send each price once."
            no = _refused(PriceCode.DUPLICATE_ROW, message)
        if no is None:
            seen.add((row.sku, row.currency))
        answers.append(no)
    return answers


def _refusal(row: PriceDraft, currency: str | None) -> PriceResult | None:
    try:
        digits = exponent(row.currency)
    except UnknownCurrency:
        return _refused(PriceCode.UNSUPPORTED_CURRENCY, f"{row.currency} is not a currency (ISO 4217).")
    if currency is not None and row.currency != currency:
        return _refused(PriceCode.LIST_CURRENCY, f"This list is in {currency}. Put {row.currency} into another one.")
    if row.exponent is not None and row.exponent != digits:
        message = f"{row.currency} has {digits} decimals, not {row.exponent}. Look at the amount again."
        return _refused(PriceCode.EXPONENT_MISMATCH, message)
    if row.compare_at_minor is not None and row.compare_at_minor <= (row.amount_minor or 0):
        message = "What a price is compared with is above it. Leave `compare_at` out if there is no sale."
        return _refused(PriceCode.COMPARE_AT_TOO_LOW, message)
    return None


def _refused(code: PriceCode, message: str) -> PriceResult:
    return PriceResult(PriceOutcome.REFUSED, code, message)


_PUT = sa.text("""
    WITH asked AS (
      SELECT a.*, v.sku IS NOT NULL AS known, a.guarded
        AND (p.amount_minor, p.compare_at_minor) IS DISTINCT FROM (a.seen_amount, a.seen_compare) AS changed
      FROM unnest(CAST(:places AS bigint[]), CAST(:skus AS text[]), CAST(:currencies AS text[]),
        CAST(:amounts AS bigint[]), CAST(:compares AS bigint[]), CAST(:guarded AS boolean[]),
        CAST(:seen_amounts AS bigint[]), CAST(:seen_compares AS bigint[]))
        AS a(place, sku, currency, amount, compare, guarded, seen_amount, seen_compare)
      LEFT JOIN variants v ON v.sku = a.sku
      LEFT JOIN prices p ON p.list_id = :list AND p.sku = a.sku AND p.currency = a.currency
    ), put AS (
      INSERT INTO prices AS p (tenant_id, list_id, sku, currency, amount_minor, compare_at_minor)
        SELECT current_tenant(), :list, a.sku, a.currency, a.amount, a.compare FROM asked a
        WHERE a.known AND NOT a.changed AND a.amount IS NOT NULL ORDER BY a.sku, a.currency
      ON CONFLICT (tenant_id, sku, currency, list_id) DO UPDATE
        SET amount_minor = excluded.amount_minor, compare_at_minor = excluded.compare_at_minor
        WHERE (p.amount_minor, p.compare_at_minor) IS DISTINCT FROM (excluded.amount_minor, excluded.compare_at_minor)
      RETURNING p.sku, p.currency, CASE WHEN xmax = 0 THEN 'created' ELSE 'updated' END AS outcome
    ), removed AS (
      DELETE FROM prices p USING asked a
        WHERE p.list_id = :list AND p.sku = a.sku AND p.currency = a.currency AND a.amount IS NULL
          AND NOT a.changed
      RETURNING p.sku, p.currency, 'removed' AS outcome
    )
    SELECT a.place, a.known, a.changed, done.outcome FROM asked a
    LEFT JOIN (SELECT * FROM put UNION ALL SELECT * FROM removed) done USING (sku, currency)""")


async def put_prices(session: AsyncSession, row: PriceList, drafts: Sequence[PriceDraft]) -> list[PriceResult]:
    """Make a list say what the rows say; what became of each, in their order. A refused row is in no other's way.

    The list must be locked, so that what a row expects stays so. The same again is `unchanged`.
    """
    answers = vet(drafts, row.currency)
    good = [(place, one) for place, (one, no) in enumerate(zip(drafts, answers, strict=True)) if no is None]
    asked = {
        "list": row.list_id,
        "places": [place for place, _ in good],
        "skus": [one.sku for _, one in good],
        "currencies": [one.currency for _, one in good],
        "amounts": [one.amount_minor for _, one in good],
        "compares": [one.compare_at_minor for _, one in good],
        "guarded": [one.expected is not None for _, one in good],
        "seen_amounts": [one.expected and one.expected.amount_minor for _, one in good],
        "seen_compares": [one.expected and one.expected.compare_at_minor for _, one in good],
    }
    done = {row.place: row for row in await session.execute(_PUT, asked)} if good else {}
    unknown = _refused(PriceCode.UNKNOWN_SKU, "")
    results = []
    for place, (one, no) in enumerate(zip(drafts, answers, strict=True)):
        if no is not None:
            results.append(no)
        elif not done[place].known:
            results.append(replace(unknown, message=f"We do not know {one.sku}. Make the variant first."))
        elif done[place].changed:
            message = f"{one.sku} in {one.currency} is another price by now, or none. Read it, and decide again."
            results.append(_refused(PriceCode.PRICE_CHANGED, message))
        else:
            results.append(PriceResult(PriceOutcome(done[place].outcome or PriceOutcome.UNCHANGED)))
    return results
