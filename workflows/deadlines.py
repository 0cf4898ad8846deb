"""Until when a parcel may be here: the day it must leave, and the end of what is held for it."""

from datetime import timedelta

from temporalio import workflow

from domain.states import ShipmentState
from domain.support import Trouble
from workflows.following import hear
from workflows.parcel import Parcel
from workflows.policies import PACK_WITHIN
from workflows.silence import ask_carrier

SHIP_BY_PASSED = "ship_by_passed"
"""How the reason begins that support reads."""


def until_something_is_due(parcel: Parcel) -> timedelta | None:
    """How long a wait may be before something must be seen to; None: as long as it takes. One timer for all of it."""
    hold = parcel.until_authorization_is_due
    if parcel.ship_by is None:
        return hold
    left = max(parcel.ship_by - workflow.now(), timedelta(0))
    return left if hold is None else min(left, hold)


async def see_to_what_is_due(parcel: Parcel) -> None:
    """The day is over: a person is called, once. Or the hold is renewed; where it cannot be, a person is called.

    Before either the carrier is asked: a parcel that has left, all of whose scans were lost, is looked for in vain.
    """
    if parcel.asks_whether_it_left and parcel.state is ShipmentState.LABEL_BOUGHT:
        for news in (await ask_carrier(parcel)).news:
            hear(parcel, news)
        if parcel.leaving or parcel.stay:
            return
    now = workflow.now()
    if parcel.ship_by is None or parcel.ship_by > now:
        parcel.show(await parcel.watch.act(parcel, now))
        return
    by, parcel.ship_by = parcel.ship_by, None
    held = f", and is held: {parcel.held}" if parcel.held is not None else ""
    late = f"{SHIP_BY_PASSED}: it was to leave by {by:%d %b %H:%M} UTC and is here{held}"
    told = f"{parcel.attention}; {late}" if parcel.attention else late
    await parcel.call_person(told, parcel.trouble or Trouble.LATE)


def give_time_to_pack(parcel: Parcel) -> None:
    """Its pieces have come, perhaps after the day on which it was to leave."""
    if parcel.ship_by is not None:
        parcel.ship_by = max(parcel.ship_by, workflow.now() + PACK_WITHIN)
