"""What a parcel's steps share: where it is, what it has been told, and how it calls a person and tells its order."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.orders import OrderActivities
from activities.shipping import ShippingActivities
from domain.carriage import Silence
from domain.ids import order_workflow, parcel_call
from domain.orders import FlagOrder, NoteOrder, ShipmentNews
from domain.parcels import Label
from domain.payments import CaptureDeclined
from domain.shipments import Booking, CloseShipment, ShipmentInput, TrackingNews, WarehouseStage
from domain.states import ShipmentState
from domain.support import HERE, PARCEL_ACTS, ParcelFacts, Trouble, possible
from domain.tracking import TrackingStatus
from workflows import attributes
from workflows.alarm import Alarm
from workflows.desk import LOOK_AGAIN
from workflows.display import Story
from workflows.policies import in_database
from workflows.reauthorization import AuthorizationWatch

_UNTIL_PREPARED = Silence(48 * 3600, 96 * 3600)
"""Replaced when the parcel is prepared, before it can leave."""


WAITING = "waiting_for_stock"
"""The stage of a parcel whose pieces are not there yet."""


class Parcel:
    """One parcel as its workflow remembers it. It is the desk before which its steps bring what needs a person."""

    def __init__(self, shipment: ShipmentInput) -> None:
        self.input = shipment
        self.by_steps = shipment.process < 2
        """It began when each step was an activity of its own."""
        self.asks_whether_it_left = shipment.process >= 3
        """Its carrier is asked before anybody is called because it is here."""
        self.asked = 0
        """How often its carrier was asked where it is."""
        self.state = ShipmentState.PENDING
        self.booking: Booking | None = None
        """What was created at the carrier, so that its label can be bought, or given back."""
        self.label: Label | None = None
        self.silence = _UNTIL_PREPARED
        self.waiting = shipment.waits_for_stock
        """Pieces of it are not there yet."""
        self.stock_news = False
        self.ship_by = shipment.ship_by
        """When a person is to be called because it is still here; None once that has happened."""
        self.stay = False
        """It is to be cancelled."""
        self.held = shipment.held
        """Why support keeps it here."""
        self.leaving = False
        """The dock or a scan says that it goes."""
        self.left = False
        """The carrier has it, whatever our books say."""
        self.amount: int | None = None
        self.captured = shipment.captured
        self.refused: CaptureDeclined | None = None
        self.unpaid_is_seen_to = False
        """It left and its money could not be taken, and a person has seen to that."""
        self.stage: WarehouseStage | None = None
        """What the warehouse has said last."""
        self.retry = False
        self.booked_for = 0
        """Which of the order's addresses it is booked for at the carrier."""
        self.stuck = False
        self.look = False
        """What it waits for may be due at another time now."""
        self.attention: str | None = None
        self.trouble: Trouble | None = None
        """What `attention` is about, as far as acts depend on it."""
        self.odd: TrackingStatus | None = None
        self.end: TrackingNews | None = None
        self.heard = False
        self.watch = AuthorizationWatch(
            shipment.tenant, shipment.payment_id, shipment.intent_id, shipment.capture_before
        )
        self._alarm = None if self.by_steps else Alarm()
        self._acts = 0
        self._seen: set[str] = set()
        self._story = Story(f"Parcel of order {shipment.order_number}")

    @property
    def released(self) -> bool:
        """Its payment is captured, and that it left is written down."""
        return self.captured and self.state not in (ShipmentState.PENDING, ShipmentState.LABEL_BOUGHT)

    @property
    def left_unnoticed(self) -> bool:
        """The carrier has it, and our books say that it is here."""
        return self.left and self.state is ShipmentState.LABEL_BOUGHT

    @property
    def is_due_after_its_end(self) -> bool:
        """Its way ends though its money could not be taken: a person is called for the money, before all else."""
        return not self.captured and self.refused is not None and workflow.patched("paid-after-its-end")

    @property
    def ended(self) -> str:
        """That it has, in words."""
        return f"the parcel is {self.state.replace('_', ' ')}"

    @property
    def until_authorization_is_due(self) -> timedelta | None:
        """How long a wait may be before the hold must be seen to; None: as long as it takes."""
        return None if self.captured else self.watch.left(workflow.now())

    def is_new(self, event_id: str) -> bool:
        """Whether this webhook has not been here before; it has been from now on."""
        known = event_id in self._seen
        self._seen.add(event_id)
        return not known

    async def wait(self, until: Callable[[], bool], patience: timedelta | None, summary: str) -> None:
        """As `workflow.wait_condition`; raises `TimeoutError`. What it waits for on its way shares one timer."""
        if self._alarm is not None:
            await self._alarm.wait(until, patience, summary)
        else:
            await workflow.wait_condition(until, timeout=patience, timeout_summary=summary)

    async def close(self, state: ShipmentState, note: str) -> None:
        """Its way has ended."""
        await in_database(
            ShippingActivities.close,
            CloseShipment(self.input.tenant, self.input.shipment_id, state, note),
            f"Parcel {state.replace('_', ' ')}",
        )
        self.state = state
        if self.by_steps or state is not ShipmentState.DELIVERED:  # one that left and is over has arrived
            workflow.upsert_search_attributes([attributes.STAGE.value_set(state.value)])
        self.show(f"Ended: {state.replace('_', ' ')}")

    async def wait_for_retry(self, patience: timedelta | None) -> bool:
        """False when nobody has said anything for so long."""
        self.stuck = True
        try:
            await workflow.wait_condition(
                lambda: self.retry or self.stay, timeout=patience, timeout_summary="Go on without a word"
            )
        except TimeoutError:
            return False
        finally:
            self.retry = self.stuck = False
        return True

    async def wait_for_person(self) -> None:
        """Until somebody says `retry`, or a while has passed."""
        await self.wait_for_retry(LOOK_AGAIN)

    @property
    def facts(self) -> ParcelFacts:
        """What its acts depend on."""
        return ParcelFacts(
            self.input.shipment_id,
            self.state,
            self.trouble,
            waits=self.waiting,
            held=self.held,
            left=self.left,
            settled=self.end is not None,
        )

    async def call_person(self, reason: str, trouble: Trouble = Trouble.UNKNOWN) -> None:
        """Bring it before a person: here, and on the order's page."""
        self.attention, self.trouble = reason, trouble
        await in_database(OrderActivities.flag, self._flag(reason), "Call a person")
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        self.show(f"Needs a person: {reason}")
        await self.tell_order()

    async def calm(self, line: str = "It has worked in the end") -> None:
        """Nobody is needed any more."""
        if self.attention is None:
            return
        self.attention = self.trouble = None
        await in_database(OrderActivities.flag, self._flag(None), line)
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])
        self.show(line)
        await self.tell_order()

    def line(self, kind: str, message: str) -> NoteOrder:
        """A line of the order's timeline for one act more on this parcel."""
        self._acts += 1
        mine = self.input
        return NoteOrder(mine.tenant, mine.order_number, kind, message, self._acts, mine.shipment_id)

    def _flag(self, reason: str | None) -> FlagOrder:
        mine = self.input.shipment_id
        return FlagOrder(self.input.tenant, self.input.order_number, parcel_call(mine), reason, mine, self.trouble)

    async def tell_order(self, *, cancel_refused: bool = False) -> None:
        """Where it is, and whether it needs a person."""
        news = ShipmentNews(self.input.shipment_id, self.state, self.attention, cancel_refused, self.trouble,
            self.waiting, self.left,
        )  # fmt: skip
        order = workflow.get_external_workflow_handle(order_workflow(self.input.tenant, self.input.order_number))
        with suppress(ApplicationError):  # its order may have ended: what is sent beside it outlives it
            await order.signal("shipment_news", news)

    def show(self, line: str | None) -> None:
        """One line more on the page that support reads."""
        if line is not None:
            self._story.add(workflow.now(), line)
        here = self.state in HERE
        acts = ("report", "hand_over") if self.state is ShipmentState.LABEL_BOUGHT else ("report",) if here else ()
        acts = (*(() if self.waiting else acts), *possible(PARCEL_ACTS, self.facts))
        stage = WAITING if self.waiting else f"{self.state}, {self.stage}" if here and self.stage else self.state
        workflow.set_current_details(self._story.render(stage, attention=self.attention, acts=acts))
