"""Which price holds is one rule, told by the domain and by a statement; and lists that the database keeps in order."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.memberships import NOBODY, Standing
from domain.price_lists import Asking, ListedPrice, ListTerms, resolve
from domain.pricing import Cart, CartLine
from domain.refusals import Refusal, RefusalCode, Refused
from domain.tax import Destination
from models.prices import RESOLVED
from models.quoting import quote_cart, quote_many, quote_with_offers
from models.tax import TaxRate
from tests.models.kit import PRICE, SHIPPING, TOTAL, Shop

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GOLD = Standing("gold", "gold", frozenset(), free_shipping=True, early_access_seconds=0, purchase_limit=None)

windows = st.sampled_from([
    (None, None), (NOON, None), (NOON + HOUR, None), (None, NOON), (NOON - HOUR, NOON + HOUR), (NOON, NOON + HOUR),
])  # fmt: skip
lists = st.builds(
    lambda list_id, priority, countries, tier, window, active: ListTerms(
        list_id, priority, countries, tier, starts_at=window[0], ends_at=window[1], active=active
    ),
    st.sampled_from(["a", "B", "b-2", "_c", "Z"]),
    st.integers(1, 3),
    st.frozensets(st.sampled_from(["FR", "US"]), max_size=2),
    st.sampled_from([None, "gold", "silver"]),
    windows,
    st.booleans(),
)
listed = st.lists(
    st.builds(ListedPrice, st.just(ListTerms("default", 0)) | lists, st.sampled_from(["EUR", "USD"]), st.integers(0, 3),
              st.none() | st.integers(4, 9)),
    max_size=6, unique_by=lambda one: one.terms.list_id,
)  # fmt: skip
askings = st.builds(
    Asking, st.sampled_from(["EUR", "USD"]), st.sampled_from(["FR", "US", "JP"]),
    st.sampled_from([None, "gold", "silver"]), st.sampled_from([NOON, NOON - HOUR, NOON + HOUR]),
)  # fmt: skip

_ASK = sa.text(
    f"SELECT found.* FROM (SELECT CAST(:sku AS text) AS sku, CAST(:currency AS text) AS currency,"
    f" CAST(:country AS text) AS country, CAST(:tier AS text) AS price_tier, CAST(:at AS timestamptz) AS at) asked,"
    f" LATERAL ({RESOLVED}) found"
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=listed, asking=askings)
def test_the_statement_and_the_rule_choose_the_same_price(
    priced: tuple[Shop, str], found: list[ListedPrice], asking: Asking
) -> None:
    shop, sku = priced
    with shop.server.connect(tenant=shop.tenant) as connection:
        for one in found:
            _write(connection, sku, one)
        told = connection.execute(
            _ASK,
            {"sku": sku, "currency": asking.currency, "country": asking.country, "tier": asking.price_tier,
             "at": asking.at},
        ).one_or_none()  # fmt: skip
    ours = resolve(found, asking)
    expected = (ours.amount_minor, ours.compare_at_minor, ours.terms.list_id) if ours else None
    assert (tuple(told) if told else None) == expected


@pytest.fixture
def priced(shop: Shop) -> tuple[Shop, str]:
    """A tenant with a SKU that has no price at all."""
    sku = shop.new_sku()
    shop.run("DELETE FROM prices")
    return shop, sku


def _write(connection: sa.Connection, sku: str, one: ListedPrice) -> None:
    terms = one.terms
    if terms.list_id != "default":
        connection.execute(
            sa.text(
                "INSERT INTO price_lists (tenant_id, list_id, name, countries, price_tier, priority, starts_at,"
                " ends_at, active)"
                " VALUES (current_tenant(), :id, 'L', :countries, :tier, :priority, :starts, :ends, :active)"
            ),
            {"id": terms.list_id, "countries": sorted(terms.countries), "tier": terms.price_tier,
             "priority": terms.priority, "starts": terms.starts_at, "ends": terms.ends_at, "active": terms.active},
        )  # fmt: skip
    connection.execute(
        sa.text(
            "INSERT INTO prices (tenant_id, list_id, sku, currency, amount_minor, compare_at_minor)"
            " VALUES (current_tenant(), :list, :sku, :currency, :amount, :compare)"
        ),
        {"list": terms.list_id, "sku": sku, "currency": one.currency, "amount": one.amount_minor,
         "compare": one.compare_at_minor},
    )  # fmt: skip


def add_list(shop: Shop, list_id: str, sku: str, amount: int, terms: str = "", compare: int | None = None) -> None:
    """A list of priority 10 with one price in EUR; `terms` are further columns, as SQL of an UPDATE."""
    shop.run(
        "INSERT INTO price_lists (tenant_id, list_id, name, priority) VALUES (current_tenant(), :l, 'L', 10)",
        *([f"UPDATE price_lists SET {terms} WHERE list_id = :l"] if terms else []),
        "INSERT INTO prices (tenant_id, list_id, sku, currency, amount_minor, compare_at_minor)"
        " VALUES (current_tenant(), :l, :s, 'EUR', :a, :c)",
        l=list_id, s=sku, a=amount, c=compare,
    )  # fmt: skip


def cart(sku: str, country: str = "FR", method: str | None = "standard", *, quantity: int = 1) -> Cart:
    return Cart((CartLine(sku, quantity),), "EUR", Destination(country), method, customer_id="cus_ada")


async def test_a_plain_price_holds_for_everybody(shop: Shop) -> None:
    sku = shop.new_sku()
    async with shop.transaction() as session:
        made = await quote_cart(session, cart(sku), NOBODY)
    assert (made.total_minor, made.lines[0].unit_minor, made.lines[0].price_list) == (TOTAL, PRICE, "default")


async def test_a_member_pays_their_tiers_price_and_no_shipping(shop: Shop) -> None:
    sku = shop.new_sku()
    add_list(shop, "gold", sku, 8000, "price_tier = 'gold'")
    async with shop.transaction() as session:
        mine, theirs = await quote_many(session, [(cart(sku), GOLD), (cart(sku), NOBODY)])
    assert not isinstance(mine, Refusal)
    assert not isinstance(theirs, Refusal)
    assert (mine.total_minor, mine.shipping_minor, mine.shipping_list_minor) == (8000, 0, SHIPPING)
    assert (mine.lines[0].price_list, theirs.total_minor) == ("gold", TOTAL)


async def test_a_sale_shows_what_it_was(shop: Shop) -> None:
    sku = shop.new_sku()
    add_list(shop, "sale", sku, 7000, "ends_at = now() + interval '1 hour'", compare=PRICE)
    async with shop.transaction() as session:
        made = await quote_cart(session, cart(sku), NOBODY)
    assert (made.lines[0].unit_minor, made.lines[0].list_minor) == (7000, PRICE)


async def test_regions_classes_and_shipping_are_taxed_by_their_own_rates(shop: Shop) -> None:
    sku, food = shop.new_sku(), shop.new_sku()
    shop.run("UPDATE variants SET tax_class = 'food' WHERE sku = :s", s=food)
    own = {"tenant_id": shop.tenant, "country": "US", "included": False}
    shop.server.add(
        shop.tenant, TaxRate(**own, basis_points=0), TaxRate(**own, region="CA", basis_points=725),
        TaxRate(**own, tax_class="food", basis_points=100),
    )  # fmt: skip
    shop.run("INSERT INTO shipping_rates (tenant_id, method, country, currency, amount_minor)"
             " VALUES (current_tenant(), 'standard', 'US', 'EUR', 1000)")  # fmt: skip
    both = Cart((CartLine(sku, 1), CartLine(food, 1)), "EUR", Destination("US", "CA"), "standard")
    async with shop.transaction() as session:
        made = await quote_cart(session, both, NOBODY)
    taxed = {line.sku: line.tax_minor for line in made.lines}
    assert (taxed[sku], taxed[food], made.shipping_tax_minor) == (725, 100, 73)
    assert made.total_minor == 2 * PRICE + 1000 + 725 + 100 + 73


async def test_methods_are_offered_by_weight_and_value(shop: Shop) -> None:
    sku = shop.new_sku()  # 100 g, €100.00
    shop.run("UPDATE shipping_rates SET max_weight_grams = 500",
             "INSERT INTO shipping_rates (tenant_id, method, country, currency, amount_minor, min_order_minor)"
             " VALUES (current_tenant(), 'standard', 'FR', 'EUR', 0, 30000)")  # fmt: skip
    for quantity, expected in ((1, [SHIPPING]), (3, [0]), (9, [0])):
        async with shop.transaction() as session:
            goods, offers = await quote_with_offers(session, cart(sku, method=None, quantity=quantity), NOBODY)
        assert goods.total_minor == PRICE * quantity, "without a method the goods alone"
        assert [tax.gross_minor for _, tax in offers] == expected


async def test_in_a_batch_each_cart_is_answered_by_itself(shop: Shop) -> None:
    sku = shop.new_sku()
    wrong = [(cart("NO-SUCH"), NOBODY), (cart(sku, "AQ"), NOBODY), (cart(sku, method="teleport"), NOBODY)]
    async with shop.transaction() as session:
        answers = await quote_many(session, [(cart(sku), NOBODY), *wrong])
    codes = [one.code if isinstance(one, Refusal) else one.total_minor for one in answers]
    assert codes == [
        TOTAL, RefusalCode.UNKNOWN_SKU, RefusalCode.UNSUPPORTED_COUNTRY, RefusalCode.UNKNOWN_SHIPPING_METHOD,
    ]  # fmt: skip


async def test_without_a_price_in_the_currency_it_cannot_be_bought_in_it(shop: Shop) -> None:
    sku = shop.new_sku()
    shop.run("UPDATE prices SET currency = 'USD'")
    with pytest.raises(Refused) as caught:
        async with shop.transaction() as session:
            await quote_cart(session, cart(sku), NOBODY)
    assert caught.value.refusal.code is RefusalCode.UNSUPPORTED_CURRENCY


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE price_lists SET priority = 1", "ck_price_lists_default_ranks_last"),
        ("UPDATE price_lists SET active = false", "ck_price_lists_default_is_for_all"),
        ("UPDATE price_lists SET currency = 'EUR'", "list_currency"),
        ("UPDATE prices SET compare_at_minor = amount_minor", "ck_prices_compare_at"),
        ("UPDATE prices SET amount_minor = -1", "ck_prices_amount"),
        ("UPDATE prices SET list_id = 'usd'", "list_currency"),
        ("UPDATE shipping_rates SET max_weight_grams = 0", "ck_shipping_rates_weight"),
        ("UPDATE shipping_rates SET min_order_minor = -1", "ck_shipping_rates_order_value"),
        ("UPDATE shipping_methods SET min_days = 3, max_days = 2", "ck_shipping_methods_days"),
        ("UPDATE tax_rates SET region = 'ca'", "ck_tax_rates_region"),
    ],
)
def test_the_database_refuses_what_makes_no_sense(shop: Shop, statement: str, constraint: str) -> None:
    shop.new_sku()
    shop.run("INSERT INTO price_lists (tenant_id, list_id, name, priority, currency)"
             " VALUES (current_tenant(), 'usd', 'USD', 10, 'USD')")  # fmt: skip
    narrowed = statement + (" WHERE list_id = 'default'" if "price_lists" in statement else "")
    assert shop.refusal(narrowed) == f"23514/{constraint}"


def test_a_tenant_always_has_its_default_list(shop: Shop) -> None:
    assert shop.rows("SELECT list_id, priority FROM price_lists") == [("default", 0)]
