"""Nothing is heard of a parcel that has left: its carrier is asked, and in the end a person is called."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.carriers import CarrierActivities, TrackingActivities
from domain.shipments import LastWord, RecordSilence, TrackingNews, TrackParcel
from domain.support import Trouble
from workflows.parcel import Parcel
from workflows.policies import WHILE_SHOPPER_WAITS, in_database, outside

_MOST_ASKS = 8


async def ask_carrier(parcel: Parcel) -> LastWord:
    """What its carrier says of a parcel with a label, written down; that it does not answer is silence as well."""
    assert parcel.label is not None  # noqa: S101  # as it says
    parcel.asked += 1
    asked = TrackParcel(parcel.input.tenant, parcel.input.shipment_id, parcel.label, parcel.asked)
    name = f"Ask {parcel.label.carrier} where {parcel.label.tracking_number} is"
    try:
        said = await outside(CarrierActivities.track, asked, name, WHILE_SHOPPER_WAITS)
    except ActivityError:
        return LastWord(None)
    return await in_database(TrackingActivities.record_said, said, "Record what the carrier said")


class SilenceWatch:
    """How long a carrier has said nothing of a parcel. Most scans are not signalled, so the tables are asked first.

    Once a person has been called, the carrier is asked after twice as long each time, and after `_MOST_ASKS` times no
    more by itself: a parcel that is never heard of again costs its history a few lines.
    """

    def __init__(self, parcel: Parcel, left_at: datetime) -> None:
        self._parcel = parcel
        self._ask_after = timedelta(seconds=parcel.silence.ask_after_seconds)
        self._call_after = timedelta(seconds=parcel.silence.call_after_seconds)
        self._since = left_at
        self._look_at: datetime | None = left_at + self._ask_after
        self._pause = self._ask_after
        self._called = False
        self._asks_left = _MOST_ASKS

    async def wait(self) -> bool:
        """False when it is time to ask: it has been silent for so long, or a person wants to know."""
        parcel = self._parcel
        parcel.stuck = self._called
        try:
            await parcel.wait(
                lambda: (
                    parcel.end is not None or parcel.odd is not None or parcel.retry or (self._called and parcel.heard)
                ),
                None if self._look_at is None else max(self._look_at - workflow.now(), timedelta(0)),
                "Nothing heard of it: ask the carrier",
            )
        except TimeoutError:
            return False
        finally:
            parcel.stuck = False
        if self._called and parcel.heard:
            await self._heard_again(workflow.now())
        if parcel.end is None and parcel.odd is None and parcel.retry:
            parcel.retry = False
            return False
        return True

    async def ask(self, now: datetime) -> tuple[TrackingNews, ...]:
        """Look whether anything came; if not, ask the carrier; if it says nothing either, call a person.

        Answers with what the carrier said that decides something.
        """
        parcel = self._parcel
        came = await in_database(TrackingActivities.last_word, parcel.input, "Has anything been heard of it?")
        if self._heard_lately(came, now):
            await self._heard_again(self._since)
            return ()
        said = await ask_carrier(self._parcel)
        if said.new:
            await self._heard_again(now)
            return said.news
        quiet = now - self._since
        if quiet < self._call_after:
            self._look_at = min(now + self._ask_after, self._since + self._call_after)
        else:
            await self._call(quiet)
            self._look_at = now + self._pause if self._asks_left > 0 else None
            self._pause, self._asks_left = self._pause * 2, self._asks_left - 1
        return said.news

    async def end(self) -> None:
        """It is known how it ended: nobody need wonder any more."""
        await self._heard_again(workflow.now())

    def _heard_lately(self, word: LastWord, now: datetime) -> bool:
        """Whether a webhook has brought something lately."""
        if word.at is not None and word.at > self._since:
            self._since = min(word.at, now)
        return now - self._since < self._ask_after

    async def _call(self, quiet: timedelta) -> None:
        if not self._called:
            self._called, self._parcel.heard = True, False
            await self._record(silent=True)
            await self._parcel.call_person(
                f"nothing has been heard of the parcel for {quiet // timedelta(hours=1)} hours: ask the carrier;"
                " `retry` asks it again, `settle` says how it ended",
                Trouble.SILENCE,
            )

    async def _heard_again(self, at: datetime) -> None:
        self._since, self._look_at = at, at + self._ask_after
        self._pause, self._asks_left = self._ask_after, _MOST_ASKS
        if self._called:
            self._called = False
            await self._record(silent=False)
            await self._parcel.calm()

    async def _record(self, *, silent: bool) -> None:
        asked = RecordSilence(self._parcel.input.tenant, self._parcel.input.shipment_id, silent)
        await in_database(TrackingActivities.record_silence, asked, "Silent" if silent else "Heard of again")
