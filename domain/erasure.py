"""Erasing a customer's personal data: what is asked, what it waits for, and what stands in its place."""

from dataclasses import dataclass
from enum import StrEnum

ERASED = "erased"
"""Stands where a name, a street, a town or a postal code was. No way leads back."""

ERASED_EMAIL = "erased@erased.invalid"
"""An address that no mail reaches (RFC 2606, section 2)."""


class ErasureState(StrEnum):
    """`waiting`: something must end first, and then it is done by itself."""

    WAITING = "waiting"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is still under way and needs the data: a checkout, an order, a membership, a dispute, a refund."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class EraseCustomer:
    """Whose data."""

    tenant: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class DataErased:
    """Nothing was touched if something is unfinished. `provider_id`: who they are at the payment provider."""

    unfinished: tuple[Unfinished, ...] = ()
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteProviderCustomer:
    """The customer at the payment provider, with the kept cards."""

    tenant: str
    customer_id: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class ProviderCustomerDeleted:
    """Gone; or gone before."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class ErasureAnswer:
    """How it stands."""

    customer_id: str
    state: ErasureState
    unfinished: tuple[Unfinished, ...] = ()
