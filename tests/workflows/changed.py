"""Our workflows with one timer more at the start: a change that would break every running one."""

from datetime import timedelta

from temporalio import workflow

from domain.checkouts import CheckoutAnswer, CheckoutInput
from domain.orders import OrderInput, OrderOutcome
from domain.shipments import ShipmentInput, ShipmentOutcome
from workflows.checkout import CheckoutWorkflow
from workflows.order import OrderWorkflow
from workflows.shipment import ShipmentWorkflow

PAUSE = timedelta(seconds=1)


@workflow.defn(name="Checkout")
class SlowCheckout(CheckoutWorkflow):
    """It waits before it begins."""

    @workflow.init
    def __init__(self, checkout: CheckoutInput) -> None:
        super().__init__(checkout)

    @workflow.run
    async def run(self, checkout: CheckoutInput) -> CheckoutAnswer:
        """Wait, then as ever."""
        await workflow.sleep(PAUSE)
        return await super().run(checkout)


@workflow.defn(name="Order")
class SlowOrder(OrderWorkflow):
    """It waits before it begins."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderOutcome:
        """Wait, then as ever."""
        await workflow.sleep(PAUSE)
        return await super().run(order)


@workflow.defn(name="Shipment")
class SlowShipment(ShipmentWorkflow):
    """It waits before it begins."""

    @workflow.init
    def __init__(self, shipment: ShipmentInput) -> None:
        super().__init__(shipment)

    @workflow.run
    async def run(self, shipment: ShipmentInput) -> ShipmentOutcome:
        """Wait, then as ever."""
        await workflow.sleep(PAUSE)
        return await super().run(shipment)


CHANGED = (SlowCheckout, SlowOrder, SlowShipment)
