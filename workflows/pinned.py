"""The checkout where workers have versions: it ends on the one it began on. Temporal refuses the word without them."""

from temporalio import workflow
from temporalio.common import VersioningBehavior

from domain.checkouts import CheckoutAnswer, CheckoutInput
from workflows.checkout import CheckoutWorkflow


@workflow.defn(name="Checkout", versioning_behavior=VersioningBehavior.PINNED)
class PinnedCheckoutWorkflow(CheckoutWorkflow):
    """As ever."""

    @workflow.init
    def __init__(self, checkout: CheckoutInput) -> None:
        super().__init__(checkout)

    @workflow.run
    async def run(self, checkout: CheckoutInput) -> CheckoutAnswer:
        """As ever."""
        return await super().run(checkout)
