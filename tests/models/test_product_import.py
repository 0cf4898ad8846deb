"""A file is imported by the rules of the API, some rows at a time; a repeat changes nothing."""

import json
from pathlib import Path

from rich.console import Console

from api.product_import import import_file
from settings import Settings
from tests.models.kit import APP, Shop

CSV = """\
id,title,status,tags,attr.material,attr.width,sku,weight_grams,option.size,hs_code,length_mm,width_mm,height_mm
scarf,Scarf,active,silk summer,silk,90.5,S-M,120,M,621410,1,2,3
scarf,Scarf,active,silk summer,silk,90.5,S-L,130,L,621410,,,
bag,Bag,gone,,,,B-1,900,,,,,
belt,Belt,draft,,,,B-2,heavy,,,,,
"""


async def imported(shop: Shop, file: Path) -> tuple[dict[str, int], str]:
    """The counts, and what was shown."""
    settings = Settings.model_validate(
        {"database_url": shop.server.urls[APP], "stripe_api_key": "sk", "carrier_api_base": "", "carrier_api_key": "k"}
    )
    console = Console(record=True, width=200, quiet=False, force_terminal=False)
    counts = await import_file(settings, shop.tenant, file, console)
    return counts, console.export_text()


async def test_a_table_of_variants(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(CSV, encoding="utf-8-sig")
    counts, shown = await imported(shop, file)
    assert counts == {"created": 1, "updated": 0, "unchanged": 0, "refused": 2}
    assert "row 2 bag: invalid_row status" in shown
    assert "row 3 belt: invalid_row variants.0.weight_grams" in shown
    assert shop.rows("SELECT tags, attributes FROM products") == [
        (["silk", "summer"], {"material": "silk", "width": 90.5})
    ]
    assert shop.rows("SELECT sku, options->>'size', height_mm FROM variants ORDER BY position") == [
        ("S-M", "M", 3), ("S-L", "L", None),
    ]  # fmt: skip
    again, _ = await imported(shop, file)
    assert again == {"created": 0, "updated": 0, "unchanged": 1, "refused": 2}


async def test_json_lines(shop: Shop, tmp_path: Path) -> None:
    """More than one transaction's worth; what is no JSON is told by its place."""
    lines = [json.dumps({"id": f"p{n}", "title": "T", "status": "draft"}) for n in range(450)]
    file = tmp_path / "products.jsonl"
    file.write_text("\n".join([*lines[:300], "{nonsense", "", *lines[300:], lines[0]]))
    counts, shown = await imported(shop, file)
    assert counts == {"created": 450, "updated": 0, "unchanged": 1, "refused": 1}
    assert "row 301 : invalid_row row" in shown
