"""The auditor sees each kind of broken promise when it is planted, names it, and sees nothing else."""

from dataclasses import dataclass

import pytest

from domain.books import IntentBook, IntentStatus, OurBook
from domain.disputes import DisputeFact
from domain.ids import checkout_workflow, order_workflow, shipment_id
from domain.payments import RefundMade
from domain.promotions import PromotionKind
from domain.states import DisputeState, PaymentState
from models import audit, disputes, payments, refunds
from models.audit import CHECKS, Finding, compare_books
from models.audit_memberships import MEMBERSHIP_CHECKS
from models.promotions import Promotion
from tests.models.kit import PLACE, PRICE, SUPERUSER, TOTAL, Server, Shop
from tests.models.test_audit_exchanges import PLANTS as EXCHANGE_PLANTS
from tests.models.test_audit_returns import PLANTS as RETURN_PLANTS
from tests.models.test_refund_requests import PLANTS as REFUND_PLANTS

ATTENTION = "UPDATE orders SET needs_attention = true, attention_reason = 'a person looks at it'"

DROP = (
    "INSERT INTO drops (tenant_id, drop_id, title, opens_at, closes_at)"
    " VALUES (current_tenant(), 'd', 'D', now(), now() + interval '1 day') RETURNING tenant_id"
)


@dataclass(frozen=True)
class Plant:
    """What is broken by hand, which check must see it, on what, and what it says."""

    check: str
    subject: str
    detail: str
    damage: str


