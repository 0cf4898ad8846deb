"""The auditor sees each kind of broken promise when it is planted, names it, and sees nothing else."""

from dataclasses import dataclass

import pytest

from models import audit
from models.audit import CHECKS, Finding, compare_with_provider
from tests.models.kit import PLACE, SUPERUSER, TOTAL, Server, Shop

ATTENTION = "UPDATE orders SET needs_attention = true, attention_reason = 'a person looks at it'"


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
        "stock: an order has its units", "1001", "line {sku} of 2 has 1",
        "UPDATE order_lines SET quantity = 2",
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
        "money: no payment without an order", "{pay}", "payment is authorized, checkout is open",
        "UPDATE payments SET state = 'authorized' WHERE checkout_id = '{open}'",
    ),
    Plant(
        "money: an order adds up to its lines and its payment", "1001", "total 11501, lines 10000, payment 11500",
        "UPDATE orders SET total_minor = total_minor + 1",
    ),
    Plant(
        "money: an order adds up to its lines and its payment", "1001", "total 11500, lines 0, payment 11500",
        "DELETE FROM order_lines",
    ),
    Plant(
        "money: an order adds up to its lines and its payment", "1001", "total 11500, lines 10000, payment 11400",
        "UPDATE payments SET amount_minor = 11400, authorized_minor = 0 WHERE checkout_id = '{done}'",
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
    return {"sku": sku, "done": done, "open": opened, "gone": gone, "pay": payment}


async def test_where_all_is_well_nothing_is_found(server: Server, names: dict[str, str], shop: Shop) -> None:
    assert await findings(shop) == []
    assert await findings(server.new_shop()) == []


def test_every_check_has_a_plant() -> None:
    assert {plant.check for plant in PLANTS} == set(CHECKS)


@pytest.mark.parametrize("plant", PLANTS, ids=[plant.damage[:48] for plant in PLANTS])
async def test_exactly_the_check_for_it_finds_the_damage(shop: Shop, names: dict[str, str], plant: Plant) -> None:
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


async def test_what_we_know_of_intents_and_whether_one_is_under_way(shop: Shop, names: dict[str, str]) -> None:
    async with shop.transaction() as session:
        assert await audit.known_intents(session) == {f"pi_{names['done']}": ("authorized", TOTAL)}
        assert await audit.under_way(session)
    await shop.give_up(names["open"])
    async with shop.transaction() as session:
        assert not await audit.under_way(session)


@pytest.mark.parametrize(
    ("ours", "theirs", "settling", "detail"),
    [
        ({"pi": ("authorized", 5)}, {"pi": ("requires_capture", 5)}, False, None),
        ({"pi": ("captured", 5)}, {"pi": ("succeeded", 5)}, False, None),
        ({"pi": ("voided", 0)}, {}, False, None),
        ({}, {"pi": ("requires_capture", 5)}, True, None),
        ({"pi": ("requires_action", 0)}, {"pi": ("requires_capture", 5)}, True, None),
        ({}, {"pi": ("requires_capture", 5)}, False, "there authorized 5, here unknown to us 0"),
        ({"pi": ("authorized", 4)}, {"pi": ("requires_capture", 5)}, False, "there authorized 5, here authorized 4"),
        ({"pi": ("voided", 0)}, {"pi": ("succeeded", 5)}, True, "there captured 5, here voided 0"),
        ({"pi": ("captured", 5)}, {}, True, "here captured 5, there nothing"),
    ],
)
def test_the_provider_and_the_tables_are_compared(
    ours: dict[str, tuple[str, int]], theirs: dict[str, tuple[str, int]], settling: bool, detail: str | None
) -> None:
    found = compare_with_provider(ours, theirs, settling)
    assert [one.detail for one in found] == ([detail] if detail else [])
