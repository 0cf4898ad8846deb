"""How long a step may take and how often it is tried, as named values."""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig, LocalActivityConfig

FINAL_FAILURES = ["StripeMisconfigured", "CarrierRejected", "RowMissing"]
"""Trying again does not help."""

DATABASE = LocalActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        maximum_interval=timedelta(seconds=10),
        non_retryable_error_types=FINAL_FAILURES,
    ),
)
"""A local database step: tried until the database is back."""

_OUTSIDE = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    maximum_interval=timedelta(seconds=30),
    non_retryable_error_types=FINAL_FAILURES,
)

WHILE_SHOPPER_WAITS = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(minutes=2),
    retry_policy=_OUTSIDE,
)
"""A call a shopper waits for: given up after two minutes, then undone, which finds out what happened."""

PATIENT = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(hours=1),
    retry_policy=_OUTSIDE,
)
"""A call nobody waits for: after an hour a person is told, and it is tried again."""

ASK_AGAIN_WHILE_PROCESSING = timedelta(minutes=1)
"""A payment still processing when the reservation's time is up is not interrupted but asked after this often."""