# {open}: a checkout that is being paid; {done}: one whose order is 1001.
PLANTS = [
    Plant(
        "stock: what is reserved is somebody's", PLACE + "/{sku}", "reserved 3, accounted for 2",
        "UPDATE stock_levels SET reserved = reserved + 1",
    ),
    Plant(
        "stock: what is reserved is somebody's", PLACE + "/{sku}", "reserved 2, accounted for 1",
        "UPDATE reservations SET state = 'released' WHERE checkout_id = '{open}'",
    ),
    Plant(
        "stock: every change has its movement", PLACE + "/{sku}", "on hand 11, movements say 10",
        "UPDATE stock_levels SET on_hand = on_hand + 1",
    ),
    Plant(
        "stock: every change has its movement", PLACE + "/{sku}", "on hand 10, movements say 0",
        "DELETE FROM stock_movements WHERE kind = 'received'",
    ),
    Plant(
        "stock: what is backordered is somebody's, and was written down", PLACE + "/{sku}",
        "backordered 0, accounted for 1, movements say 0",
        "UPDATE reservations SET backordered = 1 WHERE checkout_id = '{open}'",
    ),
    Plant(
        "stock: nobody waits for what is there", PLACE + "/{sku}", "9 free while 1 are waited for",
        "WITH level AS (UPDATE stock_levels SET backorder_limit = 1, backordered = 1"
        " WHERE sku = '{sku}' RETURNING tenant_id, location_id, sku),"
        " moved AS (INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)"
        " SELECT tenant_id, location_id, sku, 'backordered', 1, 'planted' FROM level)"
        " UPDATE reservations SET backordered = 1 WHERE checkout_id = '{open}'",
    ),
    Plant(
        "stock: nothing is held for a checkout that ended", "{open}", "1 of {sku} held, checkout is expired",
        "UPDATE checkouts SET state = 'expired', reason = 'reservation_expired' WHERE checkout_id = '{open}'",
    ),
    Plant(
        "stock: nothing is held for a checkout that ended", "co_none", "1 of {sku} held, checkout is unknown",
        "UPDATE reservations SET checkout_id = 'co_none' WHERE checkout_id = '{open}'",
    ),
    Plant(
        "stock: nothing is held for a checkout that ended", "{open}", "1 of {sku} allocated, checkout is open",
        "UPDATE reservations SET state = 'allocated' WHERE checkout_id = '{open}'",
    ),
    Plant(
        "drops: what is taken and granted is somebody's", "d/{sku}",
        "taken 1, claims say 0; granted 0 and waiting 0, places say 0 and 0",
        f"WITH d AS ({DROP}) INSERT INTO drop_skus (tenant_id, drop_id, sku, taken)"
        " SELECT tenant_id, 'd', '{sku}', 1 FROM d",
    ),
    Plant(
        "drops: a checkout has what it took", "{open}", "took 2 of {sku}, has 1",
        f"WITH d AS ({DROP}), k AS (INSERT INTO drop_skus (tenant_id, drop_id, sku, taken)"
        " SELECT tenant_id, 'd', '{sku}', 2 FROM d)"
        " INSERT INTO drop_claims (tenant_id, checkout_id, sku, drop_id, customer_id, quantity, live)"
        " SELECT tenant_id, '{open}', '{sku}', 'd', 'cus_ada', 2, 2 FROM d",
    ),
    Plant(
        "parcels: an order's lines are in its parcels", "1001", "line {sku} of 2, 0 cancelled: parcels 1, 0",
        "UPDATE order_lines SET quantity = 2, unit_minor = unit_minor / 2",
    ),
    Plant(
        "parcels: an order's lines are in its parcels", "1001", "line {sku} of 1, 0 cancelled: parcels 1, 0",
        "UPDATE shipment_lines SET gross_minor = gross_minor - 1",
    ),
    Plant(
        "parcels: what is to go is allocated where it goes from", "1001", "{sku} at milan: 1 to go, allocated 0",
        "UPDATE shipments SET location_id = 'milan'",
    ),
    Plant(
        "parcels: what is not there waits", "1001", "1 x {sku} at " + PLACE + " not there, 0 in parcels that wait",
        "WITH level AS (UPDATE stock_levels SET safety_stock = on_hand, backorder_limit = 1, backordered = 1"
        " WHERE sku = '{sku}' RETURNING tenant_id, location_id, sku),"
        " moved AS (INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)"
        " SELECT tenant_id, location_id, sku, 'backordered', 1, 'planted' FROM level)"
        " UPDATE reservations SET backordered = 1 WHERE checkout_id = '{done}'",
    ),
    Plant(
        "parcels: a parcel that left is paid for", "{parcel}", "parcel is handed_over, paid nothing",
        "UPDATE shipments SET state = 'handed_over'",
    ),
    Plant(
        "parcels: a parcel is paid what it costs", "{parcel}", "paid 9999, costs 10000",
        "UPDATE shipments SET paid_minor = 9999",
    ),
    Plant(
        "money: no order without a payment", "1001", "order is placed, payment is voided",
        "UPDATE payments SET state = 'voided' WHERE checkout_id = '{done}'",
    ),
    Plant(
        "money: no order without a payment", "1001", "order is shipped, payment is authorized",
        "UPDATE orders SET state = 'shipped'",
    ),
    Plant(
        "money: no order without a payment", "1001", "order is placed, payment is unknown",
        "DELETE FROM payments WHERE checkout_id = '{done}'",
    ),
    Plant(
        "money: no order without a payment", "1001", "order is placed, payment is lapsed",
        "UPDATE payments SET state = 'lapsed' WHERE checkout_id = '{done}'",
    ),
    Plant(
        "money: no payment without an order", "{pay}", "payment is authorized, checkout is open",
        "UPDATE payments SET state = 'authorized' WHERE checkout_id = '{open}'",
    ),
    Plant(
        "money: an order adds up to its lines and its payment", "1001", "total 11501, lines 10000, payment 11500",
        "UPDATE orders SET total_minor = total_minor + 1",
    ),
    Plant(
        "money: an order adds up to its lines and its payment", "1001", "total 11500, lines 0, payment 11500",
        "WITH gone AS (DELETE FROM shipment_lines) DELETE FROM order_lines",
    ),
    Plant(
        "money: an order adds up to its lines and its payment", "1001", "total 11500, lines 10000, payment 11400",
        "UPDATE payments SET amount_minor = 11400, authorized_minor = 0 WHERE checkout_id = '{done}'",
    ),
    Plant(
        "money: an order adds up to its lines and its payment", "1001",
        "total 11500, lines 10000, payment 11500, tax 1916 and 1917, discount 0 and 0",
        "UPDATE orders SET tax_minor = tax_minor - 1",
    ),
    Plant(
        "prices: a line is what its pieces cost, less the discount", "1001/{sku}",
        "1 at 10001 less 0, net 8333, gross 10000, tax in it",
        "UPDATE order_lines SET unit_minor = unit_minor + 1",
    ),
    Plant(
        "orders: a checkout has ended, or its time is not long up", "{open}", "still open, its time was up at",
        "UPDATE checkouts SET expires_at = now() - interval '16 minutes' WHERE checkout_id = '{open}'",
    ),
    Plant(
        "orders: a completed checkout has its order", "{done}", "checkout is completed as 2000, its order is 1001",
        "UPDATE checkouts SET order_number = '2000' WHERE checkout_id = '{done}'",
    ),
    Plant(
        "orders: a completed checkout has its order", "{done}", "checkout is cancelled as none, its order is 1001",
        "UPDATE checkouts SET state = 'cancelled', reason = 'why', order_number = NULL WHERE checkout_id = '{done}'",
    ),
    Plant(
        "orders: a completed checkout has its order", "{gone}", "checkout is completed as 2000, its order is none",
        "UPDATE checkouts SET state = 'completed', reason = NULL, order_number = '2000' WHERE checkout_id = '{gone}'",
    ),
    Plant(
        "mails: what a customer is to be told of has its e-mail", "{done}", "order.placed has no e-mail order_placed",
        "DELETE FROM mails WHERE checkout_id = '{done}'",
    ),
    Plant(
        "mails: none waits for long", "order_placed",
        "1 due for more than an hour, and nobody sends them; one is of {done}",
        "UPDATE mails SET due_at = now() - interval '61 minutes'",
    ),
]  # fmt: skip

