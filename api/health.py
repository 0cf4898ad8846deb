"""`/livez`: the process answers. `/readyz`: it can do its work, or which part of it cannot."""

import asyncio
from datetime import timedelta
from functools import lru_cache

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from api.resources import Resources, Shared

router = APIRouter(tags=["health"])

Parts = dict[str, str | dict[str, str]]


@router.get("/livez")
async def livez() -> dict[str, str]:
    """Always, while the process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Parts, "description": "A part is away; `checks` says which"}})
async def readyz(shared: Shared, response: Response) -> Parts:
    """200 when database, migrations and Temporal are all in order; else 503."""
    database, temporal = await asyncio.gather(_database(shared), _temporal(shared))
    checks = {**database, "temporal": temporal}
    ready = all(state == "ok" for state in checks.values())
    response.status_code = 200 if ready else 503
    return {"status": "ok" if ready else "not ready", "checks": checks}


async def _database(shared: Resources) -> dict[str, str]:
    try:
        async with asyncio.timeout(3), shared.database.engine.connect() as connection:
            at = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    except (SQLAlchemyError, TimeoutError) as error:
        return {"database": type(error).__name__, "migrations": "unknown"}
    return {"database": "ok", "migrations": "ok" if at == _head() else f"at {at}, need {_head()}"}


async def _temporal(shared: Resources) -> str:
    try:
        healthy = await shared.temporal.service_client.check_health(timeout=timedelta(seconds=3))
    except (RPCError, RuntimeError) as error:
        return type(error).__name__
    return "ok" if healthy else "not serving"


@lru_cache
def _head() -> str | None:
    config = Config()
    config.set_main_option("script_location", "models:migrations")
    return ScriptDirectory.from_config(config).get_current_head()
