"""One parcel's way to the door: label, hand-over with the payment captured, delivery; or it stays and is cancelled."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.orders import OrderActivities
from domain.checkouts import CancelRequest
from domain.payments import PaymentAuthorized
from domain.shipments import (
    HandOver,
    HandoverAnswer,
    Settled,
    ShipmentInput,
    ShipmentOutcome,
    StockNews,
    TrackingNews,
    WarehouseReport,
)
from domain.states import ShipmentState
from domain.support import PARCEL_ACTS, Trouble
from workflows import attributes
from workflows.acting import refuse_act, refuse_unsigned
from workflows.deadlines import see_to_what_is_due, until_something_is_due
from workflows.following import ENDS, follow, hear, settle, tell_of_odd_scan
from workflows.handing_over import hand_over, take_what_is_due
from workflows.labelling import buy_label, give_label_back
from workflows.parcel import Parcel
from workflows.policies import in_database
from workflows.waiting import refuse_waiting, wait_for_stock
from workflows.warehouse import refuse_report, report


@workflow.defn(name="Shipment")
class ShipmentWorkflow:
    """One parcel, `shipment/{tenant}/{shipment id}`. It captures the payment as it leaves."""

    @workflow.init
    def __init__(self, shipment: ShipmentInput) -> None:
        self._parcel = Parcel(shipment)
        self._parcel.show("Planned")

    @workflow.run
    async def run(self, shipment: ShipmentInput) -> ShipmentOutcome:
        """Its pieces are there → label → hand-over and capture → delivery; or it stays."""
        parcel = self._parcel
        if shipment.waits_for_stock:
            await wait_for_stock(parcel)
        await buy_label(parcel)
        while parcel.state is not ShipmentState.CANCELLED:
            if not await self._something_to_do():
                await see_to_what_is_due(parcel)
            elif parcel.stay:
                await give_label_back(parcel)
            elif parcel.leaving:
                await hand_over(parcel)
                if not parcel.stay:
                    await follow(parcel)
                    await take_what_is_due(parcel)
                    break
            else:
                await tell_of_odd_scan(parcel)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ShipmentOutcome(shipment.shipment_id, parcel.state, parcel.captured, parcel.attention)

    async def _something_to_do(self) -> bool:
        """False when something is due before anything happens."""
        parcel = self._parcel
        try:
            await parcel.wait(
                lambda: parcel.leaving or parcel.stay or parcel.odd is not None or parcel.look,
                until_something_is_due(parcel),
                "It must leave by then, or what is held for it lapses",
            )
        except TimeoutError:
            return False
        parcel.look = False
        return True

    @workflow.update
    async def hand_over(self, asked: HandOver | None = None) -> HandoverAnswer:
        """The warehouse asks at the dock: may it go? Yes once its payment is captured; else keep it, and why."""
        parcel = self._parcel
        if parcel.state is ShipmentState.PENDING:
            await workflow.wait_condition(lambda: parcel.state is not ShipmentState.PENDING or parcel.stay)
            self._refuse_staying()
        if asked is not None and (not parcel.leaving or parcel.refused is not None):
            parcel.amount = asked.amount_minor
        parcel.leaving = True
        await workflow.wait_condition(lambda: parcel.released or parcel.refused is not None)
        refusal = parcel.refused.refusal if parcel.refused and not parcel.released else None
        return HandoverAnswer(parcel.input.shipment_id, released=refusal is None, refusal=refusal)

    @hand_over.validator
    def _may_hand_over(self, asked: HandOver | None = None) -> None:
        self._refuse_staying()
        refuse_waiting(self._parcel)
        if self._parcel.state is ShipmentState.PENDING and not (asked is not None and asked.labelled):
            raise ApplicationError("this parcel has no label yet", type="no_label")
        self._refuse_held()

    def _refuse_staying(self) -> None:
        if self._parcel.stay:
            raise ApplicationError("this parcel's order is being cancelled: keep it", type="cancelled")

    def _refuse_held(self) -> None:
        """It may not leave, nor its money be taken; one that has left is told so as before."""
        parcel = self._parcel
        if parcel.held is not None and not parcel.left and (not parcel.leaving or parcel.refused is not None):
            raise ApplicationError(f"this parcel's order is held: {parcel.held}", type="held")

    @workflow.update
    async def retry(self, request: CancelRequest | None = None) -> None:
        """Support has mended what failed (the label, the capture): try it again."""
        if request is not None:
            line = self._parcel.line("shipment.retried", f"Tried again by {request.actor}: {request.reason}")
            self._parcel.show(line.message)
            await in_database(OrderActivities.note, line, "Write it into the timeline")
        self._parcel.retry = True

    @retry.validator
    def _may_retry(self, request: CancelRequest | None = None) -> None:
        if request is not None:
            refuse_unsigned(request.actor, request.reason)
        refuse_act(PARCEL_ACTS, "retry", self._parcel.facts)

    @workflow.update
    async def settle(self, how: Settled) -> None:
        """A person says how a parcel ended of which its carrier says nothing more."""
        settle(self._parcel, how)

    @settle.validator
    def _may_settle(self, how: Settled) -> None:
        refuse_act(PARCEL_ACTS, "settle", self._parcel.facts)
        if how.state not in ENDS:
            raise ApplicationError(f"a parcel ends as one of {', '.join(sorted(ENDS))}", type="no_end")
        if not how.actor.strip() or not how.reason.strip():
            raise ApplicationError("say who you are and why", type="no_reason")

    @workflow.signal(name="stay")
    async def stay(self) -> None:
        """The order is cancelled: stay, unless it is too late. One whose capture was refused is still here."""
        parcel = self._parcel
        refused = parcel.refused is not None and not parcel.left
        if parcel.leaving and not refused:
            await parcel.tell_order(cancel_refused=True)
        else:
            parcel.stay = True

    @workflow.signal(name="held")
    def held(self, reason: str | None) -> None:
        """Support keeps the order here for this reason; `None`: not any more."""
        if reason != self._parcel.held:
            self._parcel.held = reason
            self._parcel.show(f"Held: {reason}" if reason is not None else "Released")

    @workflow.signal(name="address_changed")
    def address_changed(self) -> None:
        """Its order goes to another address: a label that could not be bought is tried again. Harmless twice."""
        self._parcel.show("The order's address has changed")
        if self._parcel.facts.label_failed:
            self._parcel.retry = True

    @workflow.signal(name="retry_payment")
    def retry_payment(self) -> None:
        """Support has the refused capture tried again. Harmless when nothing is refused."""
        if self._parcel.refused is not None:
            self._parcel.retry = True

    @workflow.signal(name="authorized_anew")
    async def authorized_anew(self, authorized: PaymentAuthorized) -> None:
        """The money is held under another intent now, and until then. Harmless twice."""
        parcel = self._parcel
        parcel.watch.renewed(authorized)
        parcel.look = True
        if parcel.trouble is Trouble.AUTHORIZATION:
            await parcel.calm()

    @workflow.signal(name="taken_for_lost")
    def taken_for_lost(self, how: Settled) -> None:
        """It is sent again, or paid back, though its carrier has not said how it ended. Harmless twice."""
        if self._parcel.state is ShipmentState.HANDED_OVER and self._parcel.end is None:
            settle(self._parcel, how)

    @workflow.update
    async def report(self, asked: WarehouseReport) -> None:
        """The warehouse has picked its pieces, or packed them. Said twice it is once."""
        await report(self._parcel, asked)

    @report.validator
    def _may_report(self, asked: WarehouseReport) -> None:  # noqa: ARG002  # as the update's
        refuse_report(self._parcel)

    @workflow.signal(name="contents_changed")
    def contents_changed(self, line: str) -> None:
        """Some of its pieces are cancelled: it goes without them, and is packed anew."""
        self._parcel.stage, self._parcel.stock_news = None, True
        self._parcel.show(line)

    @workflow.signal(name="stock_news")
    def stock_news(self, news: StockNews) -> None:  # noqa: ARG002  # there is nothing in it yet
        """Units have come for its order. Harmless twice, late, or when it does not wait."""
        self._parcel.stock_news = True

    @workflow.signal(name="tracking")
    def tracking(self, news: TrackingNews) -> None:
        """A decisive word of the carrier, recorded before it came here. Harmless twice."""
        hear(self._parcel, news)

    @workflow.signal(name="seen_to")
    def seen_to(self) -> None:
        """A person has seen to the order. What waits for `retry` still waits for it, unless it has left unpaid: then
        somebody has seen to the money."""
        parcel = self._parcel
        parcel.unpaid_is_seen_to = parcel.unpaid_is_seen_to or (parcel.left and parcel.refused is not None)
        settled = parcel.refused is None and (parcel.waiting or parcel.state is not ShipmentState.PENDING)
        if parcel.attention is not None and settled:
            parcel.attention = parcel.trouble = None
            workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])
            parcel.show("Seen to")
