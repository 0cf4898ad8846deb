"""What Milepost asks of any carrier, and the two ways in which a carrier can fail."""

from collections.abc import Mapping
from typing import Protocol

from domain.parcels import CarrierShipment, Label, ParcelRequest, VoidResult
from domain.tracking import Scan


class CarrierRejected(Exception):
    """The carrier refused for good, for instance a bad address; `code` and `message` are its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class CarrierUnavailable(Exception):
    """No answer, a 5xx or a 429: what happened is unknown. `find` before asking again.

    `retry_after_seconds` is the carrier's wish, None when it has none.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class MalformedEvent(Exception):
    """Signed by the carrier, but not an event that we can read. It will not read better a second time."""


class Carrier(Protocol):
    """One account with one carrier.

    Carriers seldom have idempotency keys: after `CarrierUnavailable`, `find` tells what was done, before it
    is done again. Calls over the network raise `CarrierRejected` or `CarrierUnavailable`, and nothing else.
    """

    @property
    def name(self) -> str:
        """As it stands on labels and scans."""
        ...

    async def create(self, request: ParcelRequest) -> CarrierShipment:
        """Enter a parcel in the carrier's books; nothing is paid yet. A repeat makes a second one."""
        ...

    async def find(self, reference: str) -> CarrierShipment | None:
        """The parcel under our reference: bought before created before voided; None if none."""
        ...

    async def buy(self, carrier_shipment_id: str) -> Label:
        """Buy the label, which costs money. `CarrierRejected` when it was bought before."""
        ...

    async def void(self, carrier_shipment_id: str) -> VoidResult:
        """Give an unused label back, or a shipment without one; again is harmless."""
        ...

    async def track(self, carrier_shipment_id: str) -> tuple[Scan, ...]:
        """All scans so far, in the order in which they happened."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless the carrier signed these raw bytes; `now` is unix seconds."""
        ...

    def parse(self, body: bytes) -> Scan:
        """The scan in a webhook that was verified when it came. Raises `MalformedEvent`."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> Scan:
        """`verify`, then `parse`."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
