"""Refunds: money that goes back without anything coming back for it, and who allowed it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.base import In, Long
from domain.money import MAX_MINOR
from domain.refunds import RefundCause, RefundState


class RefundIn(In):
    """What is to be given back of what was captured, in minor units; all that is left without an amount. Who asks is
    whose key or token it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"amount": 2500, "cause": "goodwill", "reason": "a scratch on the buckle, kept by the customer"}
            ]
        }
    )

    amount: int | None = Field(default=None, ge=1, le=MAX_MINOR)
    cause: RefundCause = Field(default=RefundCause.OTHER, strict=False)
    reason: Long = "asked for by the customer"


class RefundDecisionIn(In):
    """Why. Who decides is whose key or token it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the carrier confirmed the loss"}]})

    reason: Long


class RefundOut(BaseModel):
    """A refund. `awaiting_approval`: until `approve_by` somebody else than `asked_by` may allow it. `settling`: the
    provider has it, the customer's bank not yet (days)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "re_4f3mhafkvhbpevgjbwxfz8hk3y",
                    "order_number": "1001",
                    "state": "succeeded",
                    "amount": 24500,
                    "cause": "lost_parcel",
                    "reason": None,
                    "reason_detail": "key_1f0c2a9be8d7465af013: lost on the way to Paris",
                    "asked_by": "key_1f0c2a9be8d7465af013",
                    "asked_at": "2026-11-24T09:30:00Z",
                    "approve_by": None,
                    "decided_by": None,
                    "decision": None,
                }
            ]
        }
    )

    id: str
    state: RefundState
    amount: int | None
    reason: str | None = None
    reason_detail: str | None = None
    order_number: str | None = None
    cause: RefundCause | None = None
    asked_by: str | None = None
    asked_at: datetime | None = None
    approve_by: datetime | None = None
    decided_by: str | None = None
    decision: str | None = None


class RefundPageOut(BaseModel):
    """Refunds that wait for a second person, oldest first. `next_cursor` asks for those after them; null: no more."""

    items: list[RefundOut]
    next_cursor: str | None
