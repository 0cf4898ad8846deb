"""One parcel's way to the door: label, hand-over with the payment captured, delivery; or it stays and is cancelled."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.journal import JournalActivities
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from activities.shipping import CarrierActivities, ShippingActivities
from domain.ids import order_workflow, parcel_call
from domain.journal import BeginCapture
from domain.orders import FlagOrder, ShipmentNews
from domain.parcels import Label
from domain.payments import CaptureDeclined, CaptureFact, KeySpent, PaymentCaptured
from domain.shipments import (
    CloseShipment,
    HandOver,
    HandoverAnswer,
    RecordCaptureFailure,
    RecordHandover,
    RecordLabel,
    ShipmentInput,
    ShipmentOutcome,
    TrackingNews,
)
from domain.states import ShipmentState
from domain.tracking import EXCEPTIONS, POSSESSION, TrackingStatus
from workflows import attributes
from workflows.desk import LOOK_AGAIN, until_known
from workflows.display import Story
from workflows.money_back import renew
from workflows.policies import WHILE_SHOPPER_WAITS, in_database, outside
from workflows.reauthorization import AuthorizationWatch, reauthorize

_ENDS = {
    TrackingStatus.DELIVERED: ShipmentState.DELIVERED,
    TrackingStatus.RETURN_TO_SENDER: ShipmentState.RETURNED_TO_SENDER,
    TrackingStatus.RETURNED: ShipmentState.RETURNED_TO_SENDER,
    TrackingStatus.LOST: ShipmentState.LOST,
}


@workflow.defn(name="Shipment")
class ShipmentWorkflow:
    """One parcel, `shipment/{tenant}/{shipment id}`. It captures the payment as it leaves."""

    @workflow.init
    def __init__(self, shipment: ShipmentInput) -> None:
        self._in = shipment
        self._state = ShipmentState.PENDING
        self._stay = False
        self._leaving = False
        self._amount: int | None = None
        self._left = False
        self._captured = shipment.captured
        self._retry = False
        self._stuck = False
        self._attention: str | None = None
        self._refused: CaptureDeclined | None = None
        self._seen: set[str] = set()
        self._end: TrackingNews | None = None
        self._odd: TrackingStatus | None = None
        self._watch = AuthorizationWatch(
            shipment.tenant, shipment.payment_id, shipment.intent_id, shipment.capture_before
        )
        self._story = Story(f"Parcel of order {shipment.order_number}")
        self._show("Planned")

    @workflow.run
    async def run(self, shipment: ShipmentInput) -> ShipmentOutcome:
        """Label → hand-over and capture → delivery; or it stays."""
        label = await self._buy_label()
        while self._state is not ShipmentState.CANCELLED:
            if not await self._something_to_do():
                self._show(await self._watch.act(self, workflow.now()))
            elif self._stay:
                await self._give_label_back(label)
            elif self._leaving:
                await self._hand_over()
                if not self._stay:
                    await self._follow()
                    break
            else:
                await self._tell_of_odd_scan()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ShipmentOutcome(shipment.shipment_id, self._state, self._captured, self._attention)

    async def _something_to_do(self) -> bool:
        """False when the authorization must be seen to before anything else happens."""
        try:
            await workflow.wait_condition(
                lambda: self._leaving or self._stay or self._odd is not None,
                timeout=self._until_authorization_is_due,
                timeout_summary="The authorization lapses: leave before",
            )
        except TimeoutError:
            return False
        return True

    @property
    def _until_authorization_is_due(self) -> timedelta | None:
        return None if self._captured else self._watch.left(workflow.now())

    async def _buy_label(self) -> Label | None:
        """A label, whatever it takes; None when the parcel is to stay before there is one."""
        parcel = await in_database(ShippingActivities.prepare, self._in, "Address and weight")
        while not self._stay:
            try:
                label = await outside(CarrierActivities.buy_label, parcel, "Buy a label")
            except ActivityError as failed:
                await self.call_person(f"no label could be bought: {failed.cause}")
                while not await self._wait_for_retry(self._until_authorization_is_due):
                    self._show(await self._watch.act(self, workflow.now()))
                continue
            await self.calm()
            await in_database(
                ShippingActivities.record_label,
                RecordLabel(self._in.tenant, self._in.shipment_id, label),
                f"Label {label.tracking_number}",
            )
            workflow.upsert_search_attributes(
                [
                    attributes.STAGE.value_set("ready"),
                    attributes.CARRIER.value_set(label.carrier),
                    attributes.TRACKING_NUMBER.value_set(label.tracking_number),
                ]
            )
            self._state = ShipmentState.LABEL_BOUGHT
            self._show(f"Label {label.tracking_number} bought from {label.carrier}")
            return label
        return None

    async def _hand_over(self) -> None:
        """Capture, and let the parcel go only then; one that left on its own is followed all the same."""
        fact: PaymentCaptured | None = None
        while not self._captured:
            self._refused = None
            outcome = await self._capture()
            if isinstance(outcome, PaymentCaptured):
                fact, self._captured = outcome, True
            elif not await self._try_again_after(outcome):
                return
        await in_database(
            ShippingActivities.record_handover,
            RecordHandover(self._in.tenant, self._in.shipment_id, fact),
            "Parcel left, payment captured",
        )
        self._state = ShipmentState.HANDED_OVER
        self._attention = None
        workflow.upsert_search_attributes(
            [attributes.STAGE.value_set(self._state.value), attributes.NEEDS_ATTENTION.value_set(False)]
        )
        self._show("Handed over, payment captured")
        await self._tell_order()

    async def _try_again_after(self, refused: CaptureDeclined) -> bool:
        """The money could not be taken: a person decides. False when the parcel stays, or its way has ended."""
        await self._record_refusal(refused)
        self._refused = refused
        await self.call_person(f"the payment could not be captured: {refused.refusal.message}")
        while True:
            await workflow.wait_condition(
                lambda: self._retry or self._stay or self._end is not None or self._left_unnoticed
            )
            if self._left_unnoticed:
                await self._record_refusal(refused)
                continue
            again, self._retry = self._retry, False
            if again:
                self._refused = None
                await reauthorize(self, self._in.tenant, self._in.payment_id)
            return again

    async def _record_refusal(self, refused: CaptureDeclined) -> None:
        left = self._left
        await in_database(
            ShippingActivities.record_capture_failure,
            RecordCaptureFailure(self._in.tenant, self._in.shipment_id, refused.refusal, left),
            "The payment could not be captured",
        )
        if left:
            self._state = ShipmentState.HANDED_OVER

    @property
    def _left_unnoticed(self) -> bool:
        """The carrier has it, and our books say that it is here."""
        return self._left and self._state is ShipmentState.LABEL_BOUGHT

    async def _capture(self) -> PaymentCaptured | CaptureDeclined:
        while True:
            begin = BeginCapture(self._in.tenant, self._in.payment_id, self._in.shipment_id, self._amount)
            asked = await in_database(JournalActivities.begin_capture, begin, "Journal the capture")
            fact: CaptureFact = await until_known(
                self, PaymentActivities.capture, asked, "Capture the payment", "the capture's outcome is not known"
            )
            if not isinstance(fact, KeySpent):
                return fact
            await renew(self._in.tenant, self._in.payment_id, asked.idempotency_key, fact)

    async def _follow(self) -> None:
        """Until the carrier says how it ended; what is odd on the way is brought before a person."""
        while self._end is None:
            await workflow.wait_condition(lambda: self._end is not None or self._odd is not None)
            await self._tell_of_odd_scan()
        end = self._end
        await self._close(_ENDS[end.status], end.description or end.status.replace("_", " "))
        if end.status in EXCEPTIONS:
            await self.call_person(f"the parcel is {end.status.replace('_', ' ')}")

    async def _tell_of_odd_scan(self) -> None:
        odd, self._odd = self._odd, None
        if odd is not None:
            await self.call_person(f"the carrier says {odd.replace('_', ' ')}")

    async def _give_label_back(self, label: Label | None) -> None:
        """It stays; unless the carrier has it already: then it is too late, and it is followed like any other."""
        lost: str | None = None
        if label is not None:
            try:
                result = await outside(
                    CarrierActivities.void_label, label, f"Void label {label.tracking_number}", WHILE_SHOPPER_WAITS
                )
            except ActivityError as failed:
                lost = f"label {label.tracking_number} could not be given back, claim it: {failed.cause}"
            else:
                if not result.is_void:
                    self._stay, self._leaving, self._left = False, True, True
                    await self._tell_order(cancel_refused=True)
                    return
        await self._close(ShipmentState.CANCELLED, "it stays with us")
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(lost is not None)])
        self._attention = lost
        self._show(lost or "The label is given back")

    async def _close(self, state: ShipmentState, note: str) -> None:
        await in_database(
            ShippingActivities.close,
            CloseShipment(self._in.tenant, self._in.shipment_id, state, note),
            f"Parcel {state.replace('_', ' ')}",
        )
        self._state = state
        workflow.upsert_search_attributes([attributes.STAGE.value_set(state.value)])
        self._show(f"Ended: {state.replace('_', ' ')}")

    async def _wait_for_retry(self, patience: timedelta | None) -> bool:
        """False when nobody has said anything for so long."""
        self._stuck = True
        try:
            await workflow.wait_condition(
                lambda: self._retry or self._stay, timeout=patience, timeout_summary="Go on without a word"
            )
        except TimeoutError:
            return False
        finally:
            self._retry = self._stuck = False
        return True

    async def wait_for_person(self) -> None:
        """Until somebody says `retry`, or a while has passed."""
        await self._wait_for_retry(LOOK_AGAIN)

    async def calm(self) -> None:
        """It has worked in the end."""
        if self._attention is None:
            return
        self._attention = None
        flag = FlagOrder(self._in.tenant, self._in.order_number, parcel_call(self._in.shipment_id), None)
        await in_database(OrderActivities.flag, flag, "It has worked in the end")
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])
        self._show("It has worked in the end")
        await self._tell_order()

    @workflow.update
    async def hand_over(self, asked: HandOver | None = None) -> HandoverAnswer:
        """The warehouse asks at the dock: may it go? Yes once its payment is captured; else keep it, and why."""
        if asked is not None and (not self._leaving or self._refused is not None):
            self._amount = asked.amount_minor
        self._leaving = True
        await workflow.wait_condition(lambda: self._released or self._refused is not None)
        refusal = self._refused.refusal if self._refused and not self._released else None
        return HandoverAnswer(self._in.shipment_id, released=refusal is None, refusal=refusal)

    @property
    def _released(self) -> bool:
        """Its payment is captured, and that it left is written down."""
        return self._captured and self._state not in (ShipmentState.PENDING, ShipmentState.LABEL_BOUGHT)

    @hand_over.validator
    def _may_hand_over(self, asked: HandOver | None = None) -> None:  # noqa: ARG002  # as the update's
        if self._stay:
            raise ApplicationError("this parcel's order is being cancelled: keep it", type="cancelled")
        if self._state is ShipmentState.PENDING:
            raise ApplicationError("this parcel has no label yet", type="no_label")

    @workflow.update
    async def retry(self) -> None:
        """Support has mended what failed (the label, the capture): try it again."""
        self._retry = True

    @retry.validator
    def _may_retry(self) -> None:
        if not self._stuck and self._refused is None:
            raise ApplicationError("nothing has failed", type="nothing_to_retry")

    @workflow.signal(name="stay")
    async def stay(self) -> None:
        """The order is cancelled: stay, unless it is too late. One whose capture was refused is still here."""
        refused = self._refused is not None and not self._left
        if self._leaving and not refused:
            await self._tell_order(cancel_refused=True)
        else:
            self._stay = True

    @workflow.signal(name="tracking")
    def tracking(self, news: TrackingNews) -> None:
        """A decisive word of the carrier, recorded before it came here. Harmless twice."""
        if news.event_id in self._seen:
            return
        self._seen.add(news.event_id)
        if news.status in POSSESSION:
            self._leaving = self._left = True
        if news.status in _ENDS and self._end is None:
            self._end = news
            self._leaving = self._left = True
        elif news.status in EXCEPTIONS:
            self._odd = news.status
        self._show(f"Carrier: {news.description or news.status}")

    @workflow.signal(name="seen_to")
    def seen_to(self) -> None:
        """A person has seen to the order. What waits for `retry` still waits for it."""
        if self._attention is not None and self._refused is None and self._state is not ShipmentState.PENDING:
            self._attention = None
            workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])
            self._show("Seen to")

    async def call_person(self, reason: str) -> None:
        """Bring it before a person: here, and on the order's page."""
        self._attention = reason
        flag = FlagOrder(self._in.tenant, self._in.order_number, parcel_call(self._in.shipment_id), reason)
        await in_database(OrderActivities.flag, flag, "Call a person")
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        self._show(f"Needs a person: {reason}")
        await self._tell_order()

    async def _tell_order(self, *, cancel_refused: bool = False) -> None:
        news = ShipmentNews(self._in.shipment_id, self._state, self._attention, cancel_refused)
        order = workflow.get_external_workflow_handle(order_workflow(self._in.tenant, self._in.order_number))
        await order.signal("shipment_news", news)

    def _show(self, line: str | None) -> None:
        if line is not None:
            self._story.add(workflow.now(), line)
        acts = ("hand_over",) if self._state is ShipmentState.LABEL_BOUGHT else ()
        if self._attention:
            acts = (*acts, "retry")
        workflow.set_current_details(self._story.render(self._state, attention=self._attention, acts=acts))
