"""`/v1/orders`: read one with all there is to say of it."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Response

from api.problems import not_found
from api.resources import Resources, Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.orders import OrderOut
from api.straight import StraightRoute
from domain.ids import order_workflow

router = APIRouter(prefix="/v1/orders", tags=["orders"], route_class=StraightRoute)


@router.get("/{number}", response_model=OrderOut, responses={404: {"model": ProblemOut}})
async def read(number: str, tenant: Annotated[str, needs("orders:read")], shared: Shared) -> Response:
    """Lines, payment, parcels and timeline. Answers while Temporal is away."""
    return Response(await order_page(number, tenant, shared), media_type="application/json")


async def read_order(number: str, tenant: str, shared: Resources) -> OrderOut:
    """All there is to say of an order. Raises the 404 problem when there is none."""
    return OrderOut.model_validate_json(await order_page(number, tenant, shared))


async def order_page(number: str, tenant: str, shared: Resources) -> bytes:
    """The same as JSON. Raises the 404 problem when there is none."""
    ui, page = shared.settings.temporal_ui_url, None
    if ui:
        page = f"{ui}/namespaces/default/workflows/{quote(order_workflow(tenant, number), safe='')}"
    found = await shared.reader.order_page(tenant, number, page)
    if found is None:
        raise not_found("order")
    return found
