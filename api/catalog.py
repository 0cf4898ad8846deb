"""`/v1/products` and `/v1/variants`: what the shop has; searched, read, and kept in step in bulk."""

from collections import Counter
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api.catalog_query import Asked
from api.catalog_viewer import Viewer
from api.cursors import Cursors, CursorText, PageSize
from api.etags import CONDITIONAL, IfMatch, etag, must_match
from api.problems import Problem, not_found
from api.resources import Shared, needs
from api.schemas.base import ProblemOut, Sku
from api.schemas.catalog import (
    BulkIn,
    BulkOut,
    DimensionsOut,
    MediaOut,
    ProductFieldsIn,
    ProductIn,
    ProductOut,
    ProductPageOut,
    RowOut,
    VariantOut,
)
from domain.catalog import MAX_VARIANTS_TOGETHER, ProductDraft, RowCode, RowOutcome, RowRefusal, RowResult
from models import products, upserts
from models.catalog import Variant
from models.products import Shown

router = APIRouter(prefix="/v1", tags=["catalog"])

BULK_PATH, BULK_BYTES = "/v1/products/bulk", 4 * 1024 * 1024

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (400, 404, 422)}
_WRITE: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (409, 413, 422)}
_EDIT = _WRITE | CONDITIONAL
ROW_STATUS = {
    RowCode.DUPLICATE_SKU: 422,
    RowCode.DUPLICATE_OPTIONS: 422,
    RowCode.OPTIONS_DIFFER: 422,
    RowCode.SKU_TAKEN: 409,
    RowCode.VERSION_CHANGED: 409,
}


@router.get("/products", response_model=ProductPageOut, responses=_PROBLEMS)
async def search(
    asked: Asked, viewer: Viewer, shared: Shared, limit: PageSize = 50, cursor: CursorText = None
) -> ProductPageOut:
    """Products by words, options and attributes, a page at a time: `next_cursor` leads on, until it is null.

    Also by `option.NAME=`, `attr.NAME=`, `attr.NAME.min=` and `attr.NAME.max=`, with names of the merchant's own.
    """
    cursors, query, tenant = Cursors.of(shared.settings), asked.name() | viewer.name(), viewer.tenant
    place = cursors.read(tenant, query, cursor) if cursor else None
    async with shared.database.transaction(tenant) as session:
        asked = replace(asked, entitlements=await viewer.entitlements(session))
        page = await products.search(session, asked, place, limit)
    following = cursors.make(tenant, query, page.next_place) if page.next_place else None
    return ProductPageOut(items=[product_out(one) for one in page.shown], next_cursor=following, as_of=page.as_of)


@router.post("/products/bulk", response_model=BulkOut, responses=_WRITE)
async def bulk(body: BulkIn, tenant: Annotated[str, needs("catalog:write")], shared: Shared) -> BulkOut:
    """Make the catalog say what the rows say; what became of each is in the answer, in their order.

    A row is written as a whole or not at all, and a refused one is in no other's way. The same again is `unchanged`.
    """
    read = [read_row(row) for row in body.products]
    drafts = [row for row in read if isinstance(row, ProductDraft)]
    if sum(len(row.variants or ()) for row in drafts) > MAX_VARIANTS_TOGETHER:
        detail = f"These products have more than {MAX_VARIANTS_TOGETHER} variants together. Send fewer at once."
        raise Problem(422, "invalid_request", detail, errors=[{"field": "products", "message": detail}])
    async with shared.database.transaction(tenant) as session:
        written = iter(await upserts.upsert(session, drafts))
    results = [row if isinstance(row, RowResult) else next(written) for row in read]
    counts = Counter(one.outcome.value for one in results)
    return BulkOut(
        rows=[_row(place, one) for place, one in enumerate(results)], **{one.value: counts[one] for one in RowOutcome}
    )


