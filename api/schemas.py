"""The shapes of requests and answers. Amounts are integers of minor units; times are RFC 3339 in UTC."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, EmailStr, Field, StringConstraints, model_validator

from domain.money import MAX_MINOR
from domain.payments import PaymentMode
from domain.pricing import MAX_LINES, MAX_QUANTITY
from domain.refunds import RefundState
from domain.states import CheckoutState, DisputeState, OrderState, PaymentState, ShipmentState
from domain.stock import MAX_UNITS
from domain.tracking import TrackingStatus


def _text(most: int) -> Any:
    return StringConstraints(min_length=1, max_length=most, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")


Short = Annotated[str, _text(100)]
Long = Annotated[str, _text(200)]
Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LineIn(_In):
    """So many of a SKU."""

    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)


class CustomerIn(_In):
    """Who buys. `id` is your own customer number, if you have one."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    email: EmailStr = Field(max_length=254)
    name: Short


class AddressIn(_In):
    """Where it goes."""

    name: Short
    line1: Long
    line2: Long | None = None
    city: Short
    region: Short | None = None
    postal_code: Annotated[str, _text(20)]
    country: CountryCode


Capture = Annotated[
    Literal["manual", "automatic"],
    Field(description="`manual`: the money is taken as the parcel leaves. `automatic`: at once."),
]


class ServerPayment(_In):
    """Confirmed by us in this call, with a payment method collected before."""

    mode: Literal["server"]
    payment_method: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,255}$")]
    return_url: AnyHttpUrl | None = Field(default=None, strict=False, description="Where 3-D Secure leads back to.")
    capture: Capture = "manual"
    save_card: bool = Field(default=False, description="Keep the card for later, without the customer present.")


class ClientPayment(_In):
    """Confirmed in the shopper's browser with the `client_secret` of the answer."""

    mode: Literal["client"]
    capture: Capture = "manual"
    save_card: bool = Field(default=False, description="Keep the card for later, without the customer present.")


class CheckoutIn(_In):
    """A cart that someone wants to buy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "currency": "EUR",
                    "lines": [{"sku": "SCARF-SILK-01", "quantity": 2}],
                    "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
                    "shipping_address": {
                        "name": "Ada Lovelace",
                        "line1": "12 Rue de la Paix",
                        "city": "Paris",
                        "postal_code": "75002",
                        "country": "FR",
                    },
                    "shipping_method": "standard",
                    "payment": {"mode": "server", "payment_method": "pm_card_visa"},
                    "expected_total": 50500,
                }
            ]
        }
    )

    currency: CurrencyCode
    lines: list[LineIn] = Field(min_length=1, max_length=MAX_LINES)
    customer: CustomerIn
    shipping_address: AddressIn
    shipping_method: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")]
    payment: ServerPayment | ClientPayment = Field(discriminator="mode")
    expected_total: int | None = Field(
        default=None,
        ge=0,
        le=MAX_MINOR,
        description="Total the shopper saw, in minor units; refused if it differs.",
    )


class CancelIn(_In):
    """Why it is given up."""

    reason: Long = "changed their mind"


class NextAction(BaseModel):
    """What the shopper must do."""

    client_secret: str | None = Field(description="For Stripe's script in the browser.")
    redirect_url: str | None = Field(description="3-D Secure, when it wants a page of its own.")


class CheckoutOut(BaseModel):
    """Where a checkout stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "co_4f3mhafkvhbpevgjbwxfz8hk3y",
                    "state": "awaiting_payment",
                    "currency": "EUR",
                    "total": 50500,
                    "next_action": {"client_secret": "pi_3Q_secret_x", "redirect_url": None},
                    "expires_at": "2026-11-24T02:50:39Z",
                },
                {
                    "id": "co_4f3mhafkvhbpevgjbwxfz8hk3y",
                    "state": "completed",
                    "currency": "EUR",
                    "total": 50500,
                    "order_number": "1001",
                },
            ]
        }
    )

    id: str
    state: CheckoutState
    currency: str
    total: int | None
    order_number: str | None = None
    next_action: NextAction | None = None
    expires_at: datetime | None = None
    reason: str | None = None
    reason_detail: str | None = None


class OrderLineOut(BaseModel):
    """One line, in minor units: `net + tax = gross`."""

    sku: str
    title: str
    quantity: int
    unit: int
    net: int
    tax: int
    gross: int


