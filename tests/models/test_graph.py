"""GraphQL over a real database: as many statements for fifty as for one, limits, scopes, tenants apart."""

import hashlib
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from api.allowance import Allowances
from api.app import create_app
from api.cors import Storefronts
from api.graph.limits import SCOPES_OF
from api.graph.schema import CORE
from api.graph.words import OF, places
from api.keyring import KeyRing
from api.logbook import Logbook
from api.resources import Resources
from api.staffroom import Staffroom
from domain.ids import api_key_hash, api_key_id
from domain.states import MembershipState
from gateways.accounts import carriers_of, stripe_of
from gateways.oidc import Issuers
from gateways.temporal import connect
from models import persisted
from models.catalog import Product, ProductMedia, Variant
from models.keys import ApiKey
from models.memberships import Membership
from models.prices import Price
from settings import Settings
from tests.graph import FILE, breaks, described
from tests.models.full import full_shop
from tests.models.kit import Server, Shop

ORDERS = """query ($first: Int!) { orders(first: $first) { nodes { number total possibleActs lines { sku gross }
  payment { state captured refunds { id amount } disputes { id } } backordered { sku } standing { tier }
  shipments { id state possibleActs lines { sku quantity } scans { status } } cancellations { id }
  timeline { type } } } }"""
PRODUCTS = """query ($first: Int!) { products(first: $first) { edges { cursor node { id media { url }
  variants { sku price(currency: "EUR", country: "FR") { amount priceList } } } } } }"""


