"""Webhooks in: verified over their raw bytes, stored under their sender's event id, answered; delivered afterwards."""

import time
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Request, Response

from api.payment_news import WAIT_FOR_CALL_SECONDS, echoes, tells_nothing
from api.problems import Problem, not_found, unavailable
from api.resources import Resources, Shared
from api.schemas.base import ProblemOut
from gateways import stripe
from gateways.carriers import protocol
from gateways.signatures import SignatureInvalid
from models import inbox
from models.inbox import Outcome

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
log = structlog.get_logger()

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": ProblemOut, "description": "`signature_invalid`, or `malformed_event`"},
    404: {"model": ProblemOut, "description": "There is no such tenant, or no such account of a carrier's"},
    413: {"model": ProblemOut, "description": "`body_too_large`"},
    503: {"model": ProblemOut, "description": "`temporarily_unavailable`: send it again"},
}


@router.post("/stripe/{tenant}", status_code=204, responses=_PROBLEMS)
async def from_stripe(
    tenant: str, request: Request, shared: Shared, stripe_signature: Annotated[str | None, Header()] = None
) -> Response:
    """Stripe's events. 400 for a signature that is not Stripe's; 204 for one that is, new or not."""
    body = await request.body()
    try:
        shared.stripe.verify(stripe_signature, body, int(time.time()))
        event = shared.stripe.parse(body)
    except SignatureInvalid as wrong:
        raise _forged(tenant, "stripe", wrong) from None
    except stripe.MalformedEvent as wrong:
        raise Problem(400, "malformed_event", str(wrong)) from None
    told = Outcome.NO_NEWS if tells_nothing(event) else None
    wait = WAIT_FOR_CALL_SECONDS if echoes(event, tenant) else 0.0
    await _keep(tenant, "stripe", event.id, body, shared, request, told, wait)
    return Response(status_code=204)


@router.post("/carriers/{carrier}/{tenant}", status_code=204, responses=_PROBLEMS)
async def from_carrier(carrier: str, tenant: str, request: Request, shared: Shared) -> Response:
    """A carrier's tracking events, as for Stripe's. `carrier` is the name of an account."""
    found = shared.carriers.teller(tenant, carrier)
    if found is None:
        raise not_found("carrier")
    body = await request.body()
    try:
        message = await found[0].parse_webhook(request.headers, body, int(time.time()))
    except SignatureInvalid as wrong:
        raise _forged(tenant, carrier, wrong) from None
    except protocol.MalformedEvent as wrong:
        raise Problem(400, "malformed_event", str(wrong)) from None
    except protocol.CarrierUnavailable:
        raise unavailable("The carrier's public keys") from None
    await _keep(tenant, carrier, message.event_id, body, shared, request)
    return Response(status_code=204)


def _forged(tenant: str, source: str, wrong: SignatureInvalid) -> Problem:
    log.warning("webhook refused", tenant=tenant, source=source, why=str(wrong))
    return Problem(400, "signature_invalid", "The signature does not belong to this body.")


async def _keep(
    tenant: str,
    source: str,
    event_id: str,
    body: bytes,
    shared: Resources,
    request: Request,
    told: Outcome | None = None,
    wait_seconds: float = 0.0,
) -> None:
    """`told`: nothing follows from it. `wait_seconds`: nor from this, mostly, in a moment."""
    async with shared.database.one_statement() as connection:
        new = await inbox.receive(connection, tenant, source, event_id, body, told=told, wait_seconds=wait_seconds)
    if new is None:
        raise not_found("tenant")
    if new and told is None and not wait_seconds:
        request.app.state.relay.hurry(tenant, source, event_id)
