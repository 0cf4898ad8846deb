"""An e-mail as it goes out, and who it is from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from domain.carriage import EVERYWHERE
from domain.following import FollowedParcel, Piece


class Sender(BaseModel):
    """Who a tenant's e-mails are from, in which language, and whether they tell that a parcel comes today. `*`: all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: str = EVERYWHERE
    address: str = Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    name: str = Field(default="", max_length=100, pattern=r"^[^\r\n]*$")
    reply_to: str | None = Field(default=None, pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    language: str = Field(default="en", pattern="^(en|fr|de|it|ja)$")
    out_for_delivery: bool = True
    account_url: str | None = Field(default=None, pattern=r"^https?://[^\s<>\"]+$")
    """Where customers of this shop change their card and their membership."""


NOBODY = Sender(address="milepost@localhost", name="Milepost")
"""Whose name is on e-mails of a tenant that the settings do not know."""


@dataclass(slots=True)
class Content:
    """What an e-mail says: the `phrase` with its `facts`, one thing to press, and then what it is about."""

    phrase: str
    facts: dict[str, str] = field(default_factory=dict)
    link: str = ""
    link_text: str = ""
    rows: list[tuple[str, str]] = field(default_factory=list)
    parcels: Sequence[FollowedParcel] = ()
    pieces: Sequence[Piece] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail, whole. `mail_id` names it: whoever gets it twice sees one Message-ID."""

    mail_id: str
    sender: Sender
    to: str
    to_name: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Moot:
    """There is nothing to send any more, and why."""

    why: str
