"""`/t/{token}`: the page on which a customer follows an order, without a login; and the links to it."""

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.problems import not_found
from api.resources import Resources, Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.tracking import TrackingLinkIn, TrackingLinkOut
from domain.following import WAY, FollowedOrder, progress
from domain.links import Link, LinkForged
from domain.phrases import Wording, wanted
from models import following, orders
from settings import links_of

router = APIRouter(tags=["tracking"])

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
AcceptLanguage = Annotated[str | None, Header(max_length=1000)]


class Gone(Exception):
    """The link was good, and is over."""


@router.post(
    "/v1/orders/{number}/tracking-links",
    status_code=201,
    response_model=TrackingLinkOut,
    responses={status: {"model": ProblemOut} for status in (404, 422)},
)
async def make_link(
    number: str, tenant: Annotated[str, needs("orders:read")], shared: Shared, body: TrackingLinkIn | None = None
) -> TrackingLinkOut:
    """A link to the order's page. Every e-mail has one; this one is for whoever lost theirs."""
    async with shared.database.transaction(tenant) as session:
        if await orders.find(session, number) is None:
            raise not_found("order")
    days = (body.days if body else None) or shared.settings.link_days
    until = int(time.time()) + days * 86_400
    token = links_of(shared.settings).make(Link(tenant, number, until))
    url = f"{shared.settings.public_url.rstrip('/')}/t/{token}"
    return TrackingLinkOut(url=url, expires_at=datetime.fromtimestamp(until, UTC))


@router.get("/t/{token}", include_in_schema=False)
async def page(token: str, shared: Shared, accept_language: AcceptLanguage = None) -> HTMLResponse:
    """The page. 404 for a link that we did not sign, 410 for one that is over; both in words."""
    say = Wording(wanted(accept_language))
    try:
        _, order = await open_link(shared, token)
    except Gone:
        return sorry(410, "gone", say)
    except LinkForged:
        return sorry(404, "unknown", say)
    return _html(200, "tracking.html", say, order=order, token=token, way=WAY, progress=progress)


async def open_link(shared: Resources, token: str) -> tuple[Link, FollowedOrder]:
    """Whose page it is. Raises `LinkForged` and `Gone`."""
    link = links_of(shared.settings).read(token)
    if link.expires_at <= time.time():
        raise Gone
    async with shared.database.transaction(link.tenant) as session:
        order = await following.read(session, link.order_number)
    if order is None:
        raise LinkForged("no such order any more")
    return link, order


def sorry(status: int, what: str, say: Wording) -> HTMLResponse:
    """A page that says what is wrong and what to do."""
    return _html(status, "sorry.html", say, what=what)


def _html(status: int, template: str, say: Wording, **facts: object) -> HTMLResponse:
    """Nothing may be loaded but what carries this answer's nonce; nobody keeps it, lists it, or learns its address."""
    nonce = secrets.token_urlsafe(16)
    text = _PAGES.get_template(template).render(say=say, nonce=nonce, **facts)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "private, no-store",
        "X-Robots-Tag": "noindex, nofollow",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Language",
        "Content-Language": say.language,
    }
    return HTMLResponse(text, status, headers=headers)
