"""The application: `uvicorn api.app:app`. It starts, and reads, while Temporal is away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from api import (
    access,
    acts,
    cancellations,
    catalog,
    checkout_acts,
    checkouts,
    codec,
    customers,
    drops,
    health,
    keys,
    mails,
    memberships,
    orders,
    parcel_acts,
    plans,
    prices,
    problems,
    refunds,
    returns,
    shipments,
    stock,
    tokens,
    tracking,
    tracking_events,
    unknown_parcels,
    webhooks,
)
from api.allowance import Allowances
from api.conventions import Conventions
from api.cors import Storefronts
from api.described import describe
from api.graph import route as graph
from api.keyring import KeyRing
from api.limits import BodyLimit
from api.live import Watchers
from api.logbook import Logbook
from api.marking import MarkingInterceptor
from api.relay import Relay
from api.remembering import Replay
from api.resources import Resources
from api.staffroom import Staffroom
from gateways.accounts import carriers_of, stripe_of
from gateways.collector import spare_what_stays
from gateways.logs import configure
from gateways.oidc import Issuers
from gateways.temporal import connect
from models.database import Database
from settings import get_settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the routes share, deliver webhooks meanwhile, close it again."""
    settings = get_settings()
    configure(settings.log_level)
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    await database.refuse_unsafe_role()
    temporal = await connect(settings, lazy=True, interceptors=[MarkingInterceptor()])
    issuers = Issuers()
    resources = Resources(
        settings=settings,
        database=database,
        keyring=KeyRing(database),
        allowances=Allowances(database, settings.rate_limit),
        storefronts=Storefronts(database),
        logbook=Logbook(database),
        staffroom=Staffroom(database, issuers),
        temporal=temporal,
        stripe=stripe_of(settings),
        carriers=carriers_of(settings),
    )
    app.state.resources, app.state.relay = resources, Relay(resources)
    app.state.watchers = Watchers(database, settings.live_connections)
    loops = [asyncio.create_task(one.run()) for one in (app.state.relay, app.state.watchers)]
    spare_what_stays()
    yield
    for loop in loops:
        loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loop
    await resources.gate.close()
    await resources.reader.close()
    await issuers.close()
    await resources.stripe.close()
    await resources.carriers.close()
    await database.close()


PARTS = (
    acts,
    cancellations,
    catalog,
    prices,
    checkouts,
    checkout_acts,
    drops,
    memberships,
    plans,
    orders,
    refunds,
    returns,
    shipments,
    parcel_acts,
    unknown_parcels,
    mails,
    tracking,
    tracking_events,
    stock,
    customers,
    keys,
    access,
    tokens,
    graph,
    webhooks,
    codec,
    health,
)
"""In the order of the API's description."""

ASKED_MOST = (webhooks, shipments, checkouts, orders)
"""Routes are looked through from the first to the last, which for the last takes longer than many an answer: these,
the last of them before all others, are found at once."""

LARGER = {
    graph.PATH: graph.MOST_BYTES,
    catalog.BULK_PATH: catalog.BULK_BYTES,
    **dict.fromkeys(codec.PATHS, codec.MOST_BYTES),
}
"""Paths that take larger bodies than others, and how large, in bytes."""


def create_app() -> FastAPI:
    """The application with its routes."""
    made = FastAPI(
        title="Milepost",
        version="1",
        summary="From checkout to doorstep",
        lifespan=lifespan,
        docs_url="/docs",
        redoc_url=None,
    )
    problems.install(made)

    @made.exception_handler(Replay)
    async def _(_: Request, replay: Replay) -> Response:
        return replay.response

    for part in PARTS:
        made.include_router(part.router)
    described = list(made.routes)
    for part in ASKED_MOST:
        made.routes.insert(0, described[len(described) - len(PARTS) + PARTS.index(part)])
    made.openapi = lambda: describe(made, described)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    made.add_middleware(BodyLimit, most=262_144, larger=LARGER)
    made.add_middleware(Conventions)
    return made


app = create_app()
