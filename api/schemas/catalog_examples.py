"""The examples of the catalog's shapes: one scarf, told throughout."""

from pydantic import JsonValue

VARIANT: dict[str, JsonValue] = {
    "sku": "SCARF-SILK-01-BLUE",
    "weight_grams": 120,
    "options": {"colour": "blue"},
    "dimensions": {"length_mm": 250, "width_mm": 180, "height_mm": 20},
    "origin_country": "IT",
    "hs_code": "621410",
    "barcode": "4006381333931",
}
MEDIA: dict[str, JsonValue] = {
    "url": "https://example.com/scarf-blue.jpg",
    "kind": "image",
    "alt": "A blue silk scarf",
}
PRODUCT: dict[str, JsonValue] = {
    "id": "silk-scarf-blue",
    "title": "Silk scarf, hand-rolled",
    "status": "active",
    "description": "Printed in Como, hemmed by hand.",
    "brand": "Maison Milepost",
    "product_type": "scarves",
    "tags": ["silk", "summer"],
    "attributes": {"material": "silk", "width_cm": 90, "machine_wash": False},
    "publish_at": "2026-03-01T09:00:00Z",
    "variants": [VARIANT],
    "media": [MEDIA],
}
BULK: dict[str, JsonValue] = {"products": [PRODUCT, {"id": "gloves", "title": "Gloves", "status": "gone"}]}
BULK_ANSWER: dict[str, JsonValue] = {
    "created": 1,
    "updated": 0,
    "unchanged": 0,
    "refused": 1,
    "rows": [
        {"row": 0, "id": "silk-scarf-blue", "result": "created", "version": 1},
        {
            "row": 1,
            "id": "gloves",
            "result": "refused",
            "code": "invalid_row",
            "field": "status",
            "detail": "Input should be 'draft', 'active' or 'archived'",
        },
    ],
}
VARIANT_SHOWN: dict[str, JsonValue] = VARIANT | {
    "product_id": "silk-scarf-blue",
    "title": "Silk scarf, hand-rolled · blue",
    "status": "active",
    "position": 0,
}
PRODUCT_SHOWN: dict[str, JsonValue] = PRODUCT | {
    "unpublish_at": None,
    "access": None,
    "version": 1,
    "created_at": "2026-02-20T10:00:00Z",
    "updated_at": "2026-02-20T10:00:00Z",
    "variants": [VARIANT_SHOWN],
    "media": [MEDIA | {"position": 0}],
}
PAGE: dict[str, JsonValue] = {"items": [PRODUCT_SHOWN], "next_cursor": None, "as_of": "2026-11-20T08:00:00Z"}
