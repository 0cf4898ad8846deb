"""What the warehouse says of a parcel that is still here: its pieces are picked, then packed."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.shipping import ShippingActivities
from domain.shipments import RecordStage, WarehouseReport, WarehouseStage
from domain.states import ShipmentState
from workflows import attributes
from workflows.parcel import Parcel
from workflows.policies import in_database
from workflows.waiting import refuse_waiting


def refuse_report(parcel: Parcel) -> None:
    """Raises why there is nothing to report of it."""
    if parcel.stay:
        raise ApplicationError("this parcel's order is being cancelled: keep it", type="cancelled")
    refuse_waiting(parcel)
    if parcel.state not in (ShipmentState.PENDING, ShipmentState.LABEL_BOUGHT) or parcel.left:
        raise ApplicationError("this parcel is not here any more", type="already_shipped")


async def report(parcel: Parcel, asked: WarehouseReport) -> None:
    """It stands in the table, in support's list and on the page."""
    if parcel.stage in (asked.stage, WarehouseStage.PACKED):
        return
    parcel.stage = asked.stage
    await in_database(
        ShippingActivities.record_stage,
        RecordStage(parcel.input.tenant, parcel.input.shipment_id, asked.stage),
        f"The parcel is {asked.stage}",
    )
    workflow.upsert_search_attributes([attributes.STAGE.value_set(asked.stage.value)])
    parcel.show(f"{asked.stage.capitalize()} by {asked.actor}")