class PaymentOut(BaseModel):
    """Where the money is, in minor units."""

    id: str
    state: PaymentState
    authorized: int
    captured: int
    refunded: int = 0
    card: str | None
    capture_before: datetime | None


class RefundIn(_In):
    """What is to be given back of what was captured, in minor units; all that is left without an amount."""

    amount: int | None = Field(default=None, ge=1, le=MAX_MINOR)
    reason: Long = "asked for by the customer"


class RefundOut(BaseModel):
    """A refund. `settling`: the provider has it, the customer's bank not yet (days)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "re_4f3mhafkvhbpevgjbwxfz8hk3y", "state": "succeeded", "amount": 24500, "reason": None}]
        }
    )

    id: str
    state: RefundState
    amount: int | None
    reason: str | None = None
    reason_detail: str | None = None


class DisputeOut(BaseModel):
    """A customer's bank questions the charge."""

    id: str
    state: DisputeState
    reason: str
    amount: int
    evidence_due_at: datetime | None


class ScanOut(BaseModel):
    """What the carrier said, and its own code for it."""

    status: TrackingStatus
    code: str
    description: str
    location: str | None
    occurred_at: datetime


class ShipmentOut(BaseModel):
    """A parcel."""

    id: str
    state: ShipmentState
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    tracking_status: TrackingStatus
    scans: list[ScanOut]


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
    needs_attention: bool
    attention_reason: str | None
    placed_at: datetime
    lines: list[OrderLineOut]
    payment: PaymentOut
    refunds: list[RefundOut] = []
    disputes: list[DisputeOut] = []
    shipments: list[ShipmentOut]
    timeline: list[EventOut]
    support_url: str | None = Field(description="This order's page in the Temporal UI.")


class HandoverIn(_In):
    """What is in the parcel is worth less than was ordered: capture this much (minor units), release the rest."""

    amount: int | None = Field(default=None, ge=1, le=MAX_MINOR)


class HandoverOut(BaseModel):
    """What the dock is told: let the parcel go, or keep it and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"shipment_id": "shp_70wdf5feerb2evv9r26rn5twdx", "released": True}]}
    )

    shipment_id: str
    released: bool
    reason: str | None = None
    reason_detail: str | None = None


class CountIn(_In):
    """What was counted, and what was believed to be there until now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"count": 97, "expected": 100, "reason": "stocktake, November"}]}
    )

    count: int = Field(ge=0, le=MAX_UNITS, description="So many units are there, those reserved among them.")
    expected: int = Field(ge=0, le=MAX_UNITS, description="`on_hand` as it was read; 0 where there never were any.")
    reason: Long


class AdjustmentIn(_In):
    """So many units more, or fewer. What is received or returned is more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"quantity": 24, "reason": "delivery note 4711", "kind": "received"},
                {"quantity": -1, "reason": "broken", "kind": "adjusted"},
            ]
        }
    )

    quantity: int = Field(ge=-MAX_UNITS, le=MAX_UNITS)
    reason: Long
    kind: Literal["received", "adjusted", "returned"]

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.quantity == 0:
            raise ValueError("a quantity of 0 adjusts nothing")
        if self.quantity < 0 and self.kind != "adjusted":
            raise ValueError(f"what is {self.kind} is not less than nothing")
        return self


class LevelOut(BaseModel):
    """How many of a SKU are at a location: there, spoken for, and to be had. In units."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"location": "florence", "sku": "SCARF-SILK-01", "on_hand": 97, "reserved": 2, "available": 95}
            ]
        }
    )

    location: str
    sku: str
    on_hand: int
    reserved: int
    available: int


class StockOut(BaseModel):
    """Where a SKU is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sku": "SCARF-SILK-01",
                    "levels": [
                        {"location": "florence", "sku": "SCARF-SILK-01", "on_hand": 97, "reserved": 2, "available": 95}
                    ],
                }
            ]
        }
    )

    sku: str
    levels: list[LevelOut]


class LocationOut(BaseModel):
    """Where stock is and parcels leave from. A lower priority is asked first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "florence", "name": "Florence", "priority": 0}]})

    id: str
    name: str
    priority: int


class ProblemOut(BaseModel):
    """RFC 9457. Branch on `code`, which is stable; show `detail`, which is not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:milepost:problem:out_of_stock",
                    "title": "Out of stock",
                    "status": 409,
                    "code": "out_of_stock",
                    "detail": "Something in the cart is sold out. Nothing was charged.",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    code: str
    detail: str


MODES = {"server": PaymentMode.SERVER, "client": PaymentMode.CLIENT}
