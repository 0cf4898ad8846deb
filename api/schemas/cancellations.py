"""Cancelling an order, or some pieces of it."""

from pydantic import ConfigDict, Field, field_validator

from api.schemas.base import In, Long, Short
from api.schemas.checkouts import LineIn
from domain.pricing import MAX_LINES


class OrderCancelIn(In):
    """What is given up, and why. Without `lines`, all that has not left."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"lines": [{"sku": "SCARF-SILK-01", "quantity": 1}], "reason": "ordered one too many"}]
        }
    )

    reason: Long = "changed their mind"
    actor: Short = Field(default="the shop", deprecated=True, description="Not heeded: the key says who it is.")
    lines: list[LineIn] | None = Field(default=None, min_length=1, max_length=MAX_LINES)

    @field_validator("lines")
    @classmethod
    def _each_once(cls, lines: list[LineIn] | None) -> list[LineIn] | None:
        if lines and len({one.sku for one in lines}) < len(lines):
            raise ValueError("a SKU may be named once")
        return lines
