"""The one place that turns an error of ours into a failure Temporal understands: its type, and whether to try again."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.carriage import NoRate
from gateways.carriers.protocol import CarrierRejected, CarrierUnavailable
from gateways.stripe import StripeMisconfigured, StripeUnavailable
from models.base import RowMissing

FINAL = (StripeMisconfigured, CarrierRejected, NoRate, RowMissing)
"""Trying again does not help; a person must."""


BEATS = 4
"""So many heartbeats in the time after which one that said nothing is taken for dead."""


class FailureInterceptor(Interceptor):
    """Puts the translation around every activity of a worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """As the SDK asks."""
        return _Translate(next)


class _Translate(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        limit = activity.info().heartbeat_timeout
        beating = asyncio.create_task(_beat(limit.total_seconds() / BEATS)) if limit else None
        try:
            return await super().execute_activity(input)
        except (StripeUnavailable, CarrierUnavailable) as unknown:
            raise ApplicationError(
                str(unknown), type=type(unknown).__name__, next_retry_delay=_delay(unknown)
            ) from unknown
        except FINAL as final:
            useless = (final.carrier_shipment_id,) if isinstance(final, NoRate) else ()
            raise ApplicationError(str(final), *useless, type=type(final).__name__, non_retryable=True) from final
        finally:
            if beating is not None:
                beating.cancel()


async def _beat(every_seconds: float) -> None:
    """Say that this worker lives and has the call in hand, so that one whose worker died is begun anew soon."""
    while True:
        await asyncio.sleep(every_seconds)
        activity.heartbeat()


def _delay(unknown: StripeUnavailable | CarrierUnavailable) -> timedelta | None:
    """How long the other side asked us to wait, if it did."""
    seconds = unknown.retry_after if isinstance(unknown, StripeUnavailable) else unknown.retry_after_seconds
    return timedelta(seconds=min(seconds, 3600)) if seconds else None
