"""Keys that Stripe may have forgotten, on the stand-in only: the gateway looks first and sends nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.payments import KEY_LIFE, KeySpent, PaymentVoided
from gateways.stripe import StripeUnavailable
from tests.contract.faults import OPERATIONS, Operation, act, arm, effects, sent, watch
from tests.contract.kit import Account

DAY = 86_400
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def long_ago() -> datetime:
    """Just past the time that a key is trusted for."""
    return datetime.now(UTC) - KEY_LIFE - timedelta(minutes=1)


@each_operation
async def test_what_never_happened_is_not_sent(emptied: Account, operation: Operation) -> None:
    asked = replace(await operation.prepare(emptied), begun_at=long_ago())
    await watch(emptied, operation)
    assert isinstance(await act(emptied, operation, asked), KeySpent)
    assert await sent(emptied, operation) == 0
    assert await effects(emptied, operation) == 0


@each_operation
async def test_what_had_happened_is_told_and_not_sent(emptied: Account, operation: Operation) -> None:
    asked = await operation.prepare(emptied)
    first = await act(emptied, operation, asked)
    assert emptied.stand is not None
    await emptied.stand.control("advance", seconds=DAY + 60)
    await watch(emptied, operation)
    later = await act(emptied, operation, replace(asked, begun_at=long_ago()))
    assert later.kind == first.kind
    assert await sent(emptied, operation) == 0
    assert await effects(emptied, operation) == 1


@each_operation
async def test_a_lost_answer_is_found_a_day_later(emptied: Account, operation: Operation) -> None:
    asked = await operation.prepare(emptied)
    await arm(emptied, operation, when="after", status=None)
    with pytest.raises(StripeUnavailable):
        await act(emptied, operation, asked)
    assert emptied.stand is not None
    await emptied.stand.control("advance", seconds=DAY + 60)
    later = await act(emptied, operation, replace(asked, begun_at=long_ago()))
    assert later.kind == operation.kind
    assert await effects(emptied, operation) == 1


@each_operation
async def test_a_young_key_is_simply_sent(emptied: Account, operation: Operation) -> None:
    young = datetime.now(UTC) - KEY_LIFE + timedelta(minutes=1)
    asked = replace(await operation.prepare(emptied), begun_at=young)
    await watch(emptied, operation)
    assert (await act(emptied, operation, asked)).kind == operation.kind
    assert await sent(emptied, operation) == 1


async def test_without_the_look_an_old_key_would_act_again(emptied: Account) -> None:
    """Why the look is there: after 24 hours the same key holds the money a second time."""
    authorize = OPERATIONS[0]
    asked = emptied.asks()
    await act(emptied, authorize, asked)
    assert emptied.stand is not None
    await emptied.stand.control("advance", seconds=DAY + 60)
    await act(emptied, authorize, asked)
    assert await effects(emptied, authorize) == 2


async def test_an_authorization_is_found_among_many(emptied: Account) -> None:
    """Lists come in pages of a hundred."""
    authorize = OPERATIONS[0]
    asked = emptied.asks()
    first = await act(emptied, authorize, asked)
    for _ in range(101):
        await emptied.gateway.authorize(emptied.asks(None))
    later = await act(emptied, authorize, replace(asked, begun_at=long_ago()))
    assert later == first


async def test_an_old_authorization_that_never_was_is_voided_by_not_being_sent(emptied: Account) -> None:
    authorize, _, void, *_ = OPERATIONS
    await watch(emptied, authorize)
    asked = replace(emptied.asks(), begun_at=long_ago())
    assert await emptied.gateway.void(emptied.voids(None, asked)) == PaymentVoided(None)
    assert await sent(emptied, authorize) == 0
    assert await effects(emptied, void) == 0
