"""Wires activities to their resources and runs the Temporal worker until it is told to stop, then lets work end."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
import uvloop
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    Interceptor,
    PollerBehaviorAutoscaling,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)

from activities.access import AccessActivities
from activities.addresses import AddressActivities
from activities.cancellations import CancellationActivities
from activities.carriers import CarrierActivities, TrackingActivities
from activities.checkouts import CheckoutActivities
from activities.disputes import DisputeActivities
from activities.drops import DropActivities
from activities.dues import DuesActivities
from activities.erasure import ErasureActivities
from activities.failures import FailureInterceptor
from activities.journal import JournalActivities
from activities.labels import LabelActivities
from activities.leaving import LeavingActivities
from activities.letters import LetterWriter
from activities.memberships import MembershipActivities
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from activities.post import Post
from activities.reconciliation import ReconciliationActivities
from activities.refunds import RefundActivities
from activities.resolving import ResolvingActivities
from activities.returns import ReturnActivities
from activities.shipping import ShippingActivities
from activities.sweeping import SweepingActivities
from activities.trail import TrailActivities
from gateways.accounts import CarrierAccounts, carriers_of, despatch_of, stripe_of
from gateways.collector import spare_what_stays
from gateways.logs import configure
from gateways.mail import Mailer
from gateways.stripe import Stripe
from gateways.temporal import connect
from models.database import Database
from settings import Serves, Settings, get_settings
from workflows import schedules
from workflows.by_hand import ByHandInterceptor
from workflows.checkout import CheckoutWorkflow
from workflows.dispute import DisputeWorkflow
from workflows.drop_line import DropLineWorkflow
from workflows.erasure import ErasureWorkflow
from workflows.housekeeping import HousekeepingWorkflow
from workflows.membership import MembershipWorkflow
from workflows.order import OrderWorkflow
from workflows.pinned import PinnedCheckoutWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.refund import RefundWorkflow
from workflows.returns import ReturnWorkflow
from workflows.shipment import ShipmentWorkflow
from workflows.sweeper import AbandonedCheckoutWorkflow, SweeperWorkflow

log = structlog.get_logger()

WORKFLOWS = (
    CheckoutWorkflow, OrderWorkflow, ShipmentWorkflow, RefundWorkflow, DisputeWorkflow, ReconciliationWorkflow,
    SweeperWorkflow, AbandonedCheckoutWorkflow, DropLineWorkflow, ErasureWorkflow, MembershipWorkflow,
    ReturnWorkflow,
    HousekeepingWorkflow,
)  # fmt: skip


def workflow_runner() -> WorkflowRunner:
    """How workflow code runs; replay tests use the same. Without Temporal's sandbox: docs/decisions/0012."""
    return UnsandboxedWorkflowRunner()


def workflows_of(settings: Settings) -> tuple[type, ...]:
    """All of them; where versions are told apart, checkouts stay on theirs."""
    if not settings.worker_build:
        return WORKFLOWS
    return tuple(PinnedCheckoutWorkflow if one is CheckoutWorkflow else one for one in WORKFLOWS)


def deployment_of(settings: Settings) -> WorkerDeploymentConfig | None:
    """Which version of the code this worker is; None: versions are not told apart.

    What does not say otherwise moves on to the version that is current (docs/decisions/0038).
    """
    if not settings.worker_build:
        return None
    version = WorkerDeploymentVersion(settings.worker_deployment, settings.worker_build)
    return WorkerDeploymentConfig(version, True, VersioningBehavior.AUTO_UPGRADE)


WORKFLOW_TASKS = 12
"""So many a worker takes at once. Whatever it has taken when it is killed waits ten seconds until it counts as lost;
the default of 100 is far more than one process has in hand at any moment."""

STICKY_SECONDS = 3.0
"""A task waits so long for the worker that has its workflow in memory, which may be dead; then any other takes it."""


ORDER_TASKS = 3
"""So many tasks of orders a process takes at once that serves checkouts, too: a shopper's task finds a free place, and
most of the process."""


def queues_of(settings: Settings) -> dict[str, int]:
    """The task queues that this process serves, and how many workflow tasks of each it takes at once."""
    match settings.worker_serves:
        case Serves.CHECKOUTS:
            return {settings.task_queue: WORKFLOW_TASKS}
        case Serves.ORDERS:
            return {settings.orders_queue: WORKFLOW_TASKS}
        case Serves.EVERYTHING:
            return {settings.task_queue: WORKFLOW_TASKS, settings.orders_queue: ORDER_TASKS}


@asynccontextmanager
async def serving(workers: Sequence[Worker]) -> AsyncIterator[None]:
    """All of them poll, and end their work side by side when it is left."""
    async with AsyncExitStack() as entered:
        for one in workers:
            await entered.enter_async_context(one)
        yield
        await asyncio.gather(*(one.shutdown() for one in workers))


