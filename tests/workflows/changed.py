"""Our workflows with one timer more at the start: a change that would break every running one."""

from datetime import timedelta

from temporalio import workflow

from domain.checkouts import CheckoutAnswer, CheckoutInput
from domain.drops import LineLook
from domain.joining import MembershipAnswer, MembershipInput
from domain.orders import OrderInput, OrderOutcome
from domain.refunds import RefundAnswer, RefundInput
from domain.returns import ReturnAnswer, ReturnInput
from domain.shipments import ShipmentInput, ShipmentOutcome
from workflows.checkout import CheckoutWorkflow
from workflows.drop_line import DropLineWorkflow
from workflows.membership import MembershipWorkflow
from workflows.order import OrderWorkflow
from workflows.refund import RefundWorkflow
from workflows.returns import ReturnWorkflow
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


@workflow.defn(name="Membership")
class SlowMembership(MembershipWorkflow):
    """It waits before it begins."""

    @workflow.init
    def __init__(self, asked: MembershipInput) -> None:
        super().__init__(asked)

    @workflow.run
    async def run(self, asked: MembershipInput) -> MembershipAnswer:
        """Wait, then as ever."""
        await workflow.sleep(PAUSE)
        return await super().run(asked)


@workflow.defn(name="DropLine")
class SlowDropLine(DropLineWorkflow):
    """It waits before it begins."""

    @workflow.init
    def __init__(self, drop: LineLook) -> None:
        super().__init__(drop)

    @workflow.run
    async def run(self, drop: LineLook) -> None:
        """Wait, then as ever."""
        await workflow.sleep(PAUSE)
        await super().run(drop)


@workflow.defn(name="Return")
class SlowReturn(ReturnWorkflow):
    """It waits before it begins."""

    @workflow.init
    def __init__(self, asked: ReturnInput) -> None:
        super().__init__(asked)

    @workflow.run
    async def run(self, asked: ReturnInput) -> ReturnAnswer:
        """Wait, then as ever."""
        await workflow.sleep(PAUSE)
        return await super().run(asked)


@workflow.defn(name="Refund")
class SlowRefund(RefundWorkflow):
    """It waits before it begins."""

    @workflow.init
    def __init__(self, asked: RefundInput) -> None:
        super().__init__(asked)

    @workflow.run
    async def run(self, asked: RefundInput) -> RefundAnswer:
        """Wait, then as ever."""
        await workflow.sleep(PAUSE)
        return await super().run(asked)


CHANGED = (SlowCheckout, SlowOrder, SlowShipment, SlowMembership, SlowDropLine, SlowReturn, SlowRefund)
