"""One process with several tills: `python -m tests.models.tills URL TENANT SKU CODE CUSTOMER FIRST COUNT`.

Opens so many checkouts at the same moment, each as production code does it, and prints how each ended, as JSON. A
customer named `each` is another one at each till.
"""

import asyncio
import json
import sys
from functools import partial

from activities.checkouts import CheckoutActivities
from domain.checkouts import CheckoutInput, Customer, OpenCheckout, Policy
from domain.ids import checkout_id
from domain.parcels import PostalAddress
from domain.payments import PaymentMode
from domain.pricing import CartLine
from models.database import Database
from tests.models.kit import HOME, at_once, soon


async def main(url: str, tenant: str, sku: str, code: str, customer: str, first: int, count: int) -> list[str]:
    """How each checkout ended: `opened`, or the code of its refusal."""
    database = Database(url, pool_size=count)
    activities = CheckoutActivities(database)

    async def till(number: int) -> str:
        who = f"cus_{number}" if customer == "each" else customer
        asked = CheckoutInput(
            tenant=tenant,
            checkout_id=checkout_id(tenant, f"{code}-{customer}-{number}"),
            fingerprint="f",
            currency="EUR",
            lines=(CartLine(sku, 1),),
            customer=Customer(who, "ada@example.com", "Ada"),
            address=PostalAddress(**HOME),
            shipping_method="standard",
            payment_mode=PaymentMode.SERVER,
            payment_method="pm_card_visa",
            return_url=None,
            expected_total_minor=None,
            policy=Policy(900, 3, 86_400),
            promotion_codes=(code,),
        )
        opened = await activities.open(OpenCheckout(asked, soon()))
        return opened.refusal.code.value if opened.refusal else "opened"

    try:
        return await at_once([partial(till, number) for number in range(first, first + count)])
    finally:
        await database.close()


if __name__ == "__main__":
    where, whose, what, which, who, start, many = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(main(where, whose, what, which, who, int(start), int(many)))))