# {pay}: taken and disputed, with a fee; of it refund r1 of 500 has arrived, r2 of 300 is settling.
MONEY_PLANTS = [
    Plant(
        "parcels: what was captured is for parcels, or goes back", "1001",
        "captured 11500, for parcels 0, to go back 0",
        "UPDATE orders SET state = 'shipped'",
    ),
    Plant(
        "parcels: what was captured and cancelled is refunded", "1001", "5 is to go back, and no refund was asked for",
        "INSERT INTO order_cancellations (tenant_id, cancellation_id, order_number, actor, reason, fingerprint, lines,"
        " amount_minor, refund_minor) SELECT tenant_id, 'can_1', '1001', 'a', 'r', 'f', '{{}}', 5, 5 FROM orders",
    ),
    Plant(
        "money: no order without a payment", "1001", "order is placed, payment is voided",
        "UPDATE payments SET state = 'voided'",
    ),
    Plant(
        "money: what is set aside to be refunded is asked for", "{pay}", "set aside 801, asked for 800",
        "UPDATE payments SET refunded_minor = refunded_minor + 1",
    ),
    Plant(
        "money: what is set aside to be refunded is asked for", "{pay}", "set aside 800, asked for 500",
        "UPDATE payment_operations SET state = 'failed' WHERE reference = 'r2'",
    ),
    Plant(
        "money: no operation is out for long", "{tenant}/{pay}/refund/2", "refund pending since",
        "UPDATE payment_operations SET state = 'pending', created_at = now() - interval '25 hours'"
        " WHERE reference = 'r2'",
    ),
    Plant(
        "ledger: every posting balances", "fee/txn_{done}", "sum -100 of 1 entries",
        "DELETE FROM ledger_entries WHERE account = 'fees'",
    ),
    Plant(
        "ledger: every posting balances", "fee/txn_{done}", "sum 1 of 2 entries",
        "UPDATE ledger_entries SET amount_minor = 101 WHERE account = 'fees'",
    ),
    Plant(
        "ledger: every posting balances", "fee/empty", "sum 0 of 0 entries",
        "INSERT INTO ledger_postings (tenant_id, posting_id, payment_id, kind, currency)"
        " SELECT tenant_id, 'fee/empty', payment_id, 'fee', 'EUR' FROM payments",
    ),
    Plant(
        "ledger: it says what was captured and refunded", "{pay}",
        "captured 11499 and refunded 500, ledger says 11500 and 500",
        "UPDATE payments SET captured_minor = captured_minor - 1",
    ),
    Plant(
        "ledger: it says what was captured and refunded", "{pay}",
        "captured 11500 and refunded 800, ledger says 11500 and 500",
        "UPDATE payment_operations SET state = 'succeeded' WHERE reference = 'r2'",
    ),
    Plant(
        "ledger: a dispute's money is where it should be", "dp_won", "lost, postings: dispute_opened, dispute_won",
        "UPDATE disputes SET state = 'lost' WHERE dispute_id = 'dp_won'",
    ),
    Plant(
        "ledger: a dispute's money is where it should be", "dp_lost", "won, postings: dispute_lost, dispute_opened",
        "UPDATE disputes SET state = 'won' WHERE dispute_id = 'dp_lost'",
    ),
    Plant(
        "ledger: a dispute's money is where it should be", "dp_open", "lost, postings: dispute_opened",
        "UPDATE disputes SET state = 'lost' WHERE dispute_id = 'dp_open'",
    ),
]  # fmt: skip

