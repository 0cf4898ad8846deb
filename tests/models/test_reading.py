"""An order is read in one round trip, and what the database writes is what the API has promised to show."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import psycopg
import pytest
from fastapi import APIRouter, Query
from sqlalchemy.exc import OperationalError

from api.allowance import Allowances
from api.app import create_app
from api.cors import Storefronts
from api.keyring import KeyRing
from api.logbook import Logbook
from api.resources import Resources, needs
from api.schemas.orders import OrderOut
from api.staffroom import Staffroom
from api.straight import StraightRoute
from benchmarks.reads_floor import bare
from domain.ids import api_key_hash, api_key_id
from domain.payments import RefundMade
from gateways.accounts import carriers_of, stripe_of
from gateways.oidc import Issuers
from gateways.temporal import connect
from models import payments, refunds
from models.database import Database
from models.keys import ApiKey
from models.reading import Reader
from settings import Settings
from tests.models.full import full_shop
from tests.models.kit import SUPERUSER, Server, Shop

EMPTY_LISTS = {"refunds", "disputes", "cancellations"}
LATER = "2026-03-01"


@pytest.fixture(scope="module")
async def resources(server: Server) -> AsyncIterator[Resources]:
    """What the routes share, on the database of these tests, with as small a pool as there is."""
    settings = Settings.model_validate(
        {
            "database_url": server.urls["app"], "stripe_api_key": "sk_test_x", "carrier_api_base": "http://127.0.0.1:1",
            "carrier_api_key": "x", "rate_limit": 100_000, "temporal_ui_url": "http://ui.example",
        }
    )  # fmt: skip
    database, issuers = Database(server.urls["app"], pool_size=2), Issuers()
    made = Resources(
        settings, database, KeyRing(database), Allowances(database, settings.rate_limit), Storefronts(database),
        Logbook(database), Staffroom(database, issuers), await connect(settings, lazy=True), stripe_of(settings),
        carriers_of(settings),
    )  # fmt: skip
    yield made
    await made.reader.close()
    await made.gate.close()
    await issuers.close()
    await made.stripe.close()
    await made.carriers.close()
    await database.close()


@pytest.fixture(scope="module")
async def http(resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    """The application without its server."""
    app = create_app()
    app.state.resources = resources
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


@pytest.fixture(scope="module")
async def troubled(server: Server) -> Shop:
    """A shop whose one order has had everything: a dispute, a cancellation, scans, refunds, pieces that wait."""
    shop = await full_shop(server)
    async with shop.transaction() as session:
        payment = await payments.get(session, shop.rows("SELECT payment_id FROM orders")[0][0])
        await refunds.begin(session, payment, "re_b", 100, "a scratch")
        await refunds.record(session, payment, "re_b", RefundMade("re_1", 100, settling=True))
    async with shop.transaction() as session:
        payment = await payments.get(session, payment.payment_id)
        await refunds.begin(session, payment, "re_a", 50, "a stain")
    shop.run("UPDATE reservations SET expected_on = :d", d=LATER)
    return shop


def number_of(shop: Shop) -> str:
    """Its one order."""
    ((number,),) = shop.rows("SELECT order_number FROM orders")
    return str(number)


def key_of(shop: Shop, *scopes: str) -> dict[str, str]:
    """The header of a key of that shop."""
    key = f"mp_test_{shop.tenant}{len(scopes)}"
    hashed = api_key_hash(key)
    row = ApiKey(
        tenant_id=shop.tenant, key_hash=hashed, key_id=api_key_id(hashed), name="t", kind="secret", scopes=[*scopes]
    )
    shop.server.add(shop.tenant, row)
    return {"Authorization": f"Bearer {key}"}


async def test_the_page_of_the_database_is_the_schema_of_the_api(
    resources: Resources, troubled: Shop, server: Server
) -> None:
    """To the byte: every field, none more, moments and amounts as they were always written."""
    plain = server.new_shop()
    await plain.buy(plain.new_sku())
    for shop in (troubled, plain):
        for page in ("http://ui.example/order", None):
            told = await resources.reader.order_page(shop.tenant, number_of(shop), page)
            assert told is not None
            read = OrderOut.model_validate_json(told)
            assert read.model_dump_json() == told.decode()
            assert read.support_url == page
            empty = {name for name in EMPTY_LISTS if not getattr(read, name)}
            assert empty == (EMPTY_LISTS if shop is plain else set())
            assert read.lines
            assert read.timeline
            assert read.shipments[0].lines
            assert bool(read.shipments[0].scans) == (shop is troubled)


async def test_what_waits_and_what_is_given_back_is_told_right(resources: Resources, troubled: Shop) -> None:
    told = await resources.reader.order_page(troubled.tenant, number_of(troubled), None)
    read = OrderOut.model_validate_json(told or b"")
    assert [(one.id, one.amount, one.reason_detail) for one in read.refunds] == [
        ("re_2", 1, "key_1: a scratch"),
        ("re_b", 100, "a scratch"),
        ("re_a", 50, "a stain"),
    ]
    assert read.payment.refunded == 150
    assert read.disputes[0].state == "needs_response"


async def test_nobody_reads_anothers_order_nor_one_that_is_not_there(
    resources: Resources, troubled: Shop, shop: Shop
) -> None:
    number = number_of(troubled)
    assert await resources.reader.order_page(shop.tenant, number, None) is None
    for nobody in ("", "4711", number + "\x00", "'; --"):
        assert await resources.reader.order_page(troubled.tenant, nobody, None) is None


async def test_a_request_for_an_order_is_one_statement(
    http: httpx.AsyncClient, troubled: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, path = key_of(troubled, "orders:read"), f"/v1/orders/{number_of(troubled)}"
    first = await http.get(path, headers=headers)  # the key is looked up, and tokens are taken by the handful
    assert first.status_code == 200, first.text
    seen: list[Any] = []
    execute = psycopg.AsyncCursor.execute

    async def noted(self: Any, query: Any, *more: Any, **how: Any) -> Any:
        seen.append(query)
        return await execute(self, query, *more, **how)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    for _ in range(3):
        again = await http.get(path, headers=headers)
        assert again.content == first.content
    assert [str(query).split("(")[0] for query in seen] == ["SELECT order_page"] * 3


async def test_who_may_not_is_told_so_as_by_any_other_route(
    http: httpx.AsyncClient, troubled: Shop, shop: Shop
) -> None:
    path = f"/v1/orders/{number_of(troubled)}"
    for headers, status, code in (
        ({}, 401, "no_api_key"),
        ({"Authorization": "Bearer mp_test_wrong"}, 401, "wrong_api_key"),
        (key_of(troubled, "orders:act", "stock:read"), 403, "insufficient_scope"),
        (key_of(shop, "*"), 404, "not_found"),
    ):
        answer = await http.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await http.put(path, headers=key_of(shop, "*", "admin"))).status_code == 405


async def test_a_database_that_is_away_is_said_to_be_away(http: httpx.AsyncClient, server: Server) -> None:
    gone = Reader(Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing"))
    with pytest.raises(OperationalError):
        await gone.order_page("demo", "1001", None)


async def test_connections_that_broke_are_made_anew(resources: Resources, troubled: Shop, server: Server) -> None:
    number = number_of(troubled)
    assert await resources.reader.order_page(troubled.tenant, number, None)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT order_page%'"
    assert server.rows(ended, role="superuser")
    with pytest.raises(OperationalError):
        await resources.reader.order_page(troubled.tenant, number, None)
    assert await resources.reader.order_page(troubled.tenant, number, None)


async def test_the_floor_of_the_benchmark_asks_the_same_question(
    resources: Resources, troubled: Shop, server: Server
) -> None:
    number = number_of(troubled)
    ours = await resources.reader.order_page(troubled.tenant, number, "page")
    assert ours is not None
    with psycopg.connect(server.urls[SUPERUSER].replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'order_page'").fetchone()
        assert row is not None
        told = {"tenant": troubled.tenant, "wanted": number, "page": "page", "order": "[]", "parcel": "[]"}
        found = connection.execute(bare(row[0]), told).fetchone()
    assert found is not None
    assert without_acts(json.loads(found[0])) == without_acts(json.loads(ours))


def without_acts(page: dict[str, Any]) -> dict[str, Any]:
    """What the floor is told, and does not reckon, is left out."""
    parcels = [one | {"possible_acts": []} for one in page["shipments"]]
    return page | {"possible_acts": [], "shipments": parcels}


def test_a_route_that_cannot_go_straight_does_not_start() -> None:
    router = APIRouter(route_class=StraightRoute)

    async def odd(tenant: Annotated[str, needs("orders:read")], more: Annotated[str, Query()]) -> None:
        """It takes a query parameter."""

    with pytest.raises(TypeError, match="cannot go straight"):
        router.get("/odd")(odd)

    async def open_to_all(number: str) -> None:
        """It asks for no scope."""

    with pytest.raises(TypeError, match="no scope"):
        router.get("/open/{number}")(open_to_all)
