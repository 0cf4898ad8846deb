"""Whatever happens to several orders at once, in whatever order, while Stripe fails: the promise about money holds."""

import asyncio
import os
import uuid

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.faults import lives
from tests.faults.afterwards import settle, wrong
from tests.faults.lives import Act, Life, Living, Plan, Trouble
from tests.flow.kit import Shop, until

CARDS = (
    "pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired",
    "pm_card_pendingRefund", "pm_card_refundFail",
)  # fmt: skip


def troubles(operations: tuple[str, ...]) -> st.SearchStrategy[Trouble]:
    """Up to two failures of one operation: each costs a growing pause before the next try."""
    return st.builds(
        Trouble,
        operation=st.sampled_from(operations),
        fault=st.sampled_from(sorted(lives.TROUBLES)),
        probability=st.sampled_from([0.4, 0.7, 1.0]),
        times=st.integers(1, 2),
        seed=st.integers(0, 1000),
    )


LIVES = st.builds(
    Life,
    card=st.sampled_from(CARDS),
    client=st.booleans(),
    automatic=st.booleans(),
    acts=st.lists(st.sampled_from(Act), min_size=2, max_size=6).map(tuple),
    at_once=st.booleans(),
    troubles=st.lists(troubles(lives.MOVES_MONEY), min_size=1, max_size=3).map(tuple),
)
PLANS = st.builds(
    Plan,
    lives=st.lists(LIVES, min_size=5, max_size=8).map(tuple),
    webhooks=st.sampled_from(sorted(lives.WEBHOOKS)),
    looks=st.lists(troubles(lives.LOOKS), max_size=2).map(tuple),
)


@settings(
    max_examples=8,
    derandomize=bool(os.environ.get("CI")),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a smaller plan would meet another interleaving
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(plan=PLANS)
async def test_the_promise_holds_in_any_life(shop: Shop, plan: Plan) -> None:
    salt = uuid.uuid4().hex
    living = [Living(shop, life, f"{salt} {place}") for place, life in enumerate(plan.lives)]
    await shop.calm()
    await shop.stripe("webhooks", **lives.WEBHOOKS[plan.webhooks])
    for trouble in plan.looks:
        await lives.arm(shop, trouble)
    try:
        await asyncio.gather(*(one.live() for one in living))
        await settle(shop, living)
        await until(lambda: wrong(shop, living), lambda found: not found)
        await until(shop.audit, lambda findings: not findings)
    finally:
        for one in living:
            note(f"{one.checkout}: {'; '.join(one.said)}")
