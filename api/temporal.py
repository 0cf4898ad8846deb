"""Calls to workflows from routes: what cannot be reached becomes a 503, what was refused becomes a 409."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.problems import Problem, unavailable

log = structlog.get_logger()

ANSWER_WITHIN_SECONDS = 20.0
"""A route waits this long for a workflow; then the asker is told to ask again, and the workflow goes on."""


_ENDED_MEANWHILE = ("AcceptedUpdateCompletedWorkflow",)
"""How Temporal names an update whose workflow ended before it answered."""


class StillRunning(Exception):
    """The workflow has it in hand; its answer did not come in time."""


@asynccontextmanager
async def reaching(what: str) -> AsyncIterator[None]:
    """Around a call to Temporal. Raises `StillRunning`, or a `Problem` for what was refused or cannot be reached."""
    try:
        # The client's own `rpc_timeout` ends one call; once an update is accepted it polls without any.
        async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
            yield
    except TimeoutError as late:
        raise StillRunning from late
    except WorkflowUpdateFailedError as failed:
        cause = failed.cause
        if isinstance(cause, ApplicationError) and cause.type in _ENDED_MEANWHILE:
            raise StillRunning from failed  # it has ended: what became of it is in the tables
        if isinstance(cause, ApplicationError) and cause.type:
            raise Problem(409, cause.type, f"{cause.message[0].upper()}{cause.message[1:].rstrip('.')}.") from failed
        raise
    except WorkflowUpdateRPCTimeoutOrCancelledError as late:
        raise StillRunning from late
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Problem(409, "already_ended", f"This {what} has ended; nothing can be done to it.") from error
        if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            raise StillRunning from error
        log.warning("temporal did not take it", what=what, status=error.status.name, why=error.message)
        raise unavailable("The order engine") from error
    except RuntimeError as error:
        if "connect" not in str(error).lower():
            raise
        raise unavailable("The order engine") from error
