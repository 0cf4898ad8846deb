"""Checkouts: a cart that somebody wants to buy, and where it stands."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from api.schemas.base import CountryCode, CurrencyCode, In, Long, PromotionCode, Short, Sku, text
from domain.money import MAX_MINOR
from domain.payments import PaymentMode
from domain.pricing import MAX_LINES, MAX_QUANTITY
from domain.promotions import MAX_CODES
from domain.states import CheckoutState
from domain.stock import BackorderKind


class LineIn(In):
    """So many of a SKU."""

    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)


class CustomerIn(In):
    """Who buys. `id` is your own customer number, if you have one."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    email: EmailStr = Field(max_length=254)
    name: Short


class AddressIn(In):
    """Where it goes."""

    name: Short
    line1: Long
    line2: Long | None = None
    city: Short
    region: Short | None = None
    postal_code: Annotated[str, text(20)]
    country: CountryCode


Capture = Annotated[
    Literal["manual", "automatic"],
    Field(description="`manual`: the money is taken as the parcel leaves. `automatic`: at once."),
]


class ServerPayment(In):
    """Confirmed by us in this call, with a payment method collected before."""

    mode: Literal["server"]
    payment_method: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,255}$")]
    return_url: AnyHttpUrl | None = Field(default=None, strict=False, description="Where 3-D Secure leads back to.")
    capture: Capture = "manual"
    save_card: bool = Field(default=False, description="Keep the card for later, without the customer present.")


class ClientPayment(In):
    """Confirmed in the shopper's browser with the `client_secret` of the answer."""

    mode: Literal["client"]
    capture: Capture = "manual"
    save_card: bool = Field(default=False, description="Keep the card for later, without the customer present.")


class CheckoutIn(In):
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
    promotion_codes: list[PromotionCode] = Field(default=[], max_length=MAX_CODES)
    payment: ServerPayment | ClientPayment = Field(discriminator="mode")
    expected_total: int | None = Field(
        default=None,
        ge=0,
        le=MAX_MINOR,
        description="Total the shopper saw, in minor units; refused if it differs.",
    )


class CancelIn(In):
    """Why it is given up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "found it elsewhere"}]})

    reason: Long = "changed their mind"


class NextAction(BaseModel):
    """What the shopper must do."""

    client_secret: str | None = Field(description="For Stripe's script in the browser.")
    redirect_url: str | None = Field(description="3-D Secure, when it wants a page of its own.")


class BackorderedOut(BaseModel):
    """Units that are sold before they are there, and when they are expected."""

    model_config = ConfigDict(from_attributes=True)

    sku: str
    quantity: int
    kind: BackorderKind
    expected_on: date | None


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
    secret: str | None = Field(
        default=None,
        description="In the answer that begins it: as `Milepost-Checkout-Secret` it opens this checkout to the page"
        " that began it, whose key is publishable.",
    )
    backordered: list[BackorderedOut] = Field(default=[], description="Units that are yet to come. Tell the shopper.")


MODES = {"server": PaymentMode.SERVER, "client": PaymentMode.CLIENT}
