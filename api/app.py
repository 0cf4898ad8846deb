"""The application: `uvicorn api.app:app`. It starts, and reads, while Temporal is away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import checkouts, health, orders, problems, refunds, shipments, stock, webhooks
from api.limits import BodyLimit
from api.relay import Relay
from api.resources import Resources
from gateways.accounts import carrier_of, stripe_of
from gateways.logs import configure
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
    resources = Resources(settings, database, await connect(lazy=True), stripe_of(settings), carrier_of(settings))
    app.state.resources, app.state.relay = resources, Relay(resources)
    relaying = asyncio.create_task(app.state.relay.run())
    yield
    relaying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await relaying
    await resources.stripe.close()
    await resources.carrier.close()
    await database.close()


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
    for part in (checkouts, orders, refunds, shipments, stock, webhooks, health):
        made.include_router(part.router)
    made.add_middleware(BodyLimit, most=262_144)
    return made


app = create_app()
