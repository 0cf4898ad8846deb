"""What the sweeper asks for and finds: checkouts that should have ended, and that nobody may be at work on."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FindOverdue:
    """Checkouts whose time has been up for so many seconds; the next so many, by id, behind `after`."""

    tenant: str
    overdue_seconds: int
    after: str
    most: int


@dataclass(frozen=True, slots=True)
class OverdueCheckout:
    """One of them, and what is known of its money: the intent, if it is; and under which key it was asked for."""

    tenant: str
    checkout_id: str
    payment_id: str
    intent_id: str | None
    captured: bool
    authorization_key: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class ReleasePreorders:
    """Those of a tenant whose day has come."""

    tenant: str


@dataclass(frozen=True, slots=True)
class FindStranded:
    """Memberships whose process should have done something so many seconds ago; those that are still joining, after
    `joining_seconds` more; the next so many, by id, behind `after`."""

    tenant: str
    overdue_seconds: int
    joining_seconds: int
    after: str
    most: int


@dataclass(frozen=True)
class ForgetOld:
    """Forget up to so many kept answers of a tenant that are older than they are kept, and its ended tokens."""

    tenant: str
    most: int