class Asker:
    """Asks the application in this process, and counts what it asks the database."""

    def __init__(self, http: httpx.AsyncClient, server: Server, resources: Resources) -> None:
        self.http, self.server, self.resources = http, server, resources

    def key(self, tenant: str, *scopes: str, kind: str = "secret") -> str:
        """A key of that tenant."""
        key = f"mp_test_{uuid.uuid4().hex}"
        row = ApiKey(
            tenant_id=tenant, key_hash=api_key_hash(key), key_id=api_key_id(api_key_hash(key)), name="test", kind=kind,
            scopes=list(scopes or ["*"]),
        )  # fmt: skip
        self.server.add(tenant, row)
        return key

    async def raw(self, key: str, body: Any, expected: int = 200) -> dict[str, Any]:
        """The whole answer to a whole body."""
        answer = await self.http.post("/graphql", json=body, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == expected, answer.text
        return dict(answer.json())

    async def ask(self, key: str, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a question that has no errors."""
        answer = await self.raw(key, {"query": query, "variables": variables})
        assert "errors" not in answer, answer
        return dict(answer["data"])

    async def code(self, key: str, query: str, **variables: Any) -> str:
        """The code of the one error."""
        (error,) = (await self.raw(key, {"query": query, "variables": variables}))["errors"]
        assert error["extensions"]["detail"] == error["message"]
        return str(error["extensions"]["code"])

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Statements of the question itself: not those of keys and limits, which are asked for now and then."""
        seen: list[str] = []
        engine = self.resources.database.engine.sync_engine

        def note(connection: sa.Connection, _: object, statement: str, *__: object) -> None:
            single = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
            if not single and "api_keys" not in statement and "set_config" not in statement:
                seen.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
async def asker(server: Server) -> AsyncIterator[Asker]:
    """The application without its server, on the database of these tests."""
    settings = Settings.model_validate(
        {
            "database_url": server.urls["app"], "stripe_api_key": "sk_test_x", "carrier_api_base": "http://127.0.0.1:1",
            "carrier_api_key": "x", "rate_limit": 100_000,
        }
    )  # fmt: skip
    database, issuers = server.database, Issuers()
    resources = Resources(
        settings, database, KeyRing(database), Allowances(database, settings.rate_limit), Storefronts(database),
        Logbook(database), Staffroom(database, issuers), await connect(settings, lazy=True), stripe_of(settings),
        carriers_of(settings),
    )  # fmt: skip
    app = create_app()
    app.state.resources = resources
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        yield Asker(http, server, resources)
    await resources.gate.close()
    await issuers.close()
    await resources.stripe.close()
    await resources.carriers.close()


def stock(shop: Shop, count: int) -> None:
    """Products of two variants, each with a price."""
    for _ in range(count):
        own, name = {"tenant_id": shop.tenant}, f"p-{uuid.uuid4().hex[:8]}"
        shop.server.add(
            shop.tenant,
            Product(**own, product_id=name, title="Thing", status="active"),
            ProductMedia(**own, product_id=name, position=0, url="https://example.com/x.jpg", kind="image"),
            *(
                Variant(**own, sku=f"{name}-{n}", product_id=name, title="T", weight_grams=1, options={"n": n})
                for n in "ab"
            ),
            *(Price(**own, sku=f"{name}-{n}", currency="EUR", amount_minor=100) for n in "ab"),
        )


async def test_fifty_orders_take_as_many_statements_as_one(asker: Asker, shop: Shop) -> None:
    key, sku, counts = asker.key(shop.tenant), shop.new_sku(60), []
    for count in (1, 49):
        for _ in range(count):
            await shop.buy(sku)
        with asker.counted() as seen:
            answer = await asker.ask(key, ORDERS, first=50)
        counts.append((len(answer["orders"]["nodes"]), len(seen)))
    one = answer["orders"]["nodes"][0]
    assert one["lines"] == [{"sku": sku, "gross": 10_000}]
    assert one["shipments"][0]["lines"] == [{"sku": sku, "quantity": 1}]
    # orders, lines, payments, refunds, what was asked for by hand, disputes, waiting, standings, parcels, their orders,
    # contents, scans, cancellations, timelines
    assert counts == [(1, 14), (50, 14)]


async def test_fifty_products_take_as_many_statements_as_one(asker: Asker, shop: Shop) -> None:
    key, counts = asker.key(shop.tenant), []
    for count in (1, 49):
        stock(shop, count)
        with asker.counted() as seen:
            answer = await asker.ask(key, PRODUCTS, first=50)
        counts.append((len(answer["products"]["edges"]), len(seen)))
    assert answer["products"]["edges"][0]["node"]["variants"][0]["price"] == {"amount": 100, "priceList": "default"}
    # the clock, products, variants, links, prices
    assert counts == [(1, 5), (50, 5)]


async def test_as_many_memberships_as_there_are_take_as_many_statements_as_one(asker: Asker, server: Server) -> None:
    shop, counts = await full_shop(server), []
    question = """query ($who: ID!) { memberships(customerId: $who) {
      id state plan tier amount endsWithPeriod periods { number tier state amount } } }"""
    key = asker.key(shop.tenant)
    (first,) = shop.rows("SELECT * FROM memberships")
    for count in (0, 5):
        for n in range(count):
            copied = {name: one for name, one in first._mapping.items() if name not in ("membership_id", "created_at")}
            copied |= {"state": MembershipState.CANCELLED, "ended_at": datetime.now(UTC)}
            shop.server.add(shop.tenant, Membership(**copied, membership_id=f"mem_more_{n}"))
        with asker.counted() as seen:
            told = (await asker.ask(key, question, who=first.customer_id))["memberships"]
        counts.append((len(told), len(seen)))
    assert counts == [(1, 2), (6, 2)]  # memberships, periods
    route = await asker.http.get(
        "/v1/memberships", params={"customer_id": first.customer_id}, headers={"Authorization": f"Bearer {key}"}
    )
    same = ("id", "plan", "tier", "amount")
    assert [{name: one[name] for name in same} for one in told] == [
        {name: one[name] for name in same} for one in route.json()
    ]
    periods = next(one for one in told if one["id"] == first.membership_id)["periods"]
    assert periods == [
        {"number": one["number"], "tier": one["tier"], "state": one["state"].upper(), "amount": one["amount"]}
        for one in next(one for one in route.json() if one["id"] == first.membership_id)["periods"]
    ]
    assert periods
    stranger = asker.key(server.new_shop().tenant)
    assert await asker.ask(stranger, question, who=first.customer_id) == {"memberships": []}


async def test_what_may_be_done_is_what_the_route_says(asker: Asker, server: Server, shop: Shop) -> None:
    await shop.buy(shop.new_sku())
    for one in (shop, await full_shop(server)):
        ((number,),) = one.rows("SELECT order_number FROM orders")
        key = asker.key(one.tenant)
        question = "query ($n: ID!) { order(number: $n) { possibleActs shipments { id possibleActs } } }"
        told = (await asker.ask(key, question, n=number))["order"]
        answer = await asker.http.get(f"/v1/orders/{number}", headers={"Authorization": f"Bearer {key}"})
        page = answer.json()
        assert told["possibleActs"] == page["possible_acts"]
        assert {parcel["id"]: parcel["possibleActs"] for parcel in told["shipments"]} == {
            parcel["id"]: parcel["possible_acts"] for parcel in page["shipments"]
        }
        assert told["possibleActs"]


FILTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "a type": ('types: ["ring"]', {"type": "ring"}),
    "one of two brands": ('brands: ["Aurea", "Nobody"]', {"brand": ["Aurea", "Nobody"]}),
    "all tags": ('tags: ["gold", "new"]', {"tag": ["gold", "new"]}),
    "an attribute": ('attributes: [{name: "metal", values: ["gold", "silver"]}]', {"attr.metal": ["gold", "silver"]}),
    "a number as text": ('attributes: [{name: "carat", values: ["2"]}]', {"attr.carat": "2"}),
    "a range": (
        'attributes: [{name: "carat", least: 1.5, most: 2.5}]', {"attr.carat.min": "1.5", "attr.carat.max": "2.5"}
    ),
    "an option": ('options: [{name: "size", values: ["54"]}]', {"option.size": "54"}),
    "all of it": (
        'words: "ring", types: ["ring"], attributes: [{name: "carat", least: 1}, {name: "metal", values: ["gold"]}]',
        {"q": "ring", "type": "ring", "attr.carat.min": "1", "attr.metal": "gold"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
async def jeweller(server: Server) -> Shop:
    """Rings and a watch that differ in all that can be asked for."""
    shop = server.new_shop()
    for name, kind, brand, tags, attributes, size in (
        ("ring-1", "ring", "Aurea", ["gold", "new"], {"metal": "gold", "carat": 1}, "52"),
        ("ring-2", "ring", "Lumen", ["gold"], {"metal": "silver", "carat": 2}, "54"),
        ("ring-3", "ring", "Aurea", ["new"], {"metal": "gold", "carat": 3.5}, "54"),
        ("watch-1", "watch", "Lumen", [], {"metal": "steel"}, "40"),
    ):
        shop.server.add(
            shop.tenant,
            Product(
                tenant_id=shop.tenant, product_id=name, title=f"A {kind}", status="active", product_type=kind,
                brand=brand, tags=tags, attributes=attributes,
            ),
            Variant(
                tenant_id=shop.tenant, sku=f"{name}-a", product_id=name, title="T", weight_grams=1,
                options={"size": size},
            ),
        )  # fmt: skip
    return shop


@pytest.mark.parametrize("kind", FILTERS)
async def test_products_are_filtered_as_on_the_route(asker: Asker, jeweller: Shop, kind: str) -> None:
    key, (arguments, query) = asker.key(jeweller.tenant), FILTERS[kind]
    told = await asker.ask(key, f"{{ products({arguments}) {{ nodes {{ id }} pageInfo {{ endCursor }} }} }}")
    answer = await asker.http.get("/v1/products", params=query, headers={"Authorization": f"Bearer {key}"})
    wanted = [one["id"] for one in answer.json()["items"]]
    assert [one["id"] for one in told["products"]["nodes"]] == wanted
    assert 0 < len(wanted) < 4
    other = 'query ($after: String) { products(types: ["watch"], after: $after) { nodes { id } } }'
    assert await asker.code(key, other, after=told["products"]["pageInfo"]["endCursor"]) == "cursor_invalid"


async def test_pages_lead_from_one_to_the_next_and_cursors_are_their_tenants(asker: Asker, shop: Shop) -> None:
    key, sku = asker.key(shop.tenant), shop.new_sku()
    numbers = [(await shop.buy(sku)).order_number for _ in range(3)]
    page = """query ($after: String) {
      orders(first: 2, after: $after) { nodes { number } pageInfo { hasNextPage endCursor } } }"""
    first = (await asker.ask(key, page))["orders"]
    second = (await asker.ask(key, page, after=first["pageInfo"]["endCursor"]))["orders"]
    assert [one["number"] for one in first["nodes"] + second["nodes"]] == numbers[::-1]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    stranger = asker.key(asker.server.new_shop().tenant)
    assert await asker.code(stranger, page, after=first["pageInfo"]["endCursor"]) == "cursor_invalid"
    assert await asker.code(key, page, after="x") == "cursor_invalid"


async def test_what_is_another_tenants_is_not_there_and_stays_as_it_is(asker: Asker, server: Server) -> None:
    mine = await full_shop(server)
    ((number, checkout),) = mine.rows("SELECT order_number, checkout_id FROM orders")
    sku, before = mine.rows("SELECT sku FROM order_lines")[0].sku, mine.rows("SELECT * FROM events")
    ids = {"number": number, "checkout": checkout, "sku": sku, "product": "thing"}
    stranger = asker.key(server.new_shop().tenant)
    for question in (
        'order(number: "{number}") {{ number }}',
        'product(id: "{product}", everything: true) {{ id }}',
        'variant(sku: "{sku}", everything: true) {{ sku }}',
        'checkout(id: "{checkout}") {{ id }}',
    ):
        asked = "{ it: " + question.format(**ids) + " }"
        assert (await asker.ask(stranger, asked))["it"] is None, asked
        assert (await asker.ask(asker.key(mine.tenant), asked))["it"] is not None, asked
    everybody = await asker.ask(
        stranger,
        "{ orders { nodes { number } } products(everything: true) { nodes { id } }"
        ' standing(customerId: "cus_ada") { tier } }',
    )
    assert everybody == {"orders": {"nodes": []}, "products": {"nodes": []}, "standing": {"tier": None}}
    for act in ('confirmCheckout(id: "{checkout}") {{ id }}', 'cancelCheckout(id: "{checkout}") {{ id }}',
                'cancelOrder(number: "{number}") {{ number }}',
                'refundOrder(number: "{number}", idempotencyKey: "k1") {{ id }}'):  # fmt: skip
        assert await asker.code(stranger, "mutation { " + act.format(**ids) + " }") == "not_found", act
    assert mine.rows("SELECT * FROM events") == before


def test_every_field_at_the_root_says_what_its_caller_must_be_allowed_to() -> None:
    for root in (CORE.query_type, CORE.mutation_type):
        assert root is not None
        assert {f"{root.name}.{name}" for name in root.fields} <= SCOPES_OF.keys()
    for name in SCOPES_OF:
        owner, _, field = name.partition(".")
        assert field in getattr(CORE.type_map[owner], "fields", {}), name


def needs(name: str) -> str:
    """A question that asks for that field, with arguments of the right types."""
    owner, _, field = name.partition(".")
    if name == "Variant.price":
        return '{ products { nodes { variants { price(currency: "EUR", country: "FR") { amount } } } } }'
    if name == "Order.standing":
        return "{ orders { nodes { standing { tier } } } }"
    made = getattr(CORE.type_map[owner], "fields", {})[field]
    given = {"id": '"x"', "number": '"x"', "sku": '"x"', "customerId": '"x"', "idempotencyKey": '"x"', "reason": '"x"',
             "input": '{currency: "EUR", lines: [], customer: {email: "a@b.eu", name: "A"}, shippingMethod: "s",'
                      ' shippingAddress: {name: "A", line1: "1", city: "P", postalCode: "1", country: "FR"},'
                      ' payment: {mode: "client"}}'}  # fmt: skip
    told = ", ".join(
        f"{one}: {given[one]}" for one, arg in made.args.items() if str(arg.type).endswith("!") and one in given
    )
    return (
        f"{'mutation' if owner == 'Mutation' else 'query'} {{ {field}{f'({told})' if told else ''} {{ __typename }} }}"
    )


@pytest.mark.parametrize("name", SCOPES_OF)
async def test_without_its_scope_a_field_is_refused(asker: Asker, shop: Shop, name: str) -> None:
    others = sorted(set(SCOPES_OF.values()) - {SCOPES_OF[name]})
    assert await asker.code(asker.key(shop.tenant, *others), needs(name)) == "insufficient_scope"


async def test_who_may_not_come_in_meets_the_problem_of_every_route(asker: Asker, shop: Shop) -> None:
    body = {"query": "{ __typename }"}
    assert (await asker.raw("mp_test_nobody", body, 401))["code"] == "wrong_api_key"
    key = asker.key(shop.tenant)
    assert (await asker.raw(key, [body], 422))["code"] == "invalid_request"
    assert (await asker.raw(key, {"query": "x" * 70_000}, 413))["code"] == "body_too_large"
    assert (await asker.http.get("/graphql", params=body)).status_code == 405


WRONG = {
    "": "invalid_request",
    "{": "invalid_request",
    "{ nothing }": "invalid_request",
    "query a { __typename } query b { __typename }": "invalid_request",
    "{ orders(first: 0) { nodes { number } } }": "invalid_request",
    "{ orders(first: 101) { nodes { number } } }": "invalid_request",
    '{ variant(sku: "x\\u0000") { sku } }': "invalid_request",
    '{ products(words: "\\u0000") { nodes { id } } }': "invalid_request",
    '{ products { nodes { variants { price(currency: "eur", country: "FR") { amount } } } } }': None,
    "{ orders(first: 100) { nodes { shipments { scans { status } lines { sku } } lines { sku } timeline { type }"
    " payment { refunds { id } disputes { id } } cancellations { id } again: shipments { scans { code } } } } }":
    "query_too_large",
    "{" + " ".join(f"a{n}: __typename" for n in range(31)) + "}": "query_too_large",
    "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }": "invalid_request",
    "query { ...a } fragment a on Query { ...a }": "invalid_request",
    "{ a" * 900 + " }" * 900: "invalid_request",
    '{ products(attributes: [{name: "Not one", values: ["x"]}]) { nodes { id } } }': "invalid_request",
    '{ products(attributes: [{name: "carat", least: 1e40}]) { nodes { id } } }': "invalid_request",
    '{ products(options: [{name: "size", values: [""]}]) { nodes { id } } }': "invalid_request",
    '{ products(types: ["\\u0000"]) { nodes { id } } }': "invalid_request",
    '{ memberships(customerId: "") { id } }': "invalid_request",
    'mutation { refundOrder(number: "x", idempotencyKey: "") { id } }': "idempotency_key_required",
    'mutation { refundOrder(number: "x", idempotencyKey: "k", amount: 0) { id } }': "invalid_request",
    'mutation { cancelOrder(number: "x", lines: []) { number } }': "invalid_request",
    needs("Mutation.beginCheckout"): "invalid_request",
}  # fmt: skip


@pytest.mark.parametrize("query", [one for one in WRONG if WRONG[one]], ids=range(len(WRONG) - 1))
async def test_what_is_wrong_has_a_code_and_no_traces(asker: Asker, shop: Shop, query: str) -> None:
    answer = await asker.raw(asker.key(shop.tenant), {"query": query})
    assert answer["errors"][0]["extensions"]["code"] == WRONG[query]
    assert "Traceback" not in str(answer)


async def test_a_limit_is_a_page_of_what_is_asked_for_below_it(asker: Asker, shop: Shop) -> None:
    deep = "query ($n: Int!) { orders(first: $n) { nodes { shipments { scans { status } lines { sku } } } } }"
    key = asker.key(shop.tenant)
    assert await asker.ask(key, deep, n=99)
    bigger = deep.replace(
        "nodes {", "nodes { lines { sku } timeline { type } edges: shipments { scans { status } lines { sku } }"
    )
    assert await asker.code(key, bigger, n=100) == "query_too_large"


async def test_mutations_are_written_down_by_name_and_questions_are_not(asker: Asker, shop: Shop) -> None:
    key = asker.key(shop.tenant)
    await asker.ask(key, "{ orders { nodes { number } } }")
    await asker.code(key, 'mutation { cancelOrder(number: "1001") { number } }')
    told = shop.rows("SELECT action, target, status, code FROM audit_log")
    assert [tuple(one) for one in told] == [("mutation cancelOrder", "1001", 404, "not_found")]


async def test_a_page_sees_the_storefront_and_not_the_schema(asker: Asker, shop: Shop) -> None:
    page = asker.key(shop.tenant, "catalog:read", "checkouts:read", kind="publishable")
    assert await asker.ask(page, "{ products { nodes { id } } }")
    assert await asker.code(page, "{ products(everything: true) { nodes { id } } }") == "secret_key_required"
    assert await asker.code(page, "{ __schema { queryType { name } } }") == "secret_key_required"
    checkout = await shop.open(shop.new_sku())
    assert await asker.ask(page, f'{{ checkout(id: "{checkout}") {{ id }} }}') == {"checkout": None}


async def test_a_document_is_named_by_its_hash_once_it_is_known(asker: Asker, shop: Shop) -> None:
    query = f"query q{uuid.uuid4().hex} {{ orders {{ nodes {{ number }} }} }}"
    named = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}}
    key, page = asker.key(shop.tenant), asker.key(shop.tenant, "catalog:read", kind="publishable")
    (error,) = (await asker.raw(key, named))["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
    await asker.raw(page, named | {"query": query})
    assert shop.rows("SELECT sha256 FROM persisted_queries") == []
    assert "data" in await asker.raw(key, named | {"query": query})
    assert await asker.raw(key, named) == {"data": {"orders": {"nodes": []}}}
    stranger = asker.key(asker.server.new_shop().tenant)
    assert (await asker.raw(stranger, named))["errors"][0]["message"] == "PersistedQueryNotFound"
    (error,) = (await asker.raw(key, named | {"query": "{ __typename }"}))["errors"]
    assert error["extensions"]["code"] == "persisted_query_mismatch"


async def test_the_store_of_documents_is_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisted, "MOST_KEPT", 2)
    for text in ("{ a }", "{ b }", "{ c }"):
        async with shop.transaction() as session:
            await persisted.keep(session, shop.tenant, hashlib.sha256(text.encode()).hexdigest(), text)
    assert {one.document for one in shop.rows("SELECT document FROM persisted_queries")} == {"{ b }", "{ c }"}
    assert shop.refusal("UPDATE persisted_queries SET document = 'x'").startswith("23514")


async def test_nobody_reads_what_is_wrong_inside(asker: Asker, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> dict[str, Any]:
        raise LookupError("secret words")

    monkeypatch.setattr("models.in_bulk.orders", broken)
    answer = await asker.raw(asker.key(shop.tenant), {"query": '{ order(number: "1") { number } }'})
    assert answer["data"] == {"order": None}
    assert answer["errors"][0]["extensions"]["code"] == "internal_fault"
    assert "secret words" not in str(answer)


def test_the_committed_schema_is_that_of_the_code() -> None:
    known = FILE.read_text()
    assert breaks(known, described()) == [], "this breaks callers; if it must be: `make graph ARGS=--breaking`"
    assert known == described(), "run `make graph` and commit docs/schema.graphql"


def test_a_change_of_the_schema_that_breaks_callers_is_named() -> None:
    known = described()
    assert breaks(known, re.sub(r'  """[^"]*"""\n  taxBasisPoints: Int\n', "", known)) == [
        "Field OrderLine.taxBasisPoints was removed."
    ]
    assert breaks(known, known.replace("type Scan {", "type Scan {\n  more: Int")) == []


def test_every_type_field_and_argument_says_what_it_means() -> None:
    silent = [place for place, thing in places(CORE) if not (thing.description or "").strip()]
    assert silent == []
    assert OF.keys() <= {place for place, _ in places(CORE)}
