"""Every route beside every way to ask it wrongly, or twice: docs/endpoints.md is what was seen here.

MILEPOST_WRITE_ENDPOINTS=1 make test ARGS=tests/flow/test_endpoints.py    # writes the page
"""

import hashlib
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.conventions import HEADERS
from domain.access import STOREFRONT
from models.answers import HELD, KEPT
from tests.flow.access_kit import GUARDED, Route, all_but, bearer, new_key, owner
from tests.flow.every_kit import HOW, Every, documented, examples, is_name
from tests.flow.kit import Shop

pytestmark = pytest.mark.timeout(900)  # the walk over all routes counts as the first test's

PAGE = Path(__file__).resolve().parents[2] / "docs" / "endpoints.md"
UNSAFE = [route for route in GUARDED if route.method != "GET"]
COLUMNS = ("no key", "expired", "revoked", "wrong scope", "a page's key", "again", "other body", "while it runs")

Seen = dict[str, str]


def named(route: Route) -> str:
    """As HOW and the page name it."""
    return f"{route.method} {route.path}"


def told(answer: httpx.Response) -> str:
    """Status, and the code of a problem."""
    return f"{answer.status_code} `{answer.json()['code']}`" if answer.status_code >= 400 else str(answer.status_code)


@pytest.fixture(scope="module")
def keys(whole_shop: Shop) -> dict[str, str]:
    """Keys of every kind that is not enough."""
    past = "now() - interval '1 second'"
    return {
        "no key": "",
        "expired": new_key(whole_shop, "*", end=past),
        "revoked": new_key(whole_shop, "*", gone=past),
        "a page's key": new_key(whole_shop, *STOREFRONT, kind="publishable"),
        **{scope: new_key(whole_shop, *all_but(scope)) for scope in {route.scope for route in GUARDED} if scope},
    }


def dressed(answer: httpx.Response, request_id: str) -> None:
    """What every answer has, whatever it is: the headers of OWASP's list, the request's id, and no server's name."""
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["x-request-id"] == request_id
    assert "server" not in answer.headers
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == request_id


async def strangers(shop: Shop, keys: dict[str, str], route: Route) -> Seen:
    """What those are told who may not, about something that is not there."""
    seen = {}
    for who in ("no key", "expired", "revoked", "wrong scope", "a page's key"):
        key = keys[str(route.scope)] if who == "wrong scope" else keys[who]
        request_id = f"test-{uuid.uuid4().hex}"
        headers = (bearer(key) if key else {"Authorization": ""}) | {"X-Request-Id": request_id}
        answer = await shop.http.request(route.method, route.address(), headers=headers)
        dressed(answer, request_id)
        if who in ("wrong scope", "a page's key"):
            assert {"ratelimit", "ratelimit-policy"} <= answer.headers.keys()
        may = who == "a page's key" and route.scope in STOREFRONT
        seen[who] = "may" if may and answer.status_code not in (401, 403) else told(answer)
    return seen


class Twice:
    """A route asked with its example, and once more in every way under the same key."""

    def __init__(self, shop: Shop, route: Route, names: dict[str, str]) -> None:
        self.shop, self.route, self.how = shop, route, HOW[named(route)]
        self.path = route.address(**names)
        self.headers = {"Idempotency-Key": uuid.uuid4().hex, "Content-Type": "application/json"}
        if "If-Match" in names:
            self.headers["If-Match"] = names["If-Match"]

    async def ask(self, body: Any, **headers: str) -> httpx.Response:
        """Once."""
        content = b"" if body is None else json.dumps(body).encode()
        return await self.shop.http.request(
            self.route.method, self.path, content=content, headers=self.headers | headers
        )

    async def seen(self, body: Any) -> Seen:
        """What the first request, its repeat, another one, and one beside it were told."""
        first = await self.ask(body)
        assert first.status_code in documented(self.route), first.text
        assert first.is_success or first.status_code == self.how.status, f"{named(self.route)}: {first.text}"
        again = await self.ask(body)
        assert again.status_code in documented(self.route)
        if is_name(self.route):
            return {"again": self._same_thing(first, again), "other body": told(await self.ask(body | self.how.other)),
                    "while it runs": "waits with it"}  # fmt: skip
        kept = (again.status_code, again.content, again.headers.get("idempotency-replayed"))
        if first.status_code in (401, 403):
            return {"again": told(again), "other body": told(await self.ask(body)), "while it runs": told(again)}
        assert kept == (first.status_code, first.content, "true"), again.text
        self.path += "?another"
        other = told(await self.ask(body))
        self.path = self.path.removesuffix("?another")
        return {"again": "the same", "other body": other, "while it runs": told(await self._beside(body))}

    @staticmethod
    def _same_thing(first: httpx.Response, again: httpx.Response) -> str:
        """The same thing as it stands now; a key is not shown twice."""
        if again.status_code == 409:
            return told(again)
        assert again.is_success, again.text
        told_first, told_again = first.json(), again.json()
        same = {name for name in ("id", "location", "sku") if name in told_first}
        assert same
        assert {name: told_again[name] for name in same} == {name: told_first[name] for name in same}
        return "the same thing"

    async def _beside(self, body: Any) -> httpx.Response:
        """A request under a key whose first request has not been answered."""
        key, content = uuid.uuid4().hex, b"" if body is None else json.dumps(body).encode()
        print_ = hashlib.sha256(f"{self.route.method}\n{self.path}\n\n".encode() + content).hexdigest()
        claim = "SELECT verdict FROM claim_answer(:t, :key, :print, :held, :kept)"
        owner(self.shop, claim, key=key, print=print_, held=HELD, kept=KEPT)
        return await self.ask(body, **{"Idempotency-Key": key})


