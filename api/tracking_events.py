"""`/t/{token}/events`: what happens to an order while its customer looks, as server-sent events."""

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from api.live import Watchers
from api.resources import Resources, Shared
from api.tracking import AcceptLanguage, Gone, open_link
from domain.following import FollowedOrder
from domain.links import Link, LinkForged
from domain.phrases import Wording, wanted
from domain.states import ReturnState
from models import events
from models.events import Event

router = APIRouter(tags=["tracking"])

_HEARTBEAT_SECONDS = 15.0
_LIFE_SECONDS = 900.0
"""Then the browser comes again by itself, perhaps to another process: none has its watchers for ever."""

_NEWS = {
    "order.placed": "state.placed",
    "order.cancelled": "state.cancelled",
    "order.partly_cancelled": "what_was_cancelled",
    "order.delivered": "state.delivered",
    "payment.refunded": "refunded_so_far",
    "shipment.label_bought": "step.ready",
    "shipment.handed_over": "step.handed_over",
    "shipment.delivered": "step.delivered",
    "shipment.returned_to_sender": "step.coming_back",
    "shipment.lost": "step.lost",
    "shipment.cancelled": "step.cancelled",
    **{f"return.{state}": f"return.{state}" for state in ReturnState},
}
"""Events that a customer is told of, and what a screen reader says. The rest of the timeline is not theirs."""

END = ("order.closed", "order.cancelled")


@router.get("/t/{token}/events", include_in_schema=False)
async def stream(
    token: str,
    request: Request,
    shared: Shared,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    last_event_id: Annotated[str | None, Header(max_length=30)] = None,
    accept_language: AcceptLanguage = None,
) -> Response:
    """Events after `Last-Event-ID`, or else after `after`, which the page knows; then each as it happens.

    204 when nothing can follow any more, which tells a browser not to come again (HTML standard, 9.2.3).
    """
    try:
        link, order = await open_link(shared, token)
    except Gone:
        return Response(status_code=204)
    except LinkForged:
        return PlainTextResponse("There is nothing here.", 404)
    last = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else after
    if order.ended and last >= order.last_event:
        return Response(status_code=204)
    if _watchers(request).full(link.tenant, order.checkout_id):
        return PlainTextResponse("Too many watch at the moment.", 503, headers={"Retry-After": "60"})
    say = Wording(wanted(accept_language))
    told = _follow(_watchers(request), shared, link, order, last, say)
    headers = {"Cache-Control": "private, no-store", "X-Accel-Buffering": "no", "X-Robots-Tag": "noindex"}
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)


def _watchers(request: Request) -> Watchers:
    found: Watchers = request.app.state.watchers
    return found


async def _follow(
    watchers: Watchers, shared: Resources, link: Link, order: FollowedOrder, last: int, say: Wording
) -> AsyncIterator[str]:
    """Messages until the order, the link or this connection's life ends."""
    began = time.monotonic()
    yield "retry: 5000\n\n"
    with watchers.watching(link.tenant, order.checkout_id):
        while time.monotonic() - began < _LIFE_SECONDS:
            async with shared.database.transaction(link.tenant) as session:
                news = await events.since(session, order.checkout_id, last)
            for event in news:
                last = event.event_id
                yield _message(event, say)
            if time.time() >= link.expires_at or any(event.type in END for event in news):
                yield f"id: {last}\nevent: end\ndata: {{}}\n\n"
                return
            if not await watchers.later_than(link.tenant, order.checkout_id, last, _HEARTBEAT_SECONDS):
                yield ": still here\n\n"


def _message(event: Event, say: Wording) -> str:
    """What is not for customers comes as a bare id, so that nobody is told twice of what is before it."""
    phrase = _NEWS.get(event.type)
    if event.type == "shipment.scan":
        phrase = f"scan.{event.data.get('status')}"
    if phrase is None:
        return f"id: {event.event_id}\n\n"
    data = json.dumps({"text": say("updated", what=say(phrase))}, ensure_ascii=False)
    return f"id: {event.event_id}\nevent: news\ndata: {data}\n\n"