@router.get("/products/{product_id}", response_model=ProductOut, responses=_PROBLEMS)
async def read(product_id: Sku, viewer: Viewer, shared: Shared, response: Response) -> ProductOut:
    """A product with its variants and links, and its `ETag`. What a storefront does not show now takes `view=all`."""
    async with shared.database.transaction(viewer.tenant) as session:
        found = await products.get(
            session, product_id, await viewer.entitlements(session), everything=viewer.everything
        )
    if found is None:
        raise not_found("product")
    response.headers["ETag"] = etag(found.product.version)
    return product_out(found)


@router.put("/products/{product_id}", response_model=ProductOut, responses={201: {"model": ProductOut}, **_EDIT})
async def put(
    product_id: Sku,
    body: ProductFieldsIn,
    tenant: Annotated[str, needs("catalog:write")],
    shared: Shared,
    response: Response,
    if_match: IfMatch = None,
) -> ProductOut:
    """Make one product what the body says: 201 when it is new. One that is there takes `If-Match`, or `version`."""
    async with shared.database.transaction(tenant) as session:
        known = await upserts.locked_version(session, product_id)
        if if_match is not None or body.version is None:
            must_match(if_match, etag(known) if known else None)
        (result,) = await upserts.upsert(session, [body.draft(product_id)])
        if no := result.refusal:
            raise Problem(ROW_STATUS[no.code], no.code, no.message, facts={"field": no.field})
        found = await products.get(session, product_id, everything=True)
    if found is None:
        raise not_found("product")
    response.headers["ETag"] = etag(found.product.version)
    response.status_code = 201 if result.outcome is RowOutcome.CREATED else 200
    return product_out(found)


@router.get("/variants/{sku}", response_model=VariantOut, responses=_PROBLEMS)
async def variant(sku: Sku, viewer: Viewer, shared: Shared) -> VariantOut:
    """A variant by its SKU. What a storefront does not show now takes `view=all`."""
    async with shared.database.transaction(viewer.tenant) as session:
        found = await products.get_variant(
            session, sku, await viewer.entitlements(session), everything=viewer.everything
        )
    if found is None:
        raise not_found("SKU")
    return variant_out(found)


def read_row(row: object) -> ProductDraft | RowResult:
    """A row as the rules know it, or why it is none."""
    try:
        return (good := ProductIn.model_validate(row)).draft(good.id)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"] if part != "[key]") or "row"
        named = row.get("id") if isinstance(row, dict) else None
        refusal = RowRefusal(RowCode.INVALID, field, first["msg"])
        return RowResult(named if isinstance(named, str) else None, RowOutcome.REFUSED, refusal=refusal)


def _row(place: int, result: RowResult) -> RowOut:
    no = result.refusal
    return RowOut(
        row=place,
        id=result.product_id,
        result=result.outcome.value,
        version=result.version,
        code=no.code if no else None,
        field=no.field if no else None,
        detail=no.message if no else None,
    )


def product_out(shown: Shown) -> ProductOut:
    one = shown.product
    return ProductOut(
        id=one.product_id,
        title=one.title,
        description=one.description,
        brand=one.brand or None,
        product_type=one.product_type or None,
        tags=one.tags,
        attributes=one.attributes,
        status=one.status.value,
        publish_at=one.publish_at,
        unpublish_at=one.unpublish_at,
        access=one.access,
        version=one.version,
        created_at=one.created_at,
        updated_at=one.updated_at,
        variants=[variant_out(variant) for variant in shown.variants],
        media=[MediaOut(url=link.url, kind=link.kind, alt=link.alt, position=link.position) for link in shown.media],
    )


def variant_out(one: Variant) -> VariantOut:
    sizes = (one.length_mm, one.width_mm, one.height_mm)
    length, width, height = (size or 0 for size in sizes)
    return VariantOut(
        sku=one.sku,
        product_id=one.product_id,
        title=one.title,
        status=one.status.value,
        options=one.options,
        weight_grams=one.weight_grams,
        dimensions=DimensionsOut(length_mm=length, width_mm=width, height_mm=height) if all(sizes) else None,
        origin_country=one.origin_country,
        hs_code=one.hs_code,
        barcode=one.barcode,
        position=one.position,
        tax_class=one.tax_class,
    )
