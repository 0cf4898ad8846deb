"""A scarf of two sizes, put into the catalog over HTTP and looked for."""

from typing import Any

import httpx

from tests.flow.kit import Shop


def scarf(name: str, **changed: Any) -> dict[str, Any]:
    """A product of two variants and a picture; its ids begin with the name."""
    return {
        "id": name,
        "title": f"Scarf {name}",
        "status": "active",
        "description": "Printed in Como,\nhemmed by hand.",
        "brand": "Maison",
        "product_type": "scarves",
        "tags": ["silk", name],
        "attributes": {"material": "silk", "width_cm": 90, "washable": False, "seasons": ["spring", "autumn"]},
        "variants": [
            {"sku": f"{name}-{size}", "weight_grams": 120, "options": {"size": size}, "origin_country": "IT",
             "hs_code": "621410", "barcode": "4006381333931",
             "dimensions": {"length_mm": 250, "width_mm": 180, "height_mm": 20}}
            for size in ("M", "L")
        ],
        "media": [{"url": f"https://example.com/{name}.jpg", "alt": "A scarf"}],
    } | changed  # fmt: skip


async def bulk(shop: Shop, *rows: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """What became of each row."""
    answer = await shop.http.post("/v1/products/bulk", json={"products": rows}, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def find(shop: Shop, expected: int = 200, /, **query: Any) -> httpx.Response:
    """A search."""
    answer = await shop.http.get("/v1/products", params={key.replace("__", "."): query[key] for key in query})
    assert answer.status_code == expected, answer.text
    return answer


def ids(answer: httpx.Response) -> list[str]:
    """What a page has."""
    return [one["id"] for one in answer.json()["items"]]
