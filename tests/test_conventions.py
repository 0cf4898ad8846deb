"""Conventions that no route of today shows: a fault nobody expected, a route that is to go."""

from datetime import date

import httpx
from fastapi import FastAPI

from api import problems
from api.conventions import HEADERS, Conventions
from api.lifecycle import going


def small() -> httpx.AsyncClient:
    """An application with our conventions and two routes."""
    app = FastAPI()
    problems.install(app)
    gone = going(since=date(2026, 1, 2), until=date(2026, 12, 31), successor="/v2/old")

    @app.get("/old", deprecated=True, dependencies=[gone])
    async def old() -> dict[str, str]:
        return {}

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError("a secret: hunter2")

    app.add_middleware(Conventions)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_a_fault_nobody_expected_is_a_problem_that_says_nothing_of_it() -> None:
    async with small() as http:
        answer = await http.get("/broken", headers={"X-Request-Id": "mine"})
    assert (answer.status_code, answer.json()["code"], answer.json()["request_id"]) == (500, "internal_fault", "mine")
    assert "hunter2" not in answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


async def test_a_route_that_is_to_go_says_when_and_what_takes_over() -> None:
    async with small() as http:
        answer = await http.get("/old")
    assert answer.headers["deprecation"] == "@1767312000"
    assert answer.headers["sunset"] == "Thu, 31 Dec 2026 00:00:00 GMT"
    assert answer.headers["link"] == '</v2/old>; rel="successor-version"'
