"""The act `cancel`: all of an order that is still here, or some pieces of it. What was captured for it goes back."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.cancellations import CancellationActivities
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from domain.cancellations import CancelPieces, PiecesCancelled, PlanCancellation, ReleaseRest, TakeOut
from domain.checkouts import CancelRequest
from domain.ids import cancellation_id, cancellation_refund_id
from domain.journal import BeginRefund
from domain.orders import CancelOrder
from domain.payments import KeySpent, RefundMade, VoidFact
from domain.shipments import ShipmentOutcome
from domain.states import OrderState, ShipmentState
from workflows.desk import until_known
from workflows.money_back import give_back, refund, renew
from workflows.order_page import OrderPage
from workflows.policies import in_database, keep_what_is_known
from workflows.shipment import ShipmentWorkflow

SHIPPED = "already_shipped"


async def cancel(page: OrderPage, request: CancelRequest) -> None:
    """Cancel what is asked for and is still here. Raises `already_shipped` when none of it is.

    Parcels that are to stay altogether say for themselves whether they still can: the carrier may have one already.
    """
    page.cancels.append(request)
    try:
        what = ", ".join(f"{one.quantity} x {one.sku}" for one in request.lines) or "all that is here"
        page.show(f"Cancellation of {what} asked for by {request.actor}: {request.reason}")
        await workflow.wait_condition(lambda: page.all_sent)
        page.too_late.clear()
        stop, take = await _plan(page, request)
        stopped = [key for key in stop if await _stays(page, key)]
        if all(one.done() for one in page.parcels.values()) and await _all_stayed(page):
            await workflow.wait_condition(lambda: page.state is OrderState.CANCELLED)
            return
        await _cancel_pieces(page, request, tuple(stopped), take)
    finally:
        page.cancels.remove(request)


async def _plan(page: OrderPage, request: CancelRequest) -> tuple[tuple[str, ...], tuple[TakeOut, ...]]:
    """The parcels that are to stay, and what comes out of others."""
    if not request.lines:
        here = tuple(page.here)
        for key in here:
            await page.parcels[key].signal(ShipmentWorkflow.stay)
        return here, ()
    asked = PlanCancellation(page.input.tenant, page.input.order_number, request.lines)
    plan = await in_database(CancellationActivities.plan, asked, "Which parcels it comes out of")
    await keep_what_is_known()
    if plan.refusal is not None:
        raise ApplicationError(f"order {page.input.order_number}: {plan.refusal}", type=SHIPPED)
    for key in plan.stop:
        await page.parcels[key].signal(ShipmentWorkflow.stay)
    return plan.stop, plan.take


async def _stays(page: OrderPage, key: str) -> bool:
    """Wait for the parcel's word: it stays, or it is too late."""
    parcel = page.parcels[key]
    await workflow.wait_condition(lambda: parcel.done() or key in page.gone | page.too_late)
    return parcel.done() and (await parcel).state is ShipmentState.CANCELLED


async def _all_stayed(page: OrderPage) -> bool:
    return all([(await one).state is ShipmentState.CANCELLED for one in page.parcels.values()])


async def _cancel_pieces(
    page: OrderPage, request: CancelRequest, stopped: tuple[str, ...], take: tuple[TakeOut, ...]
) -> None:
    order = page.input
    if not stopped and not take:
        raise ApplicationError(_too_late(page), type=SHIPPED)
    number = _number(page, request)
    asked = CancelPieces(
        order.tenant, order.order_number, number, request.fingerprint, request.actor, request.reason, stopped, take
    )
    done = await in_database(CancellationActivities.cancel, asked, "Release the stock, count what goes back")
    if not done.lines:
        raise ApplicationError(_too_late(page), type=SHIPPED)
    pieces = ", ".join(f"{count} x {sku}" for sku, count in sorted(done.lines.items()))
    page.show(f"{pieces} cancelled by {request.actor}")
    await _tell(page, take)
    await _pay_back(page, number, done)
    await release_rest(page)


async def _tell(page: OrderPage, take: tuple[TakeOut, ...]) -> None:
    """A parcel that goes with less is packed anew."""
    for key in sorted({one.shipment_id for one in take}):
        if not page.parcels[key].done():
            pieces = ", ".join(f"{one.quantity} x {one.sku}" for one in take if one.shipment_id == key)
            await page.parcels[key].signal(ShipmentWorkflow.contents_changed, f"{pieces} cancelled: take it out")


async def _pay_back(page: OrderPage, number: str, done: PiecesCancelled) -> None:
    """What had been captured for the cancelled pieces goes back, whatever it takes."""
    order = page.input
    if not done.refund_minor:
        return
    begin = BeginRefund(
        order.tenant, order.payment_id, cancellation_refund_id(number), done.refund_minor, "cancelled", "Milepost"
    )
    while not isinstance(fact := await refund(page, begin), RefundMade):
        if fact.refusal.facts.get("refundable") == "0":
            return
        await page.call_person(f"what was cancelled could not be refunded: {fact.refusal.message}")
        await page.wait_for_person()


async def release_rest(page: OrderPage) -> None:
    """What is held and no parcel needs any more is not held on to."""
    order = page.input
    asked = ReleaseRest(order.tenant, order.order_number)
    while True:
        void = await in_database(CancellationActivities.begin_release, asked, "Is more held than is needed?")
        if void is None:
            return
        trouble = "what is held and not needed could not be released"
        fact: VoidFact = await until_known(page, PaymentActivities.void, void, "Release what is not needed", trouble)
        if isinstance(fact, KeySpent):
            await renew(order.tenant, order.payment_id, void.idempotency_key, fact)
            continue
        await in_database(CancellationActivities.finish_release, asked, "Nothing is held any more")
        return


async def undo(page: OrderPage, outcomes: list[ShipmentOutcome]) -> None:
    """Nothing has left, and nothing will: the money goes back, then the stock."""
    why = page.cancels[0] if page.cancels else CancelRequest("support", "its parcels were cancelled")
    order = page.input
    await give_back(page, order.tenant, order.payment_id)
    await in_database(
        OrderActivities.cancel,
        CancelOrder(
            order.tenant,
            order.order_number,
            order.checkout_id,
            order.payment_id,
            why.actor,
            why.reason,
            _number(page, why),
            why.fingerprint,
        ),
        "Release the stock",
    )
    page.take_back(*page.calls)  # for what has been undone since; the table says so already
    page.move(OrderState.CANCELLED, f"Cancelled by {why.actor}: {why.reason}")
    await claim_labels(page, outcomes)


async def claim_labels(page: OrderPage, outcomes: list[ShipmentOutcome]) -> None:
    """A cancelled parcel whose label the carrier did not take back needs somebody to claim it."""
    for outcome in outcomes:
        if outcome.state is ShipmentState.CANCELLED and outcome.attention is not None:
            await page.call_person(outcome.attention)


def _number(page: OrderPage, request: CancelRequest) -> str:
    """The cancellation's id; one that came by hand has no key but its place in the history."""
    key = request.key or f"by hand {workflow.info().get_current_history_length()}"
    return cancellation_id(page.input.tenant, page.input.order_number, key)


def _too_late(page: OrderPage) -> str:
    how = "leaving" if page.state is OrderState.PLACED else page.state
    return f"order {page.input.order_number} is {how}: it can no longer be cancelled, only returned"
