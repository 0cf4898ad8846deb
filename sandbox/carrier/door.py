"""The door of an API of the carrier stand-in: its key, the faults that were asked for, refusals in its own shape."""

import secrets
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.carrier.control import Control
from sandbox.carrier.depot import Refused
from sandbox.faults import ConnectionLost
from sandbox.lost import LostResponse

Answer = tuple[int, dict[str, Any]]
Refusal = Callable[[int, str, str], JSONResponse]
"""Status, code and sentence → the body that callers of this API expect."""


class Door:
    """`authorization` is what the header of that name must be, whole."""

    def __init__(self, control: Control, authorization: str, refusal: Refusal) -> None:
        self._control, self._refusal = control, refusal
        self._authorization = authorization.encode()

    async def answer(
        self, request: Request, operation: str, work: Callable[[], Answer], reference: str = ""
    ) -> Response:
        """Do the work of one call, with the faults due before it, after it, or instead of an answer."""
        given = request.headers.get("Authorization", "").encode()
        if not secrets.compare_digest(given, self._authorization):
            return self._refusal(401, "unauthorized", "The API key is missing or wrong.")
        self._control.calls[operation] += 1
        faults = self._control.faults
        try:
            struck = await faults.strike(operation, "before", reference)
            if struck is not None:
                return struck
            status, body = work()
            await faults.strike(operation, "hang", reference)
            struck = await faults.strike(operation, "after", reference)
        except ConnectionLost:
            return LostResponse()
        except Refused as refused:
            return self._refusal(refused.status, refused.code, refused.detail)
        except ValidationError as wrong:
            return self._refusal(422, *named(wrong))
        return JSONResponse(body, status) if struck is None else struck


def named(wrong: ValidationError) -> tuple[str, str]:
    """A code, and each field that is missing or wrong."""
    places = [".".join(map(str, each["loc"])) for each in wrong.errors()]
    code = "invalid_address" if places[0].startswith(("sender", "recipient")) else "invalid_request"
    said = "; ".join(f"{place or 'body'}: {each['msg']}" for place, each in zip(places, wrong.errors(), strict=True))
    return code, said
