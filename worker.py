"""Wires activities to their resources and runs the Temporal worker until it is told to stop, then lets work end."""

import asyncio
import signal
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.checkouts import CheckoutActivities
from activities.disputes import DisputeActivities
from activities.failures import FailureInterceptor
from activities.journal import JournalActivities
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from activities.reconciliation import ReconciliationActivities
from activities.shipping import CarrierActivities, ShippingActivities
from activities.sweeping import SweepingActivities
from gateways.accounts import carrier_of, stripe_of
from gateways.carriers.protocol import Carrier
from gateways.logs import configure
from gateways.stripe import Stripe
from gateways.temporal import connect
from models.database import Database
from settings import Settings, get_settings
from workflows import schedules
from workflows.checkout import CheckoutWorkflow
from workflows.dispute import DisputeWorkflow
from workflows.order import OrderWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.refund import RefundWorkflow
from workflows.shipment import ShipmentWorkflow
from workflows.sweeper import AbandonedCheckoutWorkflow, SweeperWorkflow

log = structlog.get_logger()

WORKFLOWS = (
    CheckoutWorkflow, OrderWorkflow, ShipmentWorkflow, RefundWorkflow, DisputeWorkflow, ReconciliationWorkflow,
    SweeperWorkflow, AbandonedCheckoutWorkflow,
)  # fmt: skip

PASSED_THROUGH = (
    "activities", "babel", "domain", "gateways", "httpx", "iso4217", "models", "pydantic", "settings", "sqlalchemy",
    "stripe", "structlog", "workflows",
)  # fmt: skip
"""Modules the workflow sandbox does not load again. Ours too: loading some anew and not others makes two classes of
one name. What the sandbox would have caught in them, ruff bans (TID251)."""


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox workflows run in; replay tests use the same."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def build(client: Client, settings: Settings, database: Database, stripe: Stripe, carrier: Carrier) -> Worker:
    """The worker with everything in it. Its caches and pollers grow with the work there is."""
    payments, parcels = PaymentActivities(stripe), CarrierActivities(carrier)
    checkouts, orders = CheckoutActivities(database), OrderActivities(database)
    journal, shipping = JournalActivities(database), ShippingActivities(database)
    sweeping = SweepingActivities(database)
    disputes, books = DisputeActivities(database), ReconciliationActivities(database, stripe)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=[
            payments.authorize, payments.look_up, payments.find_authorization, payments.capture, payments.void,
            payments.refund, payments.look_up_refund, payments.look_up_dispute,
            parcels.buy_label, parcels.void_label,
            checkouts.open, checkouts.await_payment, checkouts.close,
            orders.place, orders.cancel, orders.close, orders.flag,
            journal.begin_capture, journal.begin_void, journal.finish_void, journal.begin_refund, journal.record_refund,
            journal.renew, journal.renew_authorization, journal.begin_reauthorization, journal.record_reauthorization,
            journal.record_lapse,
            disputes.record, books.tenants, books.compare, books.record, sweeping.find_overdue,
            shipping.prepare, shipping.record_label, shipping.record_handover, shipping.record_capture_failure,
            shipping.close,
        ],
        interceptors=[FailureInterceptor()],
        workflow_runner=workflow_runner(),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown),
    )  # fmt: skip


async def _serve_health(host: str, port: int) -> asyncio.Server:
    """`GET /readyz` for whoever watches this process: it answers once the worker polls."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port)


async def main() -> None:
    """Run until SIGTERM or SIGINT; then take no new work, and let what is under way end."""
    settings = get_settings()
    configure(settings.log_level)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    await database.refuse_unsafe_role()
    stripe, carrier = stripe_of(settings), carrier_of(settings)
    client = await connect()
    await schedules.ensure(client, settings.task_queue)
    async with build(client, settings, database, stripe, carrier):
        port = settings.worker_health_port
        health = await _serve_health(settings.worker_health_host, port) if port else None
        log.info("worker started", task_queue=settings.task_queue)
        await stopping.wait()
        log.info("worker stopping", graceful_seconds=settings.graceful_shutdown)
    if health:
        health.close()
    await stripe.close()
    await carrier.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