@pytest.fixture(scope="module")
async def table(whole_shop: Shop, keys: dict[str, str]) -> dict[str, Seen]:
    """What was seen, by route and column."""
    every, rows = Every(whole_shop), {}
    for route in GUARDED:
        rows[named(route)] = await strangers(whole_shop, keys, route)
        if route in UNSAFE:
            try:
                for body in examples(route.method, route.path):
                    names = await HOW[named(route)].made(every)
                    rows[named(route)] |= await Twice(whole_shop, route, names).seen(body)
            except AssertionError as wrong:  # told of each route that is wrong, not of the first
                rows[named(route)]["wrong"] = str(wrong)[:500]
    return rows


def test_there_is_a_way_to_ask_every_route_that_changes_something() -> None:
    assert {named(route) for route in UNSAFE} == HOW.keys()
    without = [named(route) for route in UNSAFE if not examples(route.method, route.path)]
    assert without == [], "a body without an example"


def test_each_example_gets_an_answer_that_the_description_names(table: dict[str, Seen]) -> None:
    assert {name: seen["wrong"] for name, seen in table.items() if "wrong" in seen} == {}


def test_who_may_not_is_told_so(table: dict[str, Seen]) -> None:
    for route in GUARDED:
        seen = table[named(route)]
        assert seen["no key"] == "401 `no_api_key`"
        assert seen["expired"] == seen["revoked"] == "401 `wrong_api_key`"
        assert seen["wrong scope"] == "403 `insufficient_scope`"
        assert seen["a page's key"] == ("may" if route.scope in STOREFRONT else "403 `insufficient_scope`")


def test_a_key_used_again_means_the_same_request(table: dict[str, Seen]) -> None:
    for route in UNSAFE:
        seen = table[named(route)]
        if HOW[named(route)].status == 403:
            continue
        if is_name(route):
            assert seen["again"] in ("the same thing", "409 `key_already_made`"), named(route)
            assert seen["other body"] in ("422 `idempotency_key_reused`", "409 `key_already_made`"), named(route)
        else:
            assert seen["again"] == "the same", named(route)
            assert seen["other body"] == "422 `idempotency_key_reused`", named(route)
            assert seen["while it runs"] == "409 `idempotency_key_in_use`", named(route)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/docs", 200), ("/openapi.json", 200), ("/t/nobodys", 404), ("/t/nobodys/events", 404), ("/readyz", 200)],
)
async def test_pages_have_the_headers_as_well(whole_shop: Shop, path: str, status: int) -> None:
    """Their own policy may let them show something; nobody frames them, keeps them or learns where they led from."""
    answer = await whole_shop.http.get(path, headers={"Authorization": ""})
    assert answer.status_code == status
    own = {"Cache-Control", "Content-Security-Policy"}
    assert {name: answer.headers.get(name) for name in HEADERS.keys() - own} == {
        name: HEADERS[name] for name in HEADERS.keys() - own
    }
    assert "no-store" in answer.headers["cache-control"]
    assert "server" not in answer.headers
    if path != "/docs":  # which loads its script from elsewhere
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def page(table: dict[str, Seen]) -> str:
    """docs/endpoints.md."""
    lines = [
        "# Every route, asked wrongly and twice",
        "",
        "For whoever wants to see that no route is an exception. `tests/flow/test_endpoints.py` asks each route of the",
        "API's description in each of these ways, with the description's example, and compares what it is told with",
        "this page. What the columns mean is in [access.md](access.md) and [api.md](api.md#a-request-sent-twice).",
        "",
        "*wrong scope*: a key with every scope but the one that is needed. *a page's key*: a publishable one, with all",
        "that it may have. *again*, *other body*, *while it runs*: under the same `Idempotency-Key`, after its first",
        "answer and before. Another tenant's key is told 404 of every id in a path (`tests/flow/test_crossing.py`).",
        "",
        "| route | scope | " + " | ".join(COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    scopes = {named(route): route.scope for route in GUARDED}
    for name, seen in table.items():
        cells = [seen.get(column, "-") for column in COLUMNS]
        lines.append(f"| `{name}` | `{scopes[name]}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def test_the_page_says_what_was_seen(table: dict[str, Seen]) -> None:
    current = page(table)
    sys.stdout.write(f"\n{current}")
    if os.environ.get("MILEPOST_WRITE_ENDPOINTS"):
        PAGE.write_text(current)
    assert PAGE.read_text() == current
