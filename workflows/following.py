"""A parcel on its way: what the carrier says of it, until it says how it ended."""

from temporalio import workflow

from domain.shipments import Settled, TrackingNews
from domain.states import ShipmentState
from domain.support import Trouble
from domain.tracking import EXCEPTIONS, POSSESSION, TrackingStatus
from workflows.parcel import Parcel
from workflows.silence import SilenceWatch

_ENDS = {
    TrackingStatus.DELIVERED: ShipmentState.DELIVERED,
    TrackingStatus.RETURN_TO_SENDER: ShipmentState.RETURNED_TO_SENDER,
    TrackingStatus.RETURNED: ShipmentState.RETURNED_TO_SENDER,
    TrackingStatus.LOST: ShipmentState.LOST,
}


ENDS = frozenset(_ENDS.values())
"""How a parcel that has left can end."""


def hear(parcel: Parcel, news: TrackingNews) -> None:
    """A decisive word of the carrier. Harmless twice."""
    if not parcel.is_new(news.event_id):
        return
    if parcel.waiting:  # it has no label and is not paid for: a person looks what the carrier has there
        parcel.odd = news.status
        return
    parcel.heard = True
    if news.status in POSSESSION:
        parcel.leaving = parcel.left = True
    if news.status is TrackingStatus.LOST and not parcel.leaving:  # they say so of what they never had: take no money
        parcel.odd = news.status
    elif news.status in _ENDS and parcel.end is None:
        parcel.end = news
        parcel.leaving = parcel.left = True
    elif news.status in EXCEPTIONS:
        parcel.odd = news.status
    parcel.show(f"Carrier: {news.description or news.status}")


async def follow(parcel: Parcel) -> None:
    """Until the carrier says how it ended; what is odd on the way, and silence, is brought before a person."""
    watch = SilenceWatch(parcel, workflow.now())
    while parcel.end is None:
        if await watch.wait():
            if _is_odd(parcel):
                await tell_of_odd_scan(parcel)
        else:
            for news in await watch.ask(workflow.now()):
                hear(parcel, news)
    await watch.end()
    end = parcel.end
    await parcel.close(_ENDS[end.status], end.description or end.status.replace("_", " "))
    if end.status in EXCEPTIONS and not parcel.is_due_after_its_end:
        await parcel.call_person(parcel.ended, Trouble.ENDED)


def _is_odd(parcel: Parcel) -> bool:
    """Whether there is something odd to tell; of a parcel that has arrived meanwhile nobody need hear it."""
    return parcel.odd is not None and (parcel.end is None or not workflow.patched("over-is-not-odd"))


def settle(parcel: Parcel, how: Settled) -> None:
    """A person says how it ended, where its carrier says nothing, or nothing more."""
    status = next(status for status, state in _ENDS.items() if state is how.state)
    at = workflow.now().isoformat()
    parcel.end = TrackingNews(f"settled/{at}", status, at, f"{how.actor} says so: {how.reason}")


async def tell_of_odd_scan(parcel: Parcel) -> None:
    """What the carrier says that needs a person, if there is anything."""
    odd, parcel.odd = parcel.odd, None
    if odd is not None:
        await parcel.call_person(f"the carrier says {odd.replace('_', ' ')}", Trouble.EXCEPTION)
