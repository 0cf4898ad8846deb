"""A parcel whose pieces were sold before they were there: it waits for them, and is kept until all have come."""

from datetime import UTC, date, datetime, time, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.shipping import ShippingActivities
from domain.support import Trouble
from workflows import attributes
from workflows.deadlines import give_time_to_pack
from workflows.following import tell_of_odd_scan
from workflows.parcel import Parcel
from workflows.policies import LOOK_FOR_STOCK, STOCK_IS_LATE_AFTER, in_database


def refuse_waiting(parcel: Parcel) -> None:
    """Raises that pieces of it are not there."""
    if parcel.waiting:
        message = "pieces of this parcel are sold but not there yet: keep it until they are, or cancel them"
        raise ApplicationError(message, type="not_in_stock")


async def wait_for_stock(parcel: Parcel) -> None:
    """Until all of it is there, or it is to stay. A person hears once of each expected day that has passed.

    Whoever covers it says so; if nobody does, it looks each day.
    """
    told: date | None = None
    expected: date | None = None
    parcel.show("Waits for its stock")
    while not parcel.stay:
        parcel.stock_news = False
        awaited = await in_database(ShippingActivities.look_for_stock, parcel.input, "Have its pieces come?")
        if not awaited.missing:
            break
        if awaited.expected_on != expected:
            expected = awaited.expected_on
            parcel.show(f"{', '.join(awaited.missing)} expected on {expected}" if expected else "Nobody knows when")
        if expected is not None and expected != told and _late(expected) <= workflow.now():
            told = expected
            late = f"{', '.join(awaited.missing)} expected on {expected}: not there. {_ACTS}"
            await parcel.call_person(late, Trouble.STOCK)
        await _wait(parcel, None if expected == told else expected)
    parcel.waiting = False
    if not parcel.stay:
        give_time_to_pack(parcel)
        await (parcel.calm() if parcel.attention else parcel.tell_order())
        workflow.upsert_search_attributes([attributes.STAGE.value_set("packing")])
        parcel.show("All of it is there")


_ACTS = "Receive it, give another day, or cancel what waits"


def _late(expected: date) -> datetime:
    """When a person is called: the day has ended, wherever that is, and a while has passed."""
    return datetime.combine(expected, time.min, UTC) + timedelta(days=1) + STOCK_IS_LATE_AFTER


async def _wait(parcel: Parcel, expected: date | None) -> None:
    """Until there is news, or it is time to look; meanwhile the authorization is kept from lapsing."""
    look = LOOK_FOR_STOCK
    if expected is not None:
        look = min(look, _late(expected) - workflow.now())
    hold = parcel.until_authorization_is_due
    try:
        await workflow.wait_condition(
            lambda: parcel.stay or parcel.stock_news or parcel.odd is not None,
            timeout=look if hold is None else min(look, hold),
            timeout_summary="Look for its stock",
        )
    except TimeoutError:
        if hold is not None and hold <= look:
            parcel.show(await parcel.watch.act(parcel, workflow.now()))
    else:
        await tell_of_odd_scan(parcel)
