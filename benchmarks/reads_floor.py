"""The floor of a read: bare FastAPI, a pool of psycopg, one statement, the same bytes. No key, no tenant, no limit.

It reads as a role that row-level security does not bind. What it would have to reckon (which acts are possible,
where support's page is) it is told: `FLOOR_` and `DATABASE_URL`, `TENANT`, `PAGE`, `ORDER_ACTS`, `PARCEL_ACTS`.
"""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

_CONNECTIONS = 10
_TROUBLE = re.compile(r"json_build_array\(\s*coalesce\(s\.trouble.*?s\.sent_for\) AS possible_acts", re.DOTALL)
_ASKED = {
    name: os.environ.get(f"FLOOR_{variable}")
    for name, variable in (
        ("tenant", "TENANT"), ("page", "PAGE"), ("order", "ORDER_ACTS"), ("parcel", "PARCEL_ACTS")
    )
}  # fmt: skip


def bare(function: str) -> str:
    """The one query of the function that the API calls (`order_page`), to be asked without it."""
    query = function.split("RETURN (", 1)[1].rsplit(");", 1)[0]
    for ours, asked in (
        ("%", "%%"),
        ("tenant_id = tenant ", "tenant_id = %(tenant)s "),
        ("order_number = wanted", "order_number = %(wanted)s"),
        ("page AS support_url", "%(page)s::text AS support_url"),
        ("o.ended_at IS NOT NULL AS possible_acts", "%(order)s::json AS possible_acts"),
        (_TROUBLE.findall(query)[0], "%(parcel)s::json AS possible_acts"),
    ):
        if ours != "%" and query.count(ours) != 1:
            raise ValueError(f"{ours!r} is not once in the query")
        query = query.replace(ours, asked)
    return query


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """With its pool open. Each statement is a transaction of its own, as it is cheapest."""
    url, own = os.environ["FLOOR_DATABASE_URL"], {"autocommit": True}
    async with AsyncConnectionPool[AsyncConnection[Any]](
        url, min_size=_CONNECTIONS, max_size=_CONNECTIONS, kwargs=own, open=False
    ) as pool:
        await pool.wait()
        async with pool.connection() as connection:
            row = await (await connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'order_page'")).fetchone()
        app.state.pool, app.state.query = pool, bare(row[0] if row else "")
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/orders/{number}")
async def read(number: str) -> Response:
    """The order as JSON, which the database has made."""
    asked = _ASKED | {"wanted": number}
    async with app.state.pool.connection() as connection:
        row = await (await connection.execute(app.state.query, asked)).fetchone()
    if row is None:
        raise HTTPException(404)
    return Response(row[0], media_type="application/json")