# {done}: an order, and {open}: a checkout, of the same shopper, that used the code TEN, which may be used twice.
CODE_PLANTS = [
    Plant(
        "promotions: no code is used more often than it may be", "TEN", "2 uses of 1",
        "UPDATE promotions SET usage_limit = 1",
    ),
    Plant(
        "promotions: no shopper uses a code more often than a shopper may", "TEN", "2 uses of 1 by cus_ada",
        "UPDATE promotions SET customer_limit = 1",
    ),
    Plant(
        "promotions: a use is its checkout's, then its order's", "{open}", "TEN is redeemed, checkout is open",
        "UPDATE promotion_redemptions SET state = 'redeemed' WHERE checkout_id = '{open}'",
    ),
    Plant(
        "promotions: a use is its checkout's, then its order's", "{done}",
        "TEN is held, checkout is completed, order is placed",
        "UPDATE promotion_redemptions SET state = 'held' WHERE checkout_id = '{done}'",
    ),
    Plant(
        "promotions: a use is its checkout's, then its order's", "{open}", "TEN is released, checkout is open",
        "UPDATE promotion_redemptions SET state = 'released' WHERE checkout_id = '{open}'",
    ),
    Plant(
        "promotions: what codes took off an order is its discount", "1001", "discount 1000, codes took off 999",
        "UPDATE promotion_redemptions SET discount_minor = 999 WHERE checkout_id = '{done}'",
    ),
]  # fmt: skip


async def findings(shop: Shop) -> list[Finding]:
    """What the auditor says of a tenant."""
    async with shop.transaction() as session:
        return await audit.audit(session)


def damage(shop: Shop, statement: str) -> None:
    """Break one row past every trigger and foreign key, as a bug below all of them would."""
    where = f" {'AND' if 'WHERE' in statement else 'WHERE'} tenant_id = '{shop.tenant}'"
    assert shop.run("SET LOCAL session_replication_role = replica", statement + where, role=SUPERUSER) == 1


@pytest.fixture
async def names(shop: Shop) -> dict[str, str]:
    """A shop with an order, a checkout under way and one that was given up, and what they are called."""
    sku = shop.new_sku(10)
    done, opened, gone = [await shop.open(sku) for _ in range(3)]
    assert (await shop.place(done)).order_number == "1001"
    await shop.give_up(gone)
    ((payment,),) = shop.rows("SELECT payment_id FROM payments WHERE checkout_id = :c", c=opened)
    parcel = shipment_id(shop.tenant, done, 0)
    return {"sku": sku, "done": done, "open": opened, "gone": gone, "pay": payment, "parcel": parcel}


