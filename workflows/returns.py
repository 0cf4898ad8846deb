"""A return: asked for, approved by policy or a person, sent, received, inspected; paid back exactly, or exchanged."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.orders import OrderActivities
from activities.returns import ReturnActivities
from domain.ids import order_workflow, return_call
from domain.journal import BeginRefund
from domain.money import Money
from domain.orders import FlagOrder, OrderCall
from domain.payments import RefundMade
from domain.returns import (
    InspectReturn,
    MoveReturn,
    ReturnAct,
    ReturnAnswer,
    ReturnInput,
    ReturnSettled,
    SettleReturn,
    Unaccepted,
    approves,
    misfit,
)
from domain.shipments import Booking, TrackingNews
from domain.states import RETURN_MOVES, ReturnState, ShipmentState, is_terminal
from domain.tracking import EXCEPTIONS, POSSESSION, TrackingStatus
from workflows import attributes
from workflows.another_parcel import Handle, ended, send
from workflows.desk import LOOK_AGAIN
from workflows.display import Story
from workflows.money_back import refund
from workflows.orders_page import tell_order, tell_return_ended
from workflows.policies import in_database
from workflows.return_label import buy_return_label, give_return_label_back

_S = ReturnState
_ACTS: dict[ReturnState, tuple[str, ...]] = {
    _S.REQUESTED: ("approve", "reject", "cancel"),
    _S.APPROVED: ("receive", "cancel"),
    _S.LABEL_SENT: ("receive", "cancel"),
    _S.IN_TRANSIT: ("receive", "cancel"),
    _S.RECEIVED: ("inspect",),
}
"""What a person may do to a return, by where it is."""

ENDS_UNPAID = (_S.REJECTED, _S.CANCELLED, _S.EXPIRED)


@workflow.defn(name="Return")
class ReturnWorkflow:
    """One return, `return/{tenant}/{return id}`. It is the desk before which its steps bring what needs a person."""

    @workflow.init
    def __init__(self, asked: ReturnInput) -> None:
        self.input = asked
        self.state: ReturnState | None = None
        self.booking: Booking | None = None
        self.attention: str | None = None
        self._answer: ReturnAnswer | None = None
        self._act: ReturnAct | None = None
        self._inspection: InspectReturn | None = None
        self._wanted: list[ReturnAct] = []
        self._seen: set[str] = set()
        self._picked_up: str | None = None
        self._odd: str | None = None
        self._story = Story(f"Return of order {asked.order_number}")

    @workflow.run
    async def run(self, asked: ReturnInput) -> ReturnAnswer:
        """Ask → approve → label → receive → inspect → pay back, or send something else; or end on the way."""
        requested = await in_database(ReturnActivities.request, asked, "May it come back?")
        if requested.refusal is not None:
            self._answer = ReturnAnswer(asked.return_id, asked.fingerprint, None, requested.refusal)
            self._show(f"Refused: {requested.refusal.message}")
        else:
            self._be(_S.REQUESTED, f"Asked for by {asked.actor}: {asked.note}")
            await self._live(requested.worth_minor)
        await workflow.wait_condition(workflow.all_handlers_finished)
        await tell_return_ended(order_workflow(asked.tenant, asked.order_number))
        if self._answer is None:
            raise ApplicationError("a return has an answer", type="no_answer")
        return self._answer

    async def _live(self, worth_minor: int) -> None:
        await self._decide(worth_minor)
        if self.state is _S.APPROVED:
            await self._come_back()
        if self.state is _S.RECEIVED:
            await self._look_at_it()
            await self._pay_back()

    async def _decide(self, worth_minor: int) -> None:
        """The policy says yes, or a person says what they think."""
        policy, asked = self.input.policy, self.input
        due = policy.send_within_seconds
        if approves(policy, worth_minor, {one.reason for one in asked.lines}):
            await self.move(_S.APPROVED, "Milepost", "approved by policy", due)
            return
        await self.call_person(f"a return worth {Money(worth_minor, asked.currency)} is to be approved or rejected")
        act = await self._next_act()
        await self.move(act.state or _S.CANCELLED, act.actor, act.reason, due if act.state is _S.APPROVED else None)
        await self.calm()

    async def _come_back(self) -> None:
        """The label goes out, and the parcel comes: until then it may expire or be given up."""
        await buy_return_label(self, lambda: bool(self._wanted))
        ends_at = workflow.now() + timedelta(seconds=self.input.policy.send_within_seconds)
        while self.state in (_S.APPROVED, _S.LABEL_SENT, _S.IN_TRANSIT):
            if self._picked_up is not None and self.state is _S.LABEL_SENT:
                await self.move(_S.IN_TRANSIT, "the carrier", self._picked_up)
            elif self._odd is not None:
                reason, self._odd = self._odd, None
                await self.call_person(reason)
            elif self._wanted:
                await self._carry_out(await self._next_act())
            elif not await self._something_happens(None if self.state is _S.IN_TRANSIT else ends_at - workflow.now()):
                await self.move(_S.EXPIRED, "Milepost", "nothing was sent in time")
        if self.state in (_S.EXPIRED, _S.CANCELLED):
            await give_return_label_back(self)
        await self.calm()

    async def _something_happens(self, within: timedelta | None) -> bool:
        """False: the time is up."""
        try:
            await workflow.wait_condition(
                lambda: bool(self._wanted) or self._odd is not None or self._is_leaving,
                timeout=None if within is None else max(within, timedelta()),
                timeout_summary="It must be sent by then",
            )
        except TimeoutError:
            return False
        return True

    @property
    def _is_leaving(self) -> bool:
        return self._picked_up is not None and self.state is _S.LABEL_SENT

    async def _carry_out(self, act: ReturnAct) -> None:
        due = self.input.policy.inspect_within_seconds if act.state is _S.RECEIVED else None
        await self.move(act.state or _S.CANCELLED, act.actor, act.reason, due)

    async def _look_at_it(self) -> None:
        """The warehouse inspects it; when it does not, a person is told."""
        patience = timedelta(seconds=self.input.policy.inspect_within_seconds)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._inspection is not None, timeout=patience, timeout_summary="It must be inspected by then"
            )
        if self._inspection is None:
            await self.call_person("a return was received and has not been inspected in time")
            await workflow.wait_condition(lambda: self._inspection is not None)
        if self._inspection is not None:
            await in_database(ReturnActivities.inspect, self._inspection, "Write it down, restock")
            self._be(_S.INSPECTED, f"Inspected by {self._inspection.actor}")
            await self.calm()

    async def _pay_back(self) -> None:
        """Exactly what the accepted pieces are worth, once, whatever it takes: in money, or in what is wanted."""
        asked = self.input
        what = SettleReturn(asked.tenant, asked.return_id, asked.policy)
        settled: ReturnSettled = await in_database(ReturnActivities.settle, what, "What goes back?")
        amount = Money(settled.refund_minor, asked.currency)
        sent = await send(settled.parcel) if settled.parcel else None
        if settled.refund_minor:
            await self._refund(settled)
        if settled.rejected and asked.policy.unaccepted is Unaccepted.SENT_BACK:
            reason = f"{settled.rejected} pieces of a return were not accepted: send them back to the customer"
            await self._flag(reason, "Somebody must send them back")
            self._show(reason)
        if settled.parcel:
            await self.move(_S.EXCHANGED, "Milepost", f"what is wanted instead goes out, {amount} given back")
            await self._see_it_off(sent)
        elif settled.accepted:
            await self.move(_S.REFUNDED, "Milepost", f"{amount} given back")
        else:
            await self.move(_S.REJECTED, "Milepost", "nothing of it was accepted")

    async def _see_it_off(self, sent: Handle | None) -> None:
        """What goes out instead is followed to its end; one that does not arrive is for a person."""
        outcome = await ended(sent) if sent is not None else None
        state = outcome.state if outcome is not None else None
        self._show(f"What went out instead: {(state or 'ended by somebody else').replace('_', ' ')}")
        if state is not None and state is not ShipmentState.DELIVERED:
            await self.call_person(
                f"what went out for a return ended {state.replace('_', ' ')}: send it anew, or refund it"
            )

    async def _refund(self, settled: ReturnSettled) -> None:
        asked = self.input
        begin = BeginRefund(
            asked.tenant, asked.payment_id, settled.refund_id, settled.refund_minor, "returned", "Milepost"
        )
        while not isinstance(fact := await refund(self, begin), RefundMade):
            if fact.refusal.facts.get("refundable") == "0":
                self._show("Nothing is left to be given back: it was refunded without the return")
                break
            await self.call_person(f"a return could not be refunded: {fact.refusal.message}")
            await self.wait_for_person()
        await self.calm()

    async def move(self, state: ReturnState, actor: str, note: str, due_seconds: int | None = None) -> None:
        """Write down where it is, and show it."""
        asked = MoveReturn(self.input.tenant, self.input.return_id, state, actor, note, due_seconds)
        told = await in_database(ReturnActivities.move, asked, f"Return {state.replace('_', ' ')}")
        line = f"{state.replace('_', ' ').capitalize()}, {actor}: {note}"
        self._be(state, f"{line}; {told}" if told else line)

    def be_labelled(self, line: str) -> None:
        """The label is bought and written down."""
        self._be(_S.LABEL_SENT, line)

    def _be(self, state: ReturnState, line: str) -> None:
        self.state = state
        self._answer = ReturnAnswer(self.input.return_id, self.input.fingerprint, state)
        workflow.upsert_search_attributes([attributes.STAGE.value_set(state.value)])
        self._show(line)

    def _show(self, line: str) -> None:
        self._story.add(workflow.now(), line)
        acts = _ACTS.get(self.state, ()) if self.state else ()
        stage = self.state.value if self.state else "refused"
        workflow.set_current_details(self._story.render(stage, attention=self.attention, acts=acts))

    async def _next_act(self) -> ReturnAct:
        await workflow.wait_condition(lambda: bool(self._wanted))
        return self._wanted.pop(0)

    async def call_person(self, reason: str) -> None:
        """Bring it before a person: here, and on the order's row and page."""
        self.attention = reason
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        self._show(f"Needs a person: {reason}")
        await self._flag(reason, "Call a person")

    async def wait_for_person(self) -> None:
        """Until somebody does something, or a while has passed."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: bool(self._wanted), timeout=LOOK_AGAIN, timeout_summary="Try again by itself"
            )

    async def calm(self) -> None:
        """Nobody is needed any more."""
        if self.attention is None:
            return
        self.attention = None
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])
        await self._flag(None, "Nobody is needed any more")
        self._show("Seen to")

    async def _flag(self, reason: str | None, summary: str) -> None:
        asked, source = self.input, return_call(self.input.return_id)
        await in_database(OrderActivities.flag, FlagOrder(asked.tenant, asked.order_number, source, reason), summary)
        await tell_order(order_workflow(asked.tenant, asked.order_number), OrderCall(source, reason))

    @workflow.update
    async def begin(self) -> ReturnAnswer:
        """Begin, and wait until it is refused or written down and, if the policy approves it, approved."""
        await workflow.wait_condition(
            lambda: self._answer is not None and (self.state is not _S.REQUESTED or self.attention is not None)
        )
        if self._answer is None:
            raise ApplicationError("the return has not begun", type="not_begun")
        return self._answer

    @workflow.update
    async def act(self, asked: ReturnAct) -> None:
        """A person moves it on: approved, rejected, received, cancelled. Done when it is written down."""
        self._wanted.append(asked)
        await workflow.wait_condition(
            lambda: asked not in self._wanted and (self.state is asked.state or is_ended(self.state))
        )

    @act.validator
    def _may_act(self, asked: ReturnAct) -> None:
        if not asked.actor.strip() or not asked.reason.strip():
            raise ApplicationError("say who you are and why", type="no_reason")
        if self.state is None or self._wanted or asked.state not in RETURN_MOVES.get(self.state, ()):
            raise ApplicationError(self._no_more(asked.state), type="not_now")
        if asked.state not in (_S.APPROVED, _S.REJECTED, _S.RECEIVED, _S.CANCELLED):
            raise ApplicationError(f"nobody makes a return {asked.state} by hand", type="not_now")

    @workflow.update
    async def inspect(self, asked: InspectReturn) -> None:
        """The warehouse says what each piece turned out to be."""
        self._inspection = asked
        await workflow.wait_condition(lambda: self.state is not _S.RECEIVED)

    @inspect.validator
    def _may_inspect(self, asked: InspectReturn) -> None:
        if self.state is not _S.RECEIVED or self._inspection is not None:
            raise ApplicationError(self._no_more(_S.INSPECTED), type="not_now")
        if why := misfit(self.input.lines, asked.lines):
            raise ApplicationError(why, type="inspection_incomplete")

    def _no_more(self, wanted: ReturnState | None) -> str:
        return f"this return is {(self.state or _S.REJECTED).replace('_', ' ')}: it cannot be {wanted or 'that'} now"

    @workflow.signal(name="tracking")
    def tracking(self, news: TrackingNews) -> None:
        """A word of the carrier. Harmless twice and in any order; who receives it is the warehouse."""
        if news.event_id in self._seen:
            return
        self._seen.add(news.event_id)
        if news.status in POSSESSION and self._picked_up is None:
            self._picked_up = news.description or news.status
        if news.status in EXCEPTIONS - {TrackingStatus.RETURNED}:
            self._odd = f"the parcel of a return is {news.status.replace('_', ' ')}"
        self._show(f"Carrier: {news.description or news.status}")


def is_ended(state: ReturnState | None) -> bool:
    """Nothing follows."""
    return state is not None and is_terminal(RETURN_MOVES, state)
