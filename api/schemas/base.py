"""What every shape shares: kinds of text, strict input, and how a problem looks."""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints


def text(most: int) -> Any:
    """One line of text of 1 to `most` characters, without control characters."""
    return StringConstraints(min_length=1, max_length=most, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")


Short = Annotated[str, text(100)]
Long = Annotated[str, text(200)]
Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
PromotionCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{3,39}$")]
TaxClass = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class In(BaseModel):
    """What comes in: exact types, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Item = TypeVar("Item")


class PageOut(BaseModel, Generic[Item]):
    """A page of a list. `next_cursor` is the `cursor` of the page behind it, null on the last."""

    items: list[Item]
    next_cursor: str | None


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
                    "request_id": "req_5f0c8e2ab7c94d53a6f25f0c8e2ab7c9",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
