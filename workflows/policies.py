"""The two kinds of step a workflow takes, and how long each may take and how often it is tried, as named values."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.display import SUMMARY_BYTES, cut

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

FINAL_FAILURES = ["StripeMisconfigured", "CarrierRejected", "NoRate", "RowMissing"]
"""Trying again does not help."""

_DATABASE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_interval=timedelta(seconds=10),
    non_retryable_error_types=FINAL_FAILURES,
)
_OUTSIDE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    maximum_interval=timedelta(seconds=30),
    non_retryable_error_types=FINAL_FAILURES,
)


@dataclass(frozen=True)
class Patience:
    """How long one try may take, and all tries together."""

    one_try: timedelta
    all_tries: timedelta


WHILE_SHOPPER_WAITS = Patience(timedelta(seconds=30), timedelta(minutes=2))
"""A call a shopper waits for: given up after two minutes, then undone, which finds out what happened."""

PATIENT = Patience(timedelta(seconds=30), timedelta(hours=1))
"""A call nobody waits for: after an hour a person is told, and it is tried again."""

BUYING_A_LABEL = Patience(timedelta(seconds=60), timedelta(hours=1))
"""Several calls of a carrier, one after another; nobody waits for them."""

DEAD_AFTER = timedelta(seconds=8)
"""A worker that has a call in hand says so more often than this; if not, it died, and another makes the call."""

ASK_AGAIN_WHILE_PROCESSING = timedelta(minutes=1)
"""A payment still processing when the reservation's time is up is not interrupted but asked after this often."""


LOOK_WITHOUT_NEWS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(days=1))
"""A shopper's payment is looked at this long after the last look even if no webhook comes; the last one repeats.

Two looks, and a last one as the reservation ends: shoppers who walk away are many, and each look is paid for."""

LOOK_DAILY = timedelta(days=1)
"""What a bank takes days for (refunds, disputes) is looked at this often even if no webhook comes."""

LOOK_FOR_STOCK = timedelta(days=1)
"""A parcel that waits for stock looks this often even if nobody says that it has come."""

STOCK_IS_LATE_AFTER = timedelta(days=2)
"""A person is called this long after the end of the day on which the stock was expected."""

PACK_WITHIN = timedelta(days=1)
"""A parcel whose pieces came late has this long at least, before a person is called because it is still here."""

RENEW_AUTHORIZATION_BEFORE = timedelta(days=1)
"""An authorization not captured yet is replaced, or brought before a person, this long before it lapses."""


async def in_database(activity: Callable[[Any, Asked], Awaitable[Answered]], asked: Asked, summary: str) -> Answered:
    """A local activity of milliseconds: tried until the database is back."""
    return await workflow.execute_local_activity_method(
        activity,
        args=[asked],
        summary=cut(summary, SUMMARY_BYTES),
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=_DATABASE_RETRY,
    )


async def keep_what_is_known() -> None:
    """End the workflow task here, so that what local activities have said in it is in the history.

    A worker that dies takes its task with it, and the next one asks them all again. Where one of them looks and a later
    one changes what it saw, the second look would see the change, and take it for somebody else's.
    """
    if workflow.patched("kept-before-it-is-changed"):
        await workflow.sleep(timedelta(milliseconds=1), summary="Keep what is known")


async def outside(
    activity: Callable[[Any, Asked], Awaitable[Answered]],
    asked: Asked,
    summary: str,
    patience: Patience = PATIENT,
) -> Answered:
    """A call to an outsider. Raises `ActivityError` when it was refused for good or patience is spent."""
    return await workflow.execute_activity_method(
        activity,
        args=[asked],
        summary=cut(summary, SUMMARY_BYTES),
        start_to_close_timeout=patience.one_try,
        schedule_to_close_timeout=patience.all_tries,
        heartbeat_timeout=DEAD_AFTER,
        retry_policy=_OUTSIDE_RETRY,
    )


def is_final(failed: ActivityError) -> bool:
    """The carrier said no, so that nothing was bought: another parcel must be created."""
    cause = failed.cause
    return isinstance(cause, ApplicationError) and cause.type in ("CarrierRejected", "NoRate")
