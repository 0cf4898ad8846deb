"""Products and variants, as they come in and as they are shown."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    StringConstraints,
    model_validator,
)

from api.schemas.base import In, Long, Short, Sku, TaxClass
from api.schemas.catalog_examples import BULK, BULK_ANSWER, PAGE, PRODUCT, PRODUCT_SHOWN, VARIANT, VARIANT_SHOWN
from domain.catalog import (
    EARLIEST,
    LATEST,
    MAX_ATTRIBUTES,
    MAX_MEDIA,
    MAX_NUMBER,
    MAX_PRODUCTS,
    MAX_VARIANTS,
    Listing,
    ListingStatus,
    MediaDraft,
    MediaKind,
    ProductDraft,
    VariantDraft,
    gtin_is_wrong,
    variant_title,
)
from domain.countries import COUNTRIES
from domain.tax import STANDARD

Status = Literal["draft", "active", "archived"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,49}$")]
Choice = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]
Entitlement = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._:-]{0,63}$")]
Prose = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
HsCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6,10}$")]
Millimetres = Annotated[int, Field(ge=1, le=100_000)]
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


def _instant_in(value: object) -> object:
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d[Tt ]", value):
        raise ValueError("an instant is text such as 2026-11-27T09:00:00Z")
    return value


def _sensible(value: datetime) -> datetime:
    if not EARLIEST <= value < LATEST:
        raise ValueError(f"an instant is between {EARLIEST:%Y} and {LATEST:%Y}")
    return value


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_instant_in), AfterValidator(_sensible)]


def _country(value: str) -> str:
    if value not in COUNTRIES:
        raise ValueError("a country is two letters of ISO 3166-1, such as IT")
    return value


def _barcode(value: str) -> str:
    if gtin_is_wrong(value):
        raise ValueError("the last digit of this GTIN is not its check digit")
    return value


def _link(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme == "https" and parts.hostname and not parts.username and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("a link begins with https:// and names a host")
    return value


def _value(value: object) -> object:
    """One line of text, a number, true or false, or a list of texts."""
    if isinstance(value, str):
        good = _LINE.fullmatch(value) is not None
    elif isinstance(value, bool):
        good = True
    elif isinstance(value, int | float):
        good = -MAX_NUMBER <= value <= MAX_NUMBER
    else:
        good = isinstance(value, list) and len(value) <= 20
        good = good and all(isinstance(one, str) and _LINE.fullmatch(one) for one in value)  # type: ignore[attr-defined]
    if not good:
        raise ValueError("a value is one line of text, a number to 10^15, true or false, or a list of 20 texts")
    return value


Value = Annotated[str | bool | int | float | list[str], BeforeValidator(_value)]
Country = Annotated[str, AfterValidator(_country)]
Barcode = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,48}$"), AfterValidator(_barcode)]
Link = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[\x21-\x7e]+$"), AfterValidator(_link)]


class DimensionsIn(In):
    """In millimetres, packed."""

    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres


class VariantIn(In):
    """A variant as it should be. Without a title it is called like its product, with its options."""

    model_config = ConfigDict(json_schema_extra={"examples": [VARIANT]})

    sku: Sku
    title: Long | None = None
    weight_grams: int = Field(ge=1, le=10_000_000)
    options: dict[Name, Choice] = Field(default_factory=dict, max_length=5)
    dimensions: DimensionsIn | None = None
    origin_country: Country | None = Field(default=None, description="ISO 3166-1 alpha-2.")
    hs_code: HsCode | None = Field(default=None, description="6 to 10 digits, without dots.")
    barcode: Barcode | None = Field(default=None, description="A GTIN is checked by its last digit.")
    status: Status = "active"
    tax_class: TaxClass = Field(default=STANDARD, description="What tax it is under: docs/prices.md.")

    def draft(self, product: str) -> VariantDraft:
        """As the rules know it."""
        sizes = self.dimensions.model_dump() if self.dimensions else {}
        return VariantDraft(
            sku=self.sku,
            title=self.title or variant_title(product, self.options)[:200],
            weight_grams=self.weight_grams,
            options=self.options,
            origin_country=self.origin_country,
            hs_code=self.hs_code,
            barcode=self.barcode,
            status=ListingStatus(self.status),
            tax_class=self.tax_class,
            **sizes,
        )


class MediaIn(In):
    """A link; nothing is fetched from it."""

    url: Link
    kind: Literal["image", "video", "model", "document"] = "image"
    alt: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class ProductFieldsIn(In):
    """A product as it should be: what is left out is empty, but `variants` and `media` stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{name: one for name, one in PRODUCT.items() if name != "id"}]}
    )

    title: Long
    status: Status
    description: Prose = ""
    brand: Short | None = None
    product_type: Short | None = None
    tags: list[Tag] = Field(default_factory=list, max_length=50)
    attributes: dict[Name, Value] = Field(default_factory=dict, max_length=MAX_ATTRIBUTES)
    publish_at: Instant | None = Field(default=None, description="Not shown before it.")
    unpublish_at: Instant | None = Field(default=None, description="Not shown from then on.")
    access: Entitlement | None = Field(default=None, description="The entitlement needed to see and to buy it.")
    variants: list[VariantIn] | None = Field(default=None, max_length=MAX_VARIANTS)
    media: list[MediaIn] | None = Field(default=None, max_length=MAX_MEDIA)
    version: int | None = Field(
        default=None, ge=0, le=2**53, description="Only if it is at this version; 0: if it is not there yet."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.publish_at and self.unpublish_at and self.publish_at >= self.unpublish_at:
            raise ValueError("unpublish_at is not after publish_at")
        return self

    def draft(self, product_id: str) -> ProductDraft:
        """As the rules know it."""
        return ProductDraft(
            product_id=product_id,
            title=self.title,
            description=self.description,
            brand=self.brand or "",
            product_type=self.product_type or "",
            tags=sorted(set(self.tags)),
            attributes=self.attributes,
            listing=Listing(ListingStatus(self.status), self.publish_at, self.unpublish_at, self.access),
            variants=None if self.variants is None else [one.draft(self.title) for one in self.variants],
            media=None
            if self.media is None
            else [MediaDraft(one.url, MediaKind(one.kind), one.alt) for one in self.media],
            version=self.version,
        )


class ProductIn(ProductFieldsIn):
    """A row of a bulk upsert."""

    model_config = ConfigDict(json_schema_extra={"examples": [PRODUCT]})

    id: Sku


class BulkIn(In):
    """Products as they should be. Each row is checked by itself, so that a wrong one stops no other."""

    model_config = ConfigDict(json_schema_extra={"examples": [BULK]})

    products: list[SkipValidation[ProductIn]] = Field(min_length=1, max_length=MAX_PRODUCTS)


class RowOut(BaseModel):
    """What became of a row. A refused one says why, and which field it is about; nothing of it was written."""

    row: int = Field(description="Its place in the request, from 0.")
    id: str | None
    result: Literal["created", "updated", "unchanged", "refused"]
    version: int | None = None
    code: str | None = None
    field: str | None = None
    detail: str | None = None


class BulkOut(BaseModel):
    """What became of each row, in the order of the request."""

    model_config = ConfigDict(json_schema_extra={"examples": [BULK_ANSWER]})

    created: int
    updated: int
    unchanged: int
    refused: int
    rows: list[RowOut]


class DimensionsOut(BaseModel):
    """In millimetres."""

    length_mm: int
    width_mm: int
    height_mm: int


class VariantOut(BaseModel):
    """A thing that can be bought."""

    model_config = ConfigDict(json_schema_extra={"examples": [VARIANT_SHOWN]})

    sku: str
    product_id: str | None
    title: str
    status: Status
    options: dict[str, str]
    weight_grams: int
    dimensions: DimensionsOut | None
    origin_country: str | None
    hs_code: str | None
    barcode: str | None
    position: int
    tax_class: str = STANDARD


class MediaOut(BaseModel):
    """A link."""

    url: str
    kind: str
    alt: str
    position: int


class ProductOut(BaseModel):
    """A product with its variants and links. `version` grows by each change of it or of those."""

    model_config = ConfigDict(json_schema_extra={"examples": [PRODUCT_SHOWN]})

    id: str
    title: str
    description: str
    brand: str | None
    product_type: str | None
    tags: list[str]
    attributes: dict[str, Any]
    status: Status
    publish_at: datetime | None
    unpublish_at: datetime | None
    access: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    variants: list[VariantOut]
    media: list[MediaOut]


class ProductPageOut(BaseModel):
    """A page. `as_of`, of the first page: ask with it as `updated_since` next time, and nothing is missed."""

    model_config = ConfigDict(json_schema_extra={"examples": [PAGE]})

    items: list[ProductOut]
    next_cursor: str | None
    as_of: datetime | None
