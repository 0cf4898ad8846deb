"""Faults a stand-in can be told to have: before its work, after it (the answer is lost), or never answering."""

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response


class ConnectionLost(Exception):
    """The answer is not sent and the connection is closed."""


@dataclass
class Fault:
    """Hits calls of `operation` (or `*`), skipping the first `nth - 1`, `times` times.

    `when`: before | after | hang. `status` None closes the connection without an answer. With a `reference` it is for
    calls about that reference of ours alone.
    """

    operation: str
    when: str = "before"
    status: int | None = None
    nth: int = 1
    times: int = 1
    retry_after: int | None = None
    reference: str | None = None


class Faults:
    """The faults asked for, in the order they were asked."""

    def __init__(self, shape: Any = None) -> None:
        self.asked: list[Fault] = []
        self._shape = shape or (lambda _status: {"error": {"type": "api_error", "message": "A fault was asked for."}})

    def take(self, operation: str, when: str, reference: str = "") -> Fault | None:
        """The fault that hits this call, spent by it."""
        for fault in self.asked:
            aimed = fault.reference in (None, reference)
            if aimed and fault.operation in (operation, "*") and fault.when == when and fault.times > 0:
                fault.nth -= 1
                if fault.nth <= 0:
                    fault.times -= 1
                    return fault
        return None

    async def strike(self, operation: str, when: str, reference: str = "") -> Response | None:
        """Have the fault if one is due: an answer, or `ConnectionLost`; None goes on as normal."""
        fault = self.take(operation, when, reference)
        if fault is None:
            return None
        if when == "hang":
            await asyncio.sleep(3600)
        if fault.status is None:
            raise ConnectionLost
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
        return JSONResponse(self._shape(fault.status), fault.status, headers=headers)
