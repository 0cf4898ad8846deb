"""Another address for an order that has no label yet: what is asked, and why it may be refused."""

from dataclasses import dataclass

from domain.orders import NoteOrder
from domain.parcels import PostalAddress
from domain.support import Why


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Who wants it, why, and where the order is to go. Personal data: it is in no summary and no timeline."""

    actor: str
    reason: str
    address: PostalAddress
    key: str = ""


@dataclass(frozen=True, slots=True)
class WriteAddress:
    """The order goes there from now on, if it still can; with the line of the timeline that says who wanted it."""

    note: NoteOrder
    address: PostalAddress


@dataclass(frozen=True, slots=True)
class AddressWritten:
    """It is; or why not."""

    refusal: Why | None = None


def refuse_another_price(old: PostalAddress, new: PostalAddress) -> Why | None:
    """Tax and shipping are by country and region, and what was paid stays paid: neither may change."""
    if (old.country, (old.region or "").upper()) == (new.country, (new.region or "").upper()):
        return None
    what = "country" if old.country != new.country else "region"
    message = f"another {what} has other taxes and shipping: cancel the order, and have the customer order again"
    return Why("total_would_change", message)
