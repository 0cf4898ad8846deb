"""What Milepost asks of any carrier, and the two ways in which a carrier can fail."""

from collections.abc import Mapping
from typing import Protocol

from domain.parcels import CarrierShipment, Label, ParcelRequest, Rate, VoidResult
from domain.tracking import Scan, TrackingMessage


class CarrierRejected(Exception):
    """The carrier refused for good, for instance a bad address; `code` and `message` are its own.

    `status` is that of its HTTP answer, 0 when the refusal came inside an answer.
    """

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class CarrierUnavailable(Exception):
    """No answer, a 5xx or a 429: what happened is unknown. `look_up` before asking again.

    `retry_after_seconds` is the carrier's wish, None when it has none.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class MalformedEvent(Exception):
    """Signed by the carrier, but not an event that we can read. It will not read better a second time."""


class Tracker(Protocol):
    """Somebody who tells where parcels are, by webhook."""

    @property
    def name(self) -> str:
        """The account's name, as it stands on labels and scans and in the address of its webhooks."""
        ...

    async def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless these raw bytes were signed; `now` is unix seconds.

        Raises `CarrierUnavailable` when the sender's public keys are needed and cannot be had at the moment.
        """
        ...

    def parse(self, body: bytes) -> TrackingMessage:
        """The scans in a webhook that was verified when it came. Raises `MalformedEvent`."""
        ...

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> TrackingMessage:
        """`verify`, then `parse`."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


class Carrier(Tracker, Protocol):
    """One account that sells labels, in two steps: create, which costs nothing, then buy.

    Carriers seldom have idempotency keys: after `CarrierUnavailable`, `look_up` tells what was done, before it is
    done again. Calls over the network raise `CarrierRejected` or `CarrierUnavailable`, and nothing else.
    """

    async def create(self, request: ParcelRequest) -> CarrierShipment:
        """Enter a parcel in the carrier's books; nothing is paid yet. A repeat makes a second one."""
        ...

    async def find(self, reference: str) -> CarrierShipment | None:
        """The parcel under our reference: bought before created before voided. None if none, or if it cannot tell."""
        ...

    async def look_up(self, carrier_shipment_id: str, rate_id: str) -> CarrierShipment:
        """What became of a parcel that was to be bought at this rate. Bought when it has a `label`."""
        ...

    async def rates(self, carrier_shipment_id: str) -> tuple[Rate, ...] | None:
        """What the parcel could be bought for; None where the carrier quotes none."""
        ...

    async def buy(self, carrier_shipment_id: str, rate_id: str) -> Label:
        """Buy the label, which costs money. `CarrierRejected` when it was bought before."""
        ...

    async def void(self, label: Label) -> VoidResult:
        """Give an unused label back; again is harmless."""
        ...

    async def track(self, label: Label) -> tuple[Scan, ...]:
        """All scans so far, in the order in which they happened."""
        ...
