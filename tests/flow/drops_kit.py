"""Drops over the API, and who stands in their line."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.flow.kit import Shop


def terms(*skus: str, **changed: Any) -> dict[str, Any]:
    """A drop that opened an hour ago and closes in an hour, but for what is changed."""
    now = datetime.now(UTC)
    return {
        "title": "A few",
        "opens_at": (now - timedelta(hours=1)).isoformat(),
        "closes_at": (now + timedelta(hours=1)).isoformat(),
        "skus": [{"sku": sku} for sku in skus],
        **changed,
    }


async def new_drop(shop: Shop, *skus: str, **changed: Any) -> str:
    """Made over the API; its id."""
    name = f"d-{uuid.uuid4().hex[:12]}"
    answer = await shop.http.post("/v1/drops", json={"id": name, **terms(*skus, **changed)})
    assert answer.status_code == 201, answer.text
    return name


def buyer(name: str) -> dict[str, Any]:
    """A customer of their own."""
    return {"customer": {"id": f"cus_{name}", "email": f"{name}@example.com", "name": name}}


async def place(shop: Shop, drop: str, answer: httpx.Response) -> dict[str, Any]:
    """Where one who was refused stands in the line."""
    ticket = answer.json()["facts"]["ticket"]
    found = await shop.http.get(f"/v1/drops/{drop}/line/{ticket}")
    assert found.status_code == 200, found.text
    return dict(found.json())
