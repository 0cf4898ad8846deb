"""Customers: tokens by which their pages speak for them, and their data."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.base import In
from domain.erasure import ErasureState


class CustomerTokenIn(In):
    """How long it is good for, in seconds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expires_in": 900}]})

    expires_in: int = Field(default=900, ge=60, le=3600)


class CustomerTokenOut(BaseModel):
    """Good for this customer's prices and entitlements, until then; it opens nothing by itself."""

    token: str
    expires_at: datetime


class UnfinishedOut(BaseModel):
    """What must end before the data can be erased, and its id."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    id: str


class ErasureOut(BaseModel):
    """`waiting`: for what `unfinished` names; it is looked at each day and erased by itself then."""

    customer_id: str
    state: ErasureState
    unfinished: list[UnfinishedOut]


class CustomerDataOut(BaseModel):
    """Everything held about a customer, as it stands in the tables."""

    customer_id: str
    at: datetime
    records: dict[str, list[dict[str, Any]]] = Field(
        description="Rows by table, such as `checkouts`, `orders`, `payments`; `inbox` is what was told of them."
        " Times are ISO 8601, amounts minor units of the currency beside them. Tables and fields may come to be more."
    )
