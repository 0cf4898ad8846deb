"""Whose tasks go first when more of them wait than the workers can take.

A shopper waits for a checkout; nobody waits for the order that comes of it. When a drop opens, hundreds of both want
the same workers (docs.temporal.io/develop/task-queue-priority-fairness: lower numbers first, 3 is the default; what a
workflow starts has its priority unless told otherwise).
"""

from temporalio.common import Priority

SHOPPER_WAITS = Priority(priority_key=1)
NOBODY_WAITS = Priority(priority_key=3)
