"""What becomes of a stored webhook: somebody is told, or it is looked at again later, or it is settled at once."""

from dataclasses import dataclass

from temporalio.common import TypedSearchAttributes

from domain.disputes import DisputeInput, DisputeNews
from domain.payments import PaymentNews
from domain.refunds import RefundInput, RefundNews
from domain.shipments import StockNews, TrackingNews
from models.inbox import Outcome

MOST_WAITS = 10
"""What a message is about may still be being written down; after so many looks it is not."""


@dataclass(frozen=True)
class Start:
    """How the workflow to be told is begun, if it is not there."""

    workflow: str
    argument: DisputeInput | RefundInput
    summary: str
    attributes: TypedSearchAttributes


@dataclass(frozen=True)
class Signal:
    """Tell this workflow this."""

    workflow_id: str
    name: str
    news: PaymentNews | StockNews | TrackingNews | RefundNews | DisputeNews
    start: Start | None = None


@dataclass(frozen=True)
class Later:
    """What it is about is still being done; look again in so many seconds."""

    seconds: float


Decision = Signal | tuple[Signal, ...] | Later | Outcome
"""Of several signals there is at least one."""
