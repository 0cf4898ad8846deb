"""One look for many carts: which are known already, and of which SKUs nobody who comes now can get any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from domain.checkouts import CheckoutInput
from domain.pricing import merge_lines
from domain.refusals import Refusal, RefusalCode

_LOOK = sa.text("SELECT * FROM glance_as(:tenant, :checkouts, :customers, :skus)")


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen. `most`: SKU → units that a newcomer can get; a SKU that needs a closer look is not in it."""

    known: frozenset[str]
    in_line: frozenset[str]
    most: Mapping[str, int]
    drops: Mapping[str, str]

    def refusal(self, asked: CheckoutInput) -> Refusal | None:
        """That it is sold out, if nothing else can come of this cart."""
        if asked.checkout_id in self.known or asked.customer.customer_id in self.in_line:
            return None
        for line in merge_lines(asked.lines):
            if line.sku in self.most and self.most[line.sku] < line.quantity:
                facts = {"skus": line.sku} | ({"drop": self.drops[line.sku]} if line.sku in self.drops else {})
                return Refusal(RefusalCode.OUT_OF_STOCK, f"{line.sku} is sold out. Nothing was charged.", facts)
        return None


def look(connection: sa.Connection, tenant: str, asked: Sequence[CheckoutInput]) -> Glance:
    """One statement, no lock; with a connection that commits by itself it is one round trip. For a thread."""
    given = {
        "tenant": tenant,
        "checkouts": [one.checkout_id for one in asked],
        "customers": list({one.customer.customer_id for one in asked}),
        "skus": list({line.sku for one in asked for line in one.lines}),
    }
    return seen(connection, given)


def seen(connection: sa.Connection, given: Mapping[str, object]) -> Glance:
    """The glance itself, of these ids."""
    known, in_line = set[str](), set[str]()
    most, dropped = dict[str, int](), dict[str, str]()
    for row in connection.execute(_LOOK, given):
        if row.what == "known":
            known.add(row.name)
        elif row.what == "in_line":
            in_line.add(row.name)
        else:
            most[row.name] = row.most
            if row.drop_name is not None:
                dropped[row.name] = row.drop_name
    return Glance(frozenset(known), frozenset(in_line), most, dropped)