@pytest.fixture
async def money(shop: Shop) -> dict[str, str]:
    """A shop with an order whose payment has been through everything, and what they are called."""
    payment = await shop.sell(fee=100)
    for name, amount, settling in (("r1", 500, False), ("r2", 300, True)):
        async with shop.transaction() as session:
            row = await payments.get(session, payment)
            await refunds.begin(session, row, name, amount, "test")
            await refunds.record(session, row, name, RefundMade(f"re_{name}", amount, settling))
    for state in (DisputeState.WON, DisputeState.LOST, DisputeState.NEEDS_RESPONSE):
        name = {"needs_response": "open"}.get(state, state)
        fact = DisputeFact(f"dp_{name}", "pi", 50, "EUR", "fraudulent", state, withdrawn=True)
        async with shop.transaction() as session:
            await disputes.record(session, await payments.get(session, payment), fact)
    ((checkout,),) = shop.rows("SELECT checkout_id FROM payments")
    return {"tenant": shop.tenant, "pay": payment, "done": checkout}


@pytest.fixture
async def codes(shop: Shop) -> dict[str, str]:
    """A shop with an order and a checkout that used the same code, and what they are called."""
    terms = {"kind": PromotionKind.PERCENT, "basis_points": 1000, "usage_limit": 2, "customer_limit": 2}
    shop.server.add(shop.tenant, Promotion(tenant_id=shop.tenant, code="TEN", name="Ten", **terms))
    done, opened = [await shop.open(shop.new_sku(), codes=("TEN",)) for _ in range(2)]
    await shop.place(done, shop.authorized(done, TOTAL - PRICE // 10))
    return {"done": done, "open": opened}


async def test_nor_where_codes_were_used(shop: Shop, codes: dict[str, str]) -> None:
    assert await findings(shop) == []


async def test_where_all_is_well_nothing_is_found(server: Server, names: dict[str, str], shop: Shop) -> None:
    assert await findings(shop) == []
    assert await findings(server.new_shop()) == []


async def test_nor_where_money_has_been_through_everything_well(shop: Shop, money: dict[str, str]) -> None:
    assert await findings(shop) == []


def test_every_check_has_a_plant() -> None:
    returned = {check for check, *_ in RETURN_PLANTS + EXCHANGE_PLANTS} | {check for check, *_ in REFUND_PLANTS}
    assert {plant.check for plant in PLANTS + MONEY_PLANTS + CODE_PLANTS} | set(MEMBERSHIP_CHECKS) | returned == set(
        CHECKS
    )


@pytest.mark.parametrize("plant", PLANTS, ids=[plant.damage[:48] for plant in PLANTS])
async def test_exactly_the_check_for_it_finds_the_damage(shop: Shop, names: dict[str, str], plant: Plant) -> None:
    await grows(shop, plant, names)


@pytest.mark.parametrize("plant", MONEY_PLANTS, ids=[plant.damage[:64] for plant in MONEY_PLANTS])
async def test_exactly_the_check_for_it_finds_lost_money(shop: Shop, money: dict[str, str], plant: Plant) -> None:
    await grows(shop, plant, money)


@pytest.mark.parametrize("plant", CODE_PLANTS, ids=[plant.damage[:72] for plant in CODE_PLANTS])
async def test_exactly_the_check_for_it_finds_a_code_gone_wrong(
    shop: Shop, codes: dict[str, str], plant: Plant
) -> None:
    await grows(shop, plant, codes)


async def grows(shop: Shop, plant: Plant, names: dict[str, str]) -> None:
    """Once it is planted, that is found and nothing else."""
    damage(shop, plant.damage.format(**names))
    (found,) = await findings(shop)
    assert found.check == plant.check
    assert found.subject == plant.subject.format(**names)
    assert found.detail.startswith(plant.detail.format(**names))


async def test_the_damage_of_one_tenant_is_not_anothers(server: Server, shop: Shop, names: dict[str, str]) -> None:
    other = server.new_shop()
    await other.buy(other.new_sku())
    damage(shop, "UPDATE stock_levels SET reserved = reserved + 1")
    assert await findings(other) == []
    assert len(await findings(shop)) == 1


async def test_an_order_that_a_person_looks_at_may_be_unpaid_for_a_while(shop: Shop, names: dict[str, str]) -> None:
    damage(shop, "UPDATE orders SET state = 'shipped'")
    damage(shop, ATTENTION)
    assert await findings(shop) == []


async def test_a_checkout_is_given_a_quarter_of_an_hour_to_end(shop: Shop, names: dict[str, str]) -> None:
    opened = names["open"]
    damage(shop, f"UPDATE checkouts SET expires_at = now() - interval '14 minutes' WHERE checkout_id = '{opened}'")
    assert await findings(shop) == []


async def test_an_operation_is_given_a_day(shop: Shop, money: dict[str, str]) -> None:
    damage(
        shop,
        "UPDATE payment_operations SET state = 'pending', created_at = now() - interval '23 hours'"
        " WHERE reference = 'r2'",
    )
    assert await findings(shop) == []


async def test_whether_a_checkout_is_being_paid(shop: Shop, names: dict[str, str]) -> None:
    async with shop.transaction() as session:
        assert await audit.under_way(session)
    await shop.give_up(names["open"])
    async with shop.transaction() as session:
        assert not await audit.under_way(session)


async def test_who_must_be_at_work(shop: Shop, names: dict[str, str]) -> None:
    paying, placed = checkout_workflow(shop.tenant, names["open"]), order_workflow(shop.tenant, "1001")
    async with shop.transaction() as session:
        assert await audit.in_progress(session) == {paying: "checkout open", placed: "order placed"}
    await shop.give_up(names["open"])
    damage(shop, "UPDATE orders SET state = 'closed'")
    async with shop.transaction() as session:
        assert await audit.in_progress(session) == {}


def here(state: str, authorized: int = 0, captured: int = 0, *, settling: bool = False) -> dict[str, OurBook]:
    """Our book of the one intent."""
    return {"pi": OurBook("pay", "pi", PaymentState(state), authorized, captured, settling=settling)}


def there(status: str, held: int = 0, taken: int = 0, **net: int) -> dict[str, IntentBook]:
    """The provider's book of it."""
    return {"pi": IntentBook("pi", "t", IntentStatus(status), held, taken, net=net)}


@pytest.mark.parametrize(
    ("ours", "theirs", "settling", "found"),
    [
        (here("authorized", 5), there("held", 5), False, None),
        (here("captured", 5, 5), there("taken", 0, 5), False, None),
        (here("captured", 5, 4), there("taken", 0, 4), False, None),
        (here("refunded", 5, 5), there("taken", 0, 5), False, None),
        (here("voided"), {}, False, None),
        (here("lapsed", 5), there("cancelled"), False, None),
        ({}, there("held", 5), True, None),
        ({}, there("cancelled"), False, None),
        (here("requires_action", settling=True), there("held", 5), True, None),
        (here("authorized", 5, settling=True), there("taken", 0, 5, EUR=5), False, None),
        ({}, there("held", 5), False, ("intent is known", "here no such intent, there held, 5 held, 0 taken")),
        (
            here("authorized", 4), there("held", 5), False,
            ("payment and intent agree", "here authorized, 4 held, 0 taken, there held, 5 held, 0 taken"),
        ),
        (
            here("voided"), there("taken", 0, 5), True,
            ("payment and intent agree", "here voided, 0 held, 0 taken, there taken, 0 held, 5 taken"),
        ),
        (
            here("captured", 5, 5), there("taken", 0, 5, EUR=5), False,
            ("ledger and balance agree", "here 0, there 5"),
        ),
        (here("authorized", 5), {}, True, ("intent is known", "here authorized, there nothing")),
        (here("captured", 5, 5), {}, True, ("intent is known", "here captured, there nothing")),
        (here("refunded", 5, 5), {}, True, ("intent is known", "here refunded, there nothing")),
    ],
)  # fmt: skip
def test_the_provider_and_the_tables_are_compared(
    ours: dict[str, OurBook], theirs: dict[str, IntentBook], settling: bool, found: tuple[str, str] | None
) -> None:
    told = [(one.check, one.detail) for one in compare_books(ours, theirs, settling)]
    assert told == ([(f"provider: {found[0]}", found[1])] if found else [])
