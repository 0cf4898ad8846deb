"""Routes that are to go say so in every answer: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), and what takes over."""

from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any

from fastapi import Depends, Request

from api.exchange import Exchange


def going(*, since: date, until: date, successor: str) -> Any:
    """For a route's `dependencies`, beside `deprecated=True`: `until` is the day after which it may be gone."""
    start, end = (datetime.combine(day, time(), UTC) for day in (since, until))
    headers = {
        "Deprecation": f"@{int(start.timestamp())}",
        "Sunset": format_datetime(end, usegmt=True),
        "Link": f'<{successor}>; rel="successor-version"',
    }

    async def tell(request: Request) -> None:
        Exchange.of(request).headers |= headers

    return Depends(tell)
