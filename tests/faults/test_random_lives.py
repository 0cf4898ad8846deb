"""Whatever happens to several orders at once, in whatever order, while Stripe fails: the promise about money holds."""

import asyncio
import os
import uuid

from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from tests.faults import lives
from tests.faults.afterwards import settle, wrong
from tests.faults.lives import Living
from tests.faults.plans import plan
from tests.flow.kit import Shop, until


@settings(
    max_examples=8,
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # another seed is another plan, not a smaller one
)
@given(seed=st.integers(0, 2**32 - 1))
async def test_the_promise_holds_in_any_life(shop: Shop, seed: int) -> None:
    planned, salt = plan(seed), uuid.uuid4().hex
    living = [Living(shop, life, f"{salt} {place}") for place, life in enumerate(planned.lives)]
    await shop.calm()
    await shop.stripe("webhooks", **lives.WEBHOOKS[planned.webhooks])
    for trouble in planned.looks:
        await lives.arm(shop, trouble)
    try:
        await asyncio.gather(*(one.live() for one in living))
        await settle(shop, living, lost=planned.webhooks == "lost")
        await until(lambda: wrong(shop, living), lambda found: not found)
        await until(shop.audit, lambda findings: not findings)
    finally:
        for one in living:
            note(f"{one.checkout}: {one.life}: {'; '.join(one.said)}")
