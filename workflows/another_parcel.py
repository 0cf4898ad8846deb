"""Sends another parcel of an order, which was written down and whose stock is set aside: nothing is charged for it."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from domain.ids import shipment_workflow
from domain.shipments import PROCESS, AnotherParcel, ShipmentInput, ShipmentOutcome
from workflows import attributes
from workflows.display import parcel_summary
from workflows.shipment import ShipmentWorkflow

Handle = ChildWorkflowHandle[ShipmentWorkflow, ShipmentOutcome]


async def send(parcel: AnotherParcel) -> Handle | None:
    """It is on its way from now on, as a process of its own that outlives this one. None: it was already."""
    with suppress(WorkflowAlreadyStartedError):
        return await workflow.start_child_workflow(
            ShipmentWorkflow.run,
            ShipmentInput(
                tenant=parcel.tenant,
                shipment_id=parcel.shipment_id,
                order_number=parcel.order_number,
                checkout_id=parcel.checkout_id,
                payment_id=parcel.payment_id,
                service=parcel.service,
                intent_id=parcel.intent_id,
                captured=True,
                process=PROCESS,
            ),
            id=shipment_workflow(parcel.tenant, parcel.shipment_id),
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=attributes.of_shipment(parcel.tenant, parcel.order_number),
            static_summary=parcel_summary(parcel.order_number, parcel.city),
        )
    return None


async def ended(sent: Handle) -> ShipmentOutcome | None:
    """Wait for its end; until then it calls a person for its order as any parcel does. None: it was ended by force."""
    with suppress(ChildWorkflowError):
        return await sent
    return None
