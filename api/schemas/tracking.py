"""Links to the customer's page, and the e-mails of an order."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from domain.mails import Milestone
from domain.states import MailState


class TrackingLinkIn(BaseModel):
    """How long it shall open the page; left out, as long as the settings say."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"days": 30}]})

    days: int | None = Field(default=None, ge=1, le=365)


class TrackingLinkOut(BaseModel):
    """Whoever has it sees the page; it cannot be taken back, and ends by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://orders.example.com/t/WyJk…", "expires_at": "2027-02-24T02:35:35Z"}]
        }
    )

    url: str
    expires_at: datetime


class MailOut(BaseModel):
    """One e-mail to a customer, without its address and text. `problem`: why it is not sent yet, or was not."""

    id: str
    milestone: Milestone
    about: str = Field(description="The parcel, refund or cancellation; empty for the order.")
    state: MailState
    attempts: int
    problem: str | None
    created_at: datetime
    ended_at: datetime | None
