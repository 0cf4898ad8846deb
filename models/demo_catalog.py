"""What the demo shop shows: three products around its three variants."""

import json

import sqlalchemy as sa

PRODUCTS: dict[str, dict[str, object]] = {
    "silk-scarf": {
        "title": "Silk scarf, hand-rolled",
        "description": "Twill of mulberry silk, printed in Como and hemmed by hand. 90 by 90 cm.",
        "product_type": "scarves",
        "tags": ["silk", "summer"],
        "attributes": {"material": "silk", "width_cm": 90, "machine_wash": False},
    },
    "shoulder-bag": {
        "title": "Calfskin shoulder bag",
        "description": "Vegetable-tanned calfskin from Santa Croce, lined with suede.",
        "product_type": "bags",
        "tags": ["leather"],
        "attributes": {"material": "calfskin", "width_cm": 28, "lining": "suede"},
    },
    "chronograph": {
        "title": "Limited chronograph, one of ten",
        "description": "A column-wheel chronograph in steel. Ten were made, each with its number.",
        "product_type": "watches",
        "tags": ["limited", "steel"],
        "attributes": {"material": "steel", "diameter_mm": 38.5, "edition": 10},
    },
}
VARIANTS: dict[str, dict[str, object]] = {
    "SCARF-SILK-01": {
        "product_id": "silk-scarf", "options": {"colour": "saffron"}, "origin_country": "IT", "hs_code": "621410",
        "barcode": "4006381333931", "length_mm": 250, "width_mm": 180, "height_mm": 20,
    },
    "BAG-CALF-02": {
        "product_id": "shoulder-bag", "options": {"colour": "cognac"}, "origin_country": "IT", "hs_code": "420221",
        "length_mm": 320, "width_mm": 240, "height_mm": 120,
    },
    "WATCH-LTD-03": {
        "product_id": "chronograph", "options": {}, "origin_country": "CH", "hs_code": "910111",
        "length_mm": 140, "width_mm": 140, "height_mm": 110,
    },
}  # fmt: skip

_STATEMENTS = tuple(
    sa.text(statement)
    for statement in (
        """
        INSERT INTO products (tenant_id, product_id, brand, status, title, description, product_type, tags, attributes)
        SELECT current_tenant(), key, 'Maison Milepost', 'active', value->>'title', value->>'description',
          value->>'product_type', value->'tags', value->'attributes'
        FROM jsonb_each(CAST(:products AS jsonb)) ON CONFLICT DO NOTHING
        """,
        """
        INSERT INTO product_media (tenant_id, product_id, position, url, kind, alt)
        SELECT current_tenant(), key, 0, 'https://example.com/' || key || '.jpg', 'image', value->>'title'
        FROM jsonb_each(CAST(:products AS jsonb)) ON CONFLICT DO NOTHING
        """,
        """
        UPDATE variants v SET product_id = g.product_id, options = g.options, origin_country = g.origin_country,
          hs_code = g.hs_code, barcode = g.barcode, length_mm = g.length_mm, width_mm = g.width_mm,
          height_mm = g.height_mm
        FROM jsonb_each(CAST(:variants AS jsonb)) given, jsonb_populate_record(NULL::variants, given.value) g
        WHERE v.sku = given.key AND v.product_id IS NULL
        """,
    )
)


def show(connection: sa.Connection) -> None:
    """Make the products that are not there, and give them the variants that have none, in this transaction's tenant."""
    values = {"products": json.dumps(PRODUCTS), "variants": json.dumps(VARIANTS)}
    for statement in _STATEMENTS:
        connection.execute(statement, values)
