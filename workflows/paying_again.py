"""The act `retry_payment`: a refused capture is tried again, a lapsing authorization is made anew."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.orders import OrderActivities
from domain.checkouts import CancelRequest
from domain.payments import PaymentAuthorized
from domain.support import Trouble
from workflows.order_page import OrderPage
from workflows.policies import in_database
from workflows.reauthorization import reauthorize
from workflows.shipment import ShipmentWorkflow

_WORD_WITHIN = timedelta(seconds=15)
"""Whoever asked is told after this long that it goes on."""


async def retry_payment(page: OrderPage, request: CancelRequest) -> None:
    """Try what failed. Raises why the card was refused again, when that is known in a moment."""
    line = page.line("order.payment_retried", f"Payment tried again by {request.actor}: {request.reason}")
    page.show(line.message)
    await in_database(OrderActivities.note, line, "Write it into the timeline")
    refused = [key for key, one in page.heard.items() if one.trouble is Trouble.CAPTURE]
    if refused:
        before = {key: page.heard[key] for key in refused}
        for key in refused:
            await page.tell(key, ShipmentWorkflow.retry_payment)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: all(page.heard[key] is not before[key] for key in refused),
                timeout=_WORD_WITHIN,
                timeout_summary="Answer whoever asked",
            )
        return
    order = page.input
    outcome = await reauthorize(page, order.tenant, order.payment_id)
    if outcome is None:
        return
    if not isinstance(outcome, PaymentAuthorized):
        raise ApplicationError(outcome.message, type=outcome.code)
    page.lapsed = False
    page.show("Authorized anew on the saved card")
    await page.calm()
    for key in page.here:
        await page.tell(key, ShipmentWorkflow.authorized_anew, outcome)
