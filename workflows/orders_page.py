"""What happens beside an order (a refund, a dispute, a drift) is told on the order's page, if that is still open."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.orders import OrderCall


async def tell_order(order: str, call: OrderCall) -> None:
    """A person is needed, or not any more. An order that has ended hears nothing."""
    with suppress(ApplicationError):  # no such workflow: it has ended; its row is flagged all the same
        await workflow.get_external_workflow_handle(order).signal("money_news", call)


async def tell_return_ended(order: str) -> None:
    """An order whose return window is over waits for its returns. One that has ended hears nothing."""
    with suppress(ApplicationError):
        await workflow.get_external_workflow_handle(order).signal("return_ended")
