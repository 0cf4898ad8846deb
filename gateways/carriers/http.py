"""One request to a carrier, its failures as the protocol's two; and webhook bodies read as what they should be."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from gateways.carriers.protocol import CarrierRejected, CarrierUnavailable, MalformedEvent

CONNECT_SECONDS = 5.0
UNKNOWN_OUTCOME = frozenset({401, 403, 408, 425, 429})
"""Refusals that say nothing of the parcel. A wrong key too: it is mended by us, and no order fails for it."""

Shape = TypeVar("Shape", bound=BaseModel)
Complaint = Callable[[bytes], tuple[str, str] | None]
"""The code and the sentence in the body of a refusal; None when they are not there."""


class CarrierHttp:
    """The connections of one account. `timeout` is seconds a call; `complaint` reads the carrier's refusals."""

    def __init__(
        self,
        name: str,
        api_base: str,
        *,
        complaint: Complaint,
        timeout: float,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
    ) -> None:
        self._name, self._complaint = name, complaint
        self._http = httpx.AsyncClient(
            base_url=api_base,
            headers={"Accept": "application/json", **(headers or {})},
            auth=auth,
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        shape: type[Shape],
        *,
        json: object = None,
        params: dict[str, str] | None = None,
    ) -> Shape:
        """Its answer. Raises `CarrierRejected` or `CarrierUnavailable`."""
        try:
            answer = await self._http.request(method, path, json=json, params=params)
        except httpx.HTTPError as lost:
            raise CarrierUnavailable(f"{self._name} did not answer: {type(lost).__name__}") from lost
        status = answer.status_code
        if answer.is_client_error and status not in UNKNOWN_OUTCOME:
            code, said = self._complaint(answer.content) or (f"http_{status}", "the carrier gave no reason")
            raise CarrierRejected(code, said, status)
        if not answer.is_success:
            raise CarrierUnavailable(f"{self._name} answered {status}", _retry_after(answer))
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as garbled:
            raise CarrierUnavailable(f"{self._name} answered {status} with an unreadable body") from garbled


def read(shape: type[Shape], body: bytes) -> Shape:
    """A webhook's body. Raises `MalformedEvent` naming what is missing or wrong."""
    if b"\\u0000" in body:
        raise MalformedEvent("a NUL character in it cannot be kept")
    try:
        return shape.model_validate_json(body)
    except ValidationError as wrong:
        places = sorted({".".join(map(str, error["loc"])) or "the body" for error in wrong.errors()})
        raise MalformedEvent(f"missing or wrong: {', '.join(places)}") from None


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds of `Retry-After`; its other form, a date, is rare and left to our own backoff."""
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdigit() and len(given) < 8 else None
