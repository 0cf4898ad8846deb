"""What an order's acts share: its parcels, its state, who calls a person for it, and the page that support reads."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.workflow import ChildWorkflowHandle

from activities.orders import OrderActivities
from domain.checkouts import CancelRequest, PlannedParcel
from domain.ids import ORDER_CALL, wait_call
from domain.orders import FlagOrder, NoteOrder, OrderInput, ShipmentNews
from domain.payments import PaymentNews
from domain.shipments import ShipmentOutcome
from domain.states import OrderState, ShipmentState
from domain.support import ORDER_ACTS, OrderFacts, ParcelFacts, Trouble, possible
from workflows import attributes
from workflows.desk import LOOK_AGAIN
from workflows.display import Story, order_summary
from workflows.policies import in_database
from workflows.shipment import ShipmentWorkflow

Handle = ChildWorkflowHandle[ShipmentWorkflow, ShipmentOutcome]


class OrderPage:
    """One order as its workflow remembers it. It is the desk before which its steps bring what needs a person."""

    def __init__(self, order: OrderInput) -> None:
        self.input = order
        self.state = OrderState.PLACED
        self.parcels: dict[str, Handle] = {}
        """Parcel → its workflow, first planned first."""
        self.gone: set[str] = set()
        """Parcels that have left."""
        self.too_late: set[str] = set()
        """Parcels that said so to the last cancellation."""
        self.cancels: list[CancelRequest] = []
        """What is being cancelled at this moment, oldest first."""
        self.captured = order.captured
        self.news: PaymentNews | None = None
        self.seen_to = False
        self.held: str | None = None
        """Why nothing that is here may leave."""
        self.ended = False
        self.planned = list(order.parcels)
        """Each parcel that there is, those that go in place of others too."""
        self.resolved: set[str] = set()
        """Parcels that were sent again, or paid back."""
        self.resolving = 0
        """So many are being decided on at this moment."""
        self.waits: dict[str, datetime] = {}
        """Parcel → until when it is waited for."""
        self.tasks: list[asyncio.Task[None]] = []
        self.lapsed = False
        """Nothing is held for it any more, and nothing was taken."""
        self.heard: dict[str, ShipmentNews] = {}
        """Parcel → what it said last."""
        self._notes = 0
        self.calls: dict[str, str] = {}
        self._story = Story(
            order_summary(order.order_number, order.total_minor, order.currency, order.items, order.city)
        )

    @property
    def all_sent(self) -> bool:
        """Each parcel's workflow has begun."""
        return len(self.parcels) == len(self.planned)

    def under_way(self) -> bool:
        """A parcel has not ended, or is waited for."""
        return not self.all_sent or bool(self.waits) or not all(one.done() for one in self.parcels.values())

    @property
    def here(self) -> list[str]:
        """Parcels that have not left, as far as is known."""
        return [key for key, one in self.parcels.items() if key not in self.gone and not one.done()]

    @property
    def facts(self) -> OrderFacts:
        """What its acts depend on."""
        return OrderFacts(
            self.input.order_number,
            self.state,
            here=not self.all_sent or bool(self.here),
            calls=bool(self.calls),
            held=self.held,
            cancelling=bool(self.cancels),
            ended=self.ended,
            lapsed=self.lapsed,
            parcels=tuple(self._parcel_facts(one) for one in self.planned),
        )

    def _parcel_facts(self, planned: PlannedParcel) -> ParcelFacts:
        """As far as a parcel has told: it says nothing while all goes well."""
        mine = planned.shipment_id
        news = self.heard.get(mine) or ShipmentNews(mine, ShipmentState.PENDING, waits=planned.waits_for_stock)
        child = self.parcels.get(mine)
        state = child.result().state if child is not None and child.done() else news.state
        trouble = news.trouble or (Trouble.EXCEPTION if wait_call(mine) in self.calls else None)
        resolved = mine in self.resolved
        return ParcelFacts(mine, state, trouble, news.waits, self.held, left=news.left, resolved=resolved)

    def quiet(self, shipment: str) -> ShipmentNews:
        """What a parcel said last, without what it called a person for."""
        last = self.heard.get(shipment) or ShipmentNews(shipment, ShipmentState.PENDING)
        return replace(last, attention=None, trouble=None)

    async def until_all_sent(self) -> None:
        """Until there is a workflow of each parcel to talk to."""
        await workflow.wait_condition(lambda: self.all_sent)

    def line(self, kind: str, message: str) -> NoteOrder:
        """A line of the timeline for one act more of this order."""
        self._notes += 1
        return NoteOrder(self.input.tenant, self.input.order_number, kind, message, self._notes)

    @property
    def attention(self) -> str | None:
        """Why a person is needed, whoever calls."""
        return "; ".join(self.calls[source] for source in sorted(self.calls)) or None

    async def call_person(self, reason: str) -> None:
        """Bring it before a person: in the table, in the list of the UI, and in its details."""
        await self.call(ORDER_CALL, reason)

    async def call(self, source: str, reason: str) -> None:
        """The same, of something beside the order itself."""
        self.note_call(source, reason)
        await self._flag(source, reason, "Call a person")
        self.show(f"Needs a person: {reason}")

    async def tell(self, shipment: str, signal: Callable[..., Any], *said: object) -> None:
        """Signal a parcel. One that has ended meanwhile hears nothing."""
        with suppress(ApplicationError):
            await self.parcels[shipment].signal(signal, args=said)

    async def call_off(self, source: str) -> None:
        """Nobody is needed for that any more."""
        self.take_back(source)
        await self._flag(source, None, "Nobody is needed any more")

    async def wait_for_person(self) -> None:
        """Until somebody has seen to it, or a while has passed."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.attention is None, timeout=LOOK_AGAIN, timeout_summary="Try again by itself"
            )

    async def calm(self) -> None:
        """It has worked in the end."""
        if ORDER_CALL not in self.calls:
            return
        self.take_back(ORDER_CALL)
        await self._flag(ORDER_CALL, None, "It has worked in the end")
        self.show("It has worked in the end")

    async def acknowledge(self, request: CancelRequest) -> None:
        """A person has seen to all that needed one."""
        self.seen_to = True
        self.take_back(*self.calls)
        line = f"Seen to by {request.actor}: {request.reason}"
        seen = FlagOrder(self.input.tenant, self.input.order_number, None, None, line=line)
        await in_database(OrderActivities.flag, seen, "A person has seen to it")
        self.show(line)
        for shipment, parcel in self.parcels.items():
            if not parcel.done():
                await self.tell(shipment, ShipmentWorkflow.seen_to)

    async def _flag(self, source: str | None, reason: str | None, summary: str) -> None:
        flag = FlagOrder(self.input.tenant, self.input.order_number, source, reason)
        await in_database(OrderActivities.flag, flag, summary)

    def note_call(self, source: str, reason: str | None) -> None:
        """Somebody calls a person for this order, or takes their call back. What is known is told to nobody."""
        if reason == self.calls.get(source):
            return
        if reason is None:
            self.take_back(source)
            return
        if not self.calls:
            workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        self.calls[source], self.seen_to = reason, False

    def take_back(self, *sources: str) -> None:
        """These calls are answered."""
        called = bool(self.calls)
        for source in sources:
            self.calls.pop(source, None)
        if called and not self.calls:
            workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])

    def move(self, state: OrderState, line: str) -> None:
        """It is in this state from now on; support's list says so too."""
        self.state = state
        workflow.upsert_search_attributes([attributes.STAGE.value_set(state.value)])
        self.show(line)

    def show(self, line: str) -> None:
        """One line more on the page that support reads."""
        self._story.add(workflow.now(), line)
        acts = possible(ORDER_ACTS, self.facts)
        workflow.set_current_details(self._story.render(self.state, attention=self.attention, acts=acts))
