"""Serves the floor's workflow from a process of its own, as the real worker does. The address is the argument."""

import asyncio
import sys

from temporalio.client import Client, GrpcCompression
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from benchmarks.floor import FloorWorkflow, nothing


async def main(address: str) -> None:
    """Until it is stopped."""
    worker = Worker(
        await Client.connect(address, grpc_compression=GrpcCompression.NONE),  # as ours does near by
        task_queue="floor",
        workflows=[FloorWorkflow],
        activities=[nothing],
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
