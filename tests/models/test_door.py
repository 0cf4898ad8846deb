"""A batch at the door that fails is tried one by one: one bad cart never harms another."""

from temporalio.client import Client

from api.door import Door
from api.gate import Gate
from domain.checkouts import CheckoutOpened, OpenCheckout
from models.database import Database
from tests.models.kit import Shop, soon


def door(database: Database) -> Door:
    """One whose Temporal is not asked."""
    client = Client.__new__(Client)
    return Door(database, client, Gate(database))


async def test_one_bad_cart_never_harms_another(shop: Shop) -> None:
    sku = shop.new_sku(5)
    names = ("Ada", "bad\x00name", "Grace", "Edsger")
    asked = [OpenCheckout(shop.asked(sku, name=name), soon()) for name in names]
    answers = await door(shop.server.database).open_together(shop.tenant, asked)
    assert [isinstance(one, CheckoutOpened) for one in answers] == [True, False, True, True]
    assert all(one.refusal is None for one in answers if isinstance(one, CheckoutOpened))
    assert shop.level(sku) == (5, 3)
    assert len(shop.rows("SELECT 1 FROM checkouts WHERE state = 'open'")) == 3


async def test_while_the_database_is_away_everybody_is_told_so(shop: Shop) -> None:
    sku = shop.new_sku(5)
    asked = [OpenCheckout(shop.asked(sku), soon()) for _ in range(3)]
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    answers = await door(nowhere).open_together(shop.tenant, asked)
    assert {type(one).__name__ for one in answers} == {"OperationalError"}
    await nowhere.close()
    assert shop.level(sku) == (5, 0)
