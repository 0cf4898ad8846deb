"""An order with all there is to say of it."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.refunds import RefundOut
from api.schemas.shipments import ShipmentOut
from domain.states import DisputeState, OrderState, PaymentState


class OrderLineOut(BaseModel):
    """One line as it was ordered, in minor units: `net + tax = gross`. Of it `cancelled` pieces do not go.

    `compare_at` is the unit price before a sale.
    """

    sku: str
    title: str
    quantity: int
    cancelled: int = 0
    unit: int
    net: int
    tax: int
    gross: int
    backordered: int = Field(default=0, description="Units that are not there yet.")
    expected_on: date | None = Field(default=None, description="When those are expected, as the shopper was told.")
    discount: int = 0
    compare_at: int | None = None
    tax_basis_points: int | None = None


class PaymentOut(BaseModel):
    """Where the money is, in minor units."""

    id: str
    state: PaymentState
    authorized: int
    captured: int
    refunded: int = 0
    card: str | None
    capture_before: datetime | None


class DisputeOut(BaseModel):
    """A customer's bank questions the charge."""

    id: str
    state: DisputeState
    reason: str
    amount: int
    evidence_due_at: datetime | None


class CancellationOut(BaseModel):
    """Who cancelled what, and why. In minor units: what it cost, and what of that had been captured and goes back."""

    id: str
    actor: str
    reason: str
    lines: dict[str, int]
    amount: int
    refund: int
    at: datetime


class EventOut(BaseModel):
    """One line of the timeline."""

    type: str
    message: str
    occurred_at: datetime


class OrderOut(BaseModel):
    """All there is to say of an order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": "1001",
                    "state": "shipped",
                    "checkout_id": "co_4f3mhafkvhbpevgjbwxfz8hk3y",
                    "customer_id": "cus_1x",
                    "currency": "EUR",
                    "total": 50500,
                    "tax": 8417,
                    "shipping": 1500,
                    "needs_attention": False,
                    "attention_reason": None,
                    "placed_at": "2026-11-24T02:35:35Z",
                    "lines": [
                        {
                            "sku": "SCARF-SILK-01",
                            "title": "Silk scarf, hand-rolled",
                            "quantity": 2,
                            "unit": 24500,
                            "net": 40833,
                            "tax": 8167,
                            "gross": 49000,
                        }
                    ],
                    "payment": {
                        "id": "pay_03v2",
                        "state": "captured",
                        "authorized": 50500,
                        "captured": 50500,
                        "card": "visa 4242",
                        "capture_before": "2026-12-01T02:35:35Z",
                    },
                    "shipments": [
                        {
                            "id": "shp_70wd",
                            "state": "handed_over",
                            "carrier": "sandbox",
                            "tracking_number": "MP320240933335",
                            "tracking_url": "https://carrier.example/track/1",
                            "tracking_status": "in_transit",
                            "scans": [
                                {
                                    "status": "picked_up",
                                    "code": "PU",
                                    "description": "Collected from the sender",
                                    "location": "Florence",
                                    "occurred_at": "2026-11-24T02:35:36Z",
                                }
                            ],
                        }
                    ],
                    "timeline": [
                        {
                            "type": "order.placed",
                            "message": "Order 1001 placed",
                            "occurred_at": "2026-11-24T02:35:35Z",
                        }
                    ],
                    "support_url": None,
                }
            ]
        }
    )

    number: str
    state: OrderState
    checkout_id: str
    customer_id: str
    currency: str
    total: int
    tax: int
    shipping: int
    discount: int = 0
    needs_attention: bool
    attention_reason: str | None
    held_reason: str | None = Field(default=None, description="Why nothing of it may leave; null: it is not held.")
    possible_acts: list[str] = Field(default=[], description="What support may do to it now: docs/support.md.")
    placed_at: datetime
    lines: list[OrderLineOut]
    payment: PaymentOut
    refunds: list[RefundOut] = []
    disputes: list[DisputeOut] = []
    cancellations: list[CancellationOut] = []
    shipments: list[ShipmentOut]
    timeline: list[EventOut]
    support_url: str | None = Field(description="This order's page in the Temporal UI.")
