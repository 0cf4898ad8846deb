"""Quotes: what a cart would cost, in minor units; nothing is held."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from api.schemas.base import CountryCode, CurrencyCode, In, PromotionCode, Short, text
from api.schemas.checkouts import LineIn
from api.schemas.shipping_methods import MethodId
from domain.money import MAX_MINOR
from domain.pricing import MAX_LINES
from domain.promotions import MAX_CODES


class DestinationIn(In):
    """Where it would go, as far as prices ask."""

    country: CountryCode
    region: Short | None = Field(default=None, description="ISO 3166-2 without the country, where tax asks: `CA`.")
    postal_code: Annotated[str, text(20)] | None = None


class ShopperIn(In):
    """Who would buy: your own number of the customer, or their e-mail address."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    email: EmailStr | None = Field(default=None, max_length=254)


class QuoteIn(In):
    """A cart that somebody looks at. Without a method the goods alone are priced, and the methods are offered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "currency": "EUR",
                    "lines": [{"sku": "SCARF-SILK-01", "quantity": 2}],
                    "destination": {"country": "FR"},
                    "shipping_method": "standard",
                    "customer": {"email": "ada@example.com"},
                    "promotion_codes": ["WELCOME10"],
                }
            ]
        }
    )

    currency: CurrencyCode
    lines: list[LineIn] = Field(min_length=1, max_length=MAX_LINES)
    destination: DestinationIn
    shipping_method: MethodId | None = None
    customer: ShopperIn | None = None
    promotion_codes: list[PromotionCode] = Field(default=[], max_length=MAX_CODES)
    expected_total: int | None = Field(default=None, ge=0, le=MAX_MINOR)


class QuoteLineOut(BaseModel):
    """One line: `net + tax = gross`. `compare_at` is the unit price before a sale."""

    sku: str
    title: str
    quantity: int
    unit: int
    compare_at: int | None
    discount: int
    net: int
    tax: int
    gross: int
    tax_basis_points: int | None
    price_list: str | None


class QuotePromotionOut(BaseModel):
    """What a code takes off."""

    code: str
    discount: int


class ShippingOfferOut(BaseModel):
    """A method that takes the cart, and what it costs, tax and all. `list`: what it costs without free shipping."""

    method: str
    name: str
    amount: int
    tax: int
    list: int
    promise: str | None
    min_days: int | None
    max_days: int | None


class QuoteOut(BaseModel):
    """What the cart would cost now. `total` is without shipping where no method was asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "currency": "EUR",
                    "total": 45600,
                    "tax": 7600,
                    "discount": 4900,
                    "shipping": 1500,
                    "shipping_method": "standard",
                    "lines": [
                        {
                            "sku": "SCARF-SILK-01",
                            "title": "Silk scarf, hand-rolled",
                            "quantity": 2,
                            "unit": 24500,
                            "compare_at": None,
                            "discount": 4900,
                            "net": 36750,
                            "tax": 7350,
                            "gross": 44100,
                            "tax_basis_points": 2000,
                            "price_list": "default",
                        }
                    ],
                    "promotions": [{"code": "WELCOME10", "discount": 4900}],
                    "shipping_methods": [
                        {
                            "method": "standard",
                            "name": "Standard",
                            "amount": 1500,
                            "tax": 250,
                            "list": 1500,
                            "promise": "3 to 5 working days",
                            "min_days": 3,
                            "max_days": 5,
                        }
                    ],
                }
            ]
        }
    )

    currency: str
    total: int
    tax: int
    discount: int
    shipping: int | None
    shipping_method: str | None
    lines: list[QuoteLineOut]
    promotions: list[QuotePromotionOut]
    shipping_methods: list[ShippingOfferOut]
