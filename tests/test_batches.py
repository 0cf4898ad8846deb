"""Who asks while a batch is at work is in the next one; nobody is forgotten, and nobody gets another's answer."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.batches import Batches


async def ask_all(batches: Batches[int, int], asked: list[int], pauses: list[int]) -> list[int | BaseException]:
    """All ask, each after so many turns of the loop."""

    async def one(number: int, turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await batches.ask(f"t{number % 2}", number)

    return await asyncio.gather(*map(one, asked, pauses), return_exceptions=True)


@given(
    st.lists(st.tuples(st.integers(0, 999), st.integers(0, 9)), max_size=30),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 4),
)
def test_everybody_gets_their_own_answer(asks: list[tuple[int, int]], most: int, lanes: int, slow: int) -> None:
    at_work = dict.fromkeys(("t0", "t1"), 0)

    async def work(tenant: str, asked: Sequence[int]) -> list[int]:
        at_work[tenant] += 1
        assert len(asked) <= most
        assert at_work[tenant] <= lanes
        assert all(f"t{one % 2}" == tenant for one in asked)
        for _ in range(slow):
            await asyncio.sleep(0)
        at_work[tenant] -= 1
        return [-one for one in asked]

    numbers, pauses = [number for number, _ in asks], [turns for _, turns in asks]
    batches = Batches(work, most=most, lanes=lanes)

    async def twice() -> None:
        for _ in range(2):
            async with asyncio.timeout(5):
                assert await ask_all(batches, numbers, pauses) == [-number for number in numbers]

    asyncio.run(twice())


async def test_a_fault_is_everybodys_in_the_batch_and_nobodys_after_it() -> None:
    faults = iter((RuntimeError("away"), None))

    async def work(_: str, asked: Sequence[int]) -> Sequence[int]:
        if fault := next(faults):
            raise fault
        return asked

    batches = Batches(work, most=10)
    first = await ask_all(batches, [2, 4], [0, 0])
    assert [str(one) for one in first] == ["away", "away"]
    assert await ask_all(batches, [2, 4], [0, 0]) == [2, 4]


async def test_one_who_goes_away_takes_nobody_along() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def work(_: str, asked: Sequence[int]) -> Sequence[int]:
        started.set()
        await go_on.wait()
        return asked

    batches = Batches(work, most=10)
    gone, stays = asyncio.create_task(batches.ask("t", 1)), asyncio.create_task(batches.ask("t", 2))
    await started.wait()
    gone.cancel()
    go_on.set()
    assert await stays == 2
    with pytest.raises(asyncio.CancelledError):
        await gone
