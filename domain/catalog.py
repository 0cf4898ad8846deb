"""What a catalog is made of, who sees it when, and why a row of a bulk upsert is refused: rules without I/O."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from domain.tax import STANDARD

MAX_PRODUCTS = 500
"""So many products in one request: what one transaction does in well under a second."""
MAX_VARIANTS = 100
MAX_VARIANTS_TOGETHER = 5_000
MAX_MEDIA = 50
MAX_ATTRIBUTES = 50
MAX_NUMBER = 10**15
"""Numbers of attributes stay within what a float keeps exactly."""

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""An instant outside was a slip of the hand."""


class ListingStatus(StrEnum):
    """Whether a product or a variant is for sale; any may become any other. Archived: sold before, kept for that."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class MediaKind(StrEnum):
    """What a link leads to."""

    IMAGE = "image"
    VIDEO = "video"
    MODEL = "model"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Listing:
    """What decides who sees a product. The window includes its beginning and excludes its end; None has no limit.

    `access` is the entitlement that is needed; None: everybody.
    """

    status: ListingStatus = ListingStatus.ACTIVE
    publish_at: datetime | None = None
    unpublish_at: datetime | None = None
    access: str | None = None

    def on_sale(self, at: datetime) -> bool:
        """Whether it is active, and inside its window at that instant."""
        return (
            self.status is ListingStatus.ACTIVE
            and (self.publish_at is None or self.publish_at <= at)
            and (self.unpublish_at is None or at < self.unpublish_at)
        )

    def visible(self, at: datetime, entitlements: Collection[str]) -> bool:
        """Whether a storefront shows it to somebody with these entitlements."""
        return self.on_sale(at) and (self.access is None or self.access in entitlements)


@dataclass(frozen=True, slots=True)
class VariantDraft:
    """A variant as it should be. Weight in grams, dimensions in millimetres, origin as ISO 3166-1 alpha-2."""

    sku: str
    title: str
    weight_grams: int
    options: Mapping[str, str] = field(default_factory=dict)
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    origin_country: str | None = None
    hs_code: str | None = None
    barcode: str | None = None
    status: ListingStatus = ListingStatus.ACTIVE
    tax_class: str = STANDARD


@dataclass(frozen=True, slots=True)
class MediaDraft:
    """A link as it should be; its place in the list is its position."""

    url: str
    kind: MediaKind = MediaKind.IMAGE
    alt: str = ""


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """A product as it should be. `variants` or `media` None: as they are; a list: these, and no others.

    `version`: only if it is at this version until now.
    """

    product_id: str
    title: str
    description: str = ""
    brand: str = ""
    product_type: str = ""
    tags: Sequence[str] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    listing: Listing = Listing()
    variants: Sequence[VariantDraft] | None = None
    media: Sequence[MediaDraft] | None = None
    version: int | None = None


class RowOutcome(StrEnum):
    """What became of one row of a bulk upsert."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class RowCode(StrEnum):
    """Why a row was refused; stable, never renamed."""

    INVALID = "invalid_row"
    DUPLICATE_ID = "duplicate_id"
    DUPLICATE_SKU = "duplicate_sku"
    DUPLICATE_OPTIONS = "duplicate_options"
    OPTIONS_DIFFER = "options_differ"
    SKU_TAKEN = "sku_taken"
    VERSION_CHANGED = "version_changed"


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """Why, which field of the row it is about, and a sentence that says what to do."""

    code: RowCode
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row. `version` is the product's after it; None for one that was refused."""

    product_id: str | None
    outcome: RowOutcome
    version: int | None = None
    refusal: RowRefusal | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the tables have of the rows' ids and SKUs: product → version, SKU → its product (None: of none yet)."""

    versions: Mapping[str, int]
    owners: Mapping[str, str | None]


def vet(rows: Iterable[ProductDraft], known: Known) -> list[RowRefusal | None]:
    """A refusal or None for each row, in order. A row that is refused takes no id and no SKU from those behind it."""
    answers: list[RowRefusal | None] = []
    ids: set[str] = set()
    skus: set[str] = set()
    for row in rows:
        no = _refusal(row, known, ids, skus)
        answers.append(no)
        if no is None:
            ids.add(row.product_id)
            skus.update(one.sku for one in row.variants or ())
    return answers


def _refusal(row: ProductDraft, known: Known, ids: set[str], skus: set[str]) -> RowRefusal | None:
    if row.product_id in ids:
        message = f"{row.product_id} is in this request already. Send each product once."
        return RowRefusal(RowCode.DUPLICATE_ID, "id", message)
    current = known.versions.get(row.product_id, 0)
    if row.version is not None and row.version != current:
        there = f"at version {current}" if current else "not there"
        message = f"{row.product_id} is {there}, not at {row.version}. Read it, and decide again."
        return RowRefusal(RowCode.VERSION_CHANGED, "version", message)
    return _variants_refusal(row, known, skus)


def _variants_refusal(row: ProductDraft, known: Known, skus: set[str]) -> RowRefusal | None:
    own: set[str] = set()
    seen: dict[tuple[tuple[str, str], ...], str] = {}
    for place, one in enumerate(row.variants or ()):
        where = f"variants.{place}"
        if one.sku in own or one.sku in skus:
            message = f"{one.sku} is in this request already. A SKU belongs to one product, once."
            return RowRefusal(RowCode.DUPLICATE_SKU, f"{where}.sku", message)
        own.add(one.sku)
        owner = known.owners.get(one.sku)
        if owner is not None and owner != row.product_id:
            message = f"{one.sku} belongs to {owner}. A SKU stays with its product; choose another."
            return RowRefusal(RowCode.SKU_TAKEN, f"{where}.sku", message)
        if one.status is ListingStatus.ARCHIVED:
            continue
        options = tuple(sorted(one.options.items()))
        if seen and [name for name, _ in options] != [name for name, _ in next(iter(seen))]:
            message = f"{one.sku} names other options than the variants before it. All of a product name the same."
            return RowRefusal(RowCode.OPTIONS_DIFFER, f"{where}.options", message)
        if options in seen:
            message = f"{one.sku} has the same options as {seen[options]}. Archive one, or tell them apart."
            return RowRefusal(RowCode.DUPLICATE_OPTIONS, f"{where}.options", message)
        seen[options] = one.sku
    return None


def gtin_is_wrong(barcode: str) -> bool:
    """Whether it is as long as a GTIN and its check digit is another (GS1 General Specifications, section 7.9)."""
    if not barcode.isdigit() or not barcode.isascii() or len(barcode) not in (8, 12, 13, 14):
        return False
    weighed = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(barcode[:-1])))
    return (10 - weighed % 10) % 10 != int(barcode[-1])


def variant_title(product: str, options: Mapping[str, str]) -> str:
    """What a variant without a title of its own is called: its product, and what tells it apart."""
    return " · ".join((product, " / ".join(options.values()))) if options else product
