"""Returns: what a customer asks to send back, what people do with it, and how it stands."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.schemas.base import In, Long, Short, Sku
from domain.pricing import MAX_LINES
from domain.returns import ExchangeState, ReturnReason
from domain.states import ReturnState

Pieces = Field(ge=1, le=10_000)
Count = Field(default=0, ge=0, le=10_000)


class ReturnLineIn(In):
    """So many pieces of a SKU, and why. `shipment` may be left out if one parcel only had the SKU in it.

    `exchange_for`: the SKU that is wanted for them instead of money; it may cost what was paid for them, or less.
    """

    sku: Sku
    quantity: int = Pieces
    reason: ReturnReason = Field(strict=False)
    shipment: Short | None = None
    exchange_for: Sku | None = None


class ReturnIn(In):
    """What is to come back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"lines": [{"sku": "SCARF-SILK-01", "quantity": 1, "reason": "wrong_size"}], "note": "too small"}
            ]
        }
    )

    lines: list[ReturnLineIn] = Field(min_length=1, max_length=MAX_LINES)
    note: Long = "asked for by the customer"
    actor: Short | None = None

    @field_validator("lines")
    @classmethod
    def _each_once(cls, lines: list[ReturnLineIn]) -> list[ReturnLineIn]:
        if len({(one.sku, one.shipment) for one in lines}) < len(lines):
            raise ValueError("a SKU of a parcel may be named once")
        return lines


class ReturnActIn(In):
    """Who does it, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "within the window", "actor": "Carla"}]})

    reason: Long
    actor: Short | None = None


class ReceiveIn(In):
    """Who received it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"actor": "Bruno, dock 2"}]})

    reason: Long = "received by the warehouse"
    actor: Short | None = None


class InspectedLineIn(In):
    """What the pieces of a line turned out to be; together as many as came back."""

    sku: Sku
    shipment: Short | None = None
    restock: int = Count
    damaged: int = Count
    rejected: int = Count


class InspectIn(In):
    """What each line turned out to be."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"lines": [{"sku": "SCARF-SILK-01", "restock": 1}], "note": "as new"}]}
    )

    lines: list[InspectedLineIn] = Field(min_length=1, max_length=MAX_LINES)
    note: Long = "inspected"
    actor: Short | None = None


class ReturnLineOut(BaseModel):
    """A line of a return. `gross` was paid for its accepted pieces, `tax` in it, in minor units; null until then.

    `exchange_for` is wanted instead and costs `exchange_price` for all pieces. `exchanged` of it went out, for
    `exchanged_value` of the gross; the rest of the gross is refunded.
    """

    shipment: str
    sku: str
    quantity: int
    reason: ReturnReason
    restocked: int
    damaged: int
    rejected: int
    gross: int | None
    tax: int | None
    exchange_for: str | None = None
    exchange_price: int | None = None
    exchanged: int = 0
    exchanged_value: int = 0


class ExchangeOut(BaseModel):
    """What is wanted instead. `none_left`: it is refunded. `shipment`: the parcel in which it went out."""

    state: ExchangeState
    location: str | None
    shipment: str | None


class ReturnStepOut(BaseModel):
    """Who did what, and why."""

    state: ReturnState
    actor: str
    note: str
    at: datetime


class ReturnOut(BaseModel):
    """A return. In minor units: `refund` is goods and shipping less the label's cost; null until it is worked out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "ret_4f3mhafkvhbpevgjbwxfz8hk3y",
                    "order_number": "1001",
                    "state": "label_sent",
                    "lines": [],
                    "location": "florence",
                    "due_at": "2026-12-08T02:35:35Z",
                    "label_url": "https://carrier.example/labels/1",
                    "tracking_number": "MP320240933335",
                    "tracking_url": "https://carrier.example/track/1",
                    "refund": None,
                    "refund_id": None,
                    "goods": None,
                    "shipping": None,
                    "label_charge": None,
                    "exchange": None,
                    "created_at": "2026-11-24T02:35:35Z",
                    "ended_at": None,
                    "steps": [],
                    "support_url": None,
                }
            ]
        }
    )

    id: str
    order_number: str
    state: ReturnState
    lines: list[ReturnLineOut]
    location: str
    due_at: datetime | None = Field(description="When it must be sent, or inspected, by.")
    label_url: str | None
    tracking_number: str | None
    tracking_url: str | None
    refund: int | None
    refund_id: str | None
    goods: int | None
    shipping: int | None
    label_charge: int | None
    exchange: ExchangeOut | None = Field(default=None, description="Null: the customer wants their money.")
    created_at: datetime
    ended_at: datetime | None
    steps: list[ReturnStepOut]
    support_url: str | None = Field(description="This return's page in the Temporal UI.")


class ReturnPageOut(BaseModel):
    """An order's returns, oldest first."""

    items: list[ReturnOut]
    next_cursor: str | None