def build(
    client: Client,
    settings: Settings,
    database: Database,
    stripe: Stripe,
    carriers: CarrierAccounts,
    *further: Interceptor,
) -> tuple[Worker, ...]:
    """One for each task queue, all with everything in them, so that what runs may stand in any of them.

    `further` interceptors are innermost. Caches and pollers grow with the work.
    """
    payments, parcels = PaymentActivities(stripe), CarrierActivities(carriers)
    checkouts, orders = CheckoutActivities(database), OrderActivities(database)
    journal, despatch = JournalActivities(database), despatch_of(settings)
    shipping = ShippingActivities(database, despatch)
    labels = LabelActivities(database, despatch, parcels, shipping)
    leaving = LeavingActivities(journal, payments, shipping)
    lines, erasing = DropActivities(database), ErasureActivities(database, stripe)
    cancelling = CancellationActivities(database)
    giving = RefundActivities(database)
    back = ReturnActivities(database, despatch)
    sweeping, tracking = SweepingActivities(database), TrackingActivities(database)
    members, dues = MembershipActivities(database), DuesActivities(database)
    disputes, books = DisputeActivities(database), ReconciliationActivities(database, stripe)
    activities: list[Callable[..., Any]] = [
        payments.authorize, payments.look_up, payments.find_authorization, payments.capture, payments.void,
        payments.refund, payments.look_up_refund, payments.look_up_dispute,
        parcels.create, parcels.buy, parcels.void, parcels.track,
        labels.buy, labels.booked, leaving.leave,
        tracking.record_created, tracking.last_word, tracking.record_said, tracking.record_silence,
        checkouts.open, checkouts.await_payment, checkouts.extend, checkouts.close,
        orders.place, orders.cancel, orders.close, orders.flag, orders.note, orders.hold, orders.end,
        AddressActivities(database).write, ResolvingActivities(database).resolve,
        journal.begin_capture, journal.begin_void, journal.finish_void, journal.begin_refund, journal.record_refund,
        journal.renew, journal.renew_authorization, journal.begin_reauthorization, journal.record_reauthorization,
        journal.record_lapse,
        payments.keep_card, members.open, members.terms, members.customer, members.change, members.end,
        members.flag, dues.begin, dues.record,
        disputes.record, books.tenants, books.compare, books.record, sweeping.find_overdue, sweeping.find_stranded,
        sweeping.release_preorders, AccessActivities(database).forget, TrailActivities(database, client).write,
        erasing.erase, erasing.delete_at_provider, erasing.forget_provider,
        lines.look_after_line, lines.find_on_sale,
        shipping.prepare, shipping.record_label, shipping.record_handover, shipping.record_capture_failure,
        shipping.close, shipping.record_stage, shipping.look_for_stock,
        cancelling.plan, cancelling.cancel, cancelling.begin_release, cancelling.finish_release,
        giving.request, giving.move,
        back.request, back.move, back.prepare, back.record_booking, back.record_label, back.inspect, back.settle,
    ]  # fmt: skip
    return tuple(
        Worker(
            client,
            task_queue=queue,
            workflows=workflows_of(settings),
            activities=activities,
            interceptors=[FailureInterceptor(), ByHandInterceptor(), *further],
            workflow_runner=workflow_runner(),
            deployment_config=deployment_of(settings),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=STICKY_SECONDS),
            max_concurrent_workflow_tasks=tasks,
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
            graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown),
        )
        for queue, tasks in queues_of(settings).items()
    )


def give_way(niceness: int) -> None:
    """So much lower priority than others. Linux may compare sessions instead of processes (sched(7), autogroups): one
    that is of this process alone gives way as a whole."""
    os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness))


async def _serve_health(host: str, port: int) -> asyncio.Server:
    """`GET /readyz` for whoever watches this process: it answers once the worker polls."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port)


def _send_mails(settings: Settings, database: Database, stopping: asyncio.Event) -> asyncio.Task[None] | None:
    """The post, if there is a mail server."""
    mailer = Mailer(settings)
    if not mailer.configured:
        log.warning("no SMTP_HOST: customers get no e-mails")
        return None
    return asyncio.create_task(Post(database, mailer, LetterWriter(settings)).run(stopping))


async def main(*further: Interceptor) -> None:
    """Run until SIGTERM or SIGINT; then take no new work, and let what is under way end."""
    settings = get_settings()
    configure(settings.log_level)
    give_way(settings.worker_niceness)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    await database.refuse_unsafe_role()
    stripe, carriers = stripe_of(settings), carriers_of(settings)
    client = await connect(settings)
    await schedules.ensure(client, settings.task_queue)
    async with serving(build(client, settings, database, stripe, carriers, *further)):
        port = settings.worker_health_port
        health = await _serve_health(settings.worker_health_host, port) if port else None
        posting = None if settings.worker_serves is Serves.CHECKOUTS else _send_mails(settings, database, stopping)
        spare_what_stays()
        log.info("worker started", task_queues=list(queues_of(settings)))
        await stopping.wait()
        log.info("worker stopping", graceful_seconds=settings.graceful_shutdown)
    if posting:
        await asyncio.wait([posting], timeout=settings.graceful_shutdown)
    if health:
        health.close()
    await stripe.close()
    await carriers.close()
    await database.close()


if __name__ == "__main__":
    uvloop.run(main())
