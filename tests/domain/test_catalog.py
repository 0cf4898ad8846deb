"""The catalog's rules: who sees what when, which rows are refused, what a barcode is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import (
    Known,
    Listing,
    ListingStatus,
    ProductDraft,
    RowCode,
    VariantDraft,
    gtin_is_wrong,
    variant_title,
    vet,
)
from domain.countries import COUNTRIES

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
NOTHING = Known({}, {})

instants = st.none() | st.integers(-3, 3).map(lambda n: NOON + n * MOMENT)
listings = st.builds(
    Listing, st.sampled_from(ListingStatus), instants, instants, st.sampled_from([None, "vip", "press"])
)
variants = st.builds(
    VariantDraft,
    sku=st.sampled_from("ABCDE"),
    title=st.just("T"),
    weight_grams=st.just(1),
    options=st.sampled_from([{}, {"size": "M"}, {"size": "L"}, {"colour": "red"}]),
    status=st.sampled_from(ListingStatus),
)
rows = st.builds(
    ProductDraft,
    product_id=st.sampled_from("pqr"),
    title=st.just("T"),
    variants=st.none() | st.lists(variants, max_size=4),
    version=st.none() | st.integers(0, 2),
)
owners = st.dictionaries(st.sampled_from("ABCDE"), st.sampled_from([None, "p", "q", "s"]))
versions = st.dictionaries(st.sampled_from("pqr"), st.integers(1, 2))


def code(row: ProductDraft, known: Known = NOTHING) -> RowCode | None:
    """Why one row is refused."""
    (no,) = vet([row], known)
    return no.code if no else None


def product(*variants: VariantDraft, **changed: object) -> ProductDraft:
    """A product with these variants."""
    return replace(ProductDraft("p", "T", variants=variants), **changed)  # type: ignore[arg-type]


def one(sku: str, **options: str) -> VariantDraft:
    """A variant with these options."""
    return VariantDraft(sku, "T", 1, options)


def test_a_window_includes_its_beginning_and_excludes_its_end() -> None:
    window = Listing(publish_at=NOON, unpublish_at=NOON + MOMENT)
    assert [window.on_sale(NOON + n * MOMENT) for n in (-1, 0, 1)] == [False, True, False]


@given(listings, st.integers(-4, 4))
def test_what_is_visible_is_on_sale_and_open_to_those_with_access(listing: Listing, n: int) -> None:
    at = NOON + n * MOMENT
    assert listing.visible(at, {"vip", "press"}) == listing.on_sale(at)
    assert listing.visible(at, ()) == (listing.on_sale(at) and listing.access is None)
    assert not (listing.on_sale(at) and listing.status is not ListingStatus.ACTIVE)


@given(st.lists(rows, max_size=6), versions, owners)
def test_what_is_let_through_fits_together(
    asked: Sequence[ProductDraft], have: dict[str, int], owned: dict[str, str | None]
) -> None:
    """Whatever is asked: of the rows that pass, ids, SKUs and options are each there once, and are nobody else's."""
    answers = vet(asked, Known(have, owned))
    good = [row for row, no in zip(asked, answers, strict=True) if no is None]
    assert len({row.product_id for row in good}) == len(good)
    skus = [v.sku for row in good for v in row.variants or ()]
    assert len(set(skus)) == len(skus)
    for row in good:
        assert row.version in (None, have.get(row.product_id, 0))
        assert all(owned.get(v.sku) in (None, row.product_id) for v in row.variants or ())
        living = [tuple(v.options.items()) for v in row.variants or () if v.status is not ListingStatus.ARCHIVED]
        assert len(set(living)) == len(living)
        assert len({tuple(name for name, _ in options) for options in living}) <= 1


@given(st.lists(rows, max_size=6), versions, owners)
def test_a_refused_row_is_in_nobodys_way(
    asked: Sequence[ProductDraft], have: dict[str, int], owned: dict[str, str | None]
) -> None:
    """Without the refused rows, the others pass just so."""
    answers = vet(asked, Known(have, owned))
    good = [row for row, no in zip(asked, answers, strict=True) if no is None]
    assert vet(good, Known(have, owned)) == [None] * len(good)


@pytest.mark.parametrize(
    ("row", "known", "why"),
    [
        (product(one("A", size="M"), one("B", size="L")), NOTHING, None),
        (product(one("A", size="M"), one("B", size="M")), NOTHING, RowCode.DUPLICATE_OPTIONS),
        (product(one("A"), one("B")), NOTHING, RowCode.DUPLICATE_OPTIONS),
        (product(one("A", size="M"), replace(one("B", size="M"), status=ListingStatus.ARCHIVED)), NOTHING, None),
        (product(one("A", size="M"), one("B", colour="red")), NOTHING, RowCode.OPTIONS_DIFFER),
        (product(one("A", size="M", colour="red"), one("B", colour="red", size="L")), NOTHING, None),
        (product(one("A", size="M"), one("A", size="L")), NOTHING, RowCode.DUPLICATE_SKU),
        (product(one("A")), Known({}, {"A": "q"}), RowCode.SKU_TAKEN),
        (product(one("A")), Known({}, {"A": None}), None),
        (product(one("A")), Known({"p": 3}, {"A": "p"}), None),
        (product(version=3), Known({"p": 3}, {}), None),
        (product(version=2), Known({"p": 3}, {}), RowCode.VERSION_CHANGED),
        (product(version=0), NOTHING, None),
        (product(version=0), Known({"p": 3}, {}), RowCode.VERSION_CHANGED),
        (product(version=1), NOTHING, RowCode.VERSION_CHANGED),
    ],
)
def test_why_a_row_is_refused(row: ProductDraft, known: Known, why: RowCode | None) -> None:
    assert code(row, known) == why


def test_a_refusal_names_its_field() -> None:
    no = vet([product(one("A", size="M"), one("B", size="M"))], NOTHING)[0]
    assert no is not None
    assert no.field == "variants.1.options"


@given(st.integers(0, 10**13 - 1), st.integers(1, 9))
def test_one_wrong_digit_at_the_end_of_a_gtin_is_seen(body: int, off: int) -> None:
    """EAN-13 of 12 digits and its check digit: exactly one of the ten endings is right."""
    code = str(body).zfill(13)[:12]
    right = [last for last in range(10) if not gtin_is_wrong(f"{code}{last}")]
    assert len(right) == 1
    assert gtin_is_wrong(f"{code}{(right[0] + off) % 10}")


@pytest.mark.parametrize(
    "barcode", ["4006381333931", "036000291452", "96385074", "10012345678902", "IN-HOUSE-7", "123"]
)
def test_barcodes_that_are_taken(barcode: str) -> None:
    """GTINs of every length, as GS1 shows them; and what is none."""
    assert not gtin_is_wrong(barcode)


def test_there_are_the_countries_of_iso_3166() -> None:
    """All are known to CLDR, which has a few more: areas that are not countries of the standard."""
    known = {name for name in map(str, Locale("en").territories) if len(name) == 2 and name.isalpha()}
    assert len(COUNTRIES) == 249
    assert known >= COUNTRIES
    assert not {"EU", "UN", "ZZ", "XK", "UK"} & COUNTRIES


def test_a_variant_is_called_by_what_tells_it_apart() -> None:
    assert variant_title("Scarf", {"size": "M", "colour": "blue"}) == "Scarf · M / blue"
    assert variant_title("Scarf", {}) == "Scarf"
