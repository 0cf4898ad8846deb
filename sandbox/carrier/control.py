"""The carrier stand-in's levers, without a key: scans on demand, unruly webhooks, faults, counts."""

import asyncio
from collections import Counter
from typing import Any

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.carrier.depot import Depot
from sandbox.carrier.records import Conduct, FaultWanted, PaceWanted, ScanWanted
from sandbox.faults import Fault, Faults

_BODY = TypeAdapter(dict[str, Any])


class Control:
    """What a test or a demonstration may do to the carrier. `calls` counts API calls by operation."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self.calls: Counter[str] = Counter()
        self.faults = Faults(lambda status: {"status": status, "code": "fault", "detail": "A fault was asked for."})

    def routes(self) -> list[Route]:
        """Everything under `/_control`."""
        return [
            Route("/_control/shipments/{id}/scan", self.scan, methods=["POST"]),
            Route("/_control/webhooks", self.webhooks, methods=["POST"]),
            Route("/_control/webhooks/release", self.release, methods=["POST"]),
            Route("/_control/faults", self.add_fault, methods=["POST"]),
            Route("/_control/faults", self.clear_faults, methods=["DELETE"]),
            Route("/_control/pace", self.pace, methods=["POST"]),
            Route("/_control/state", self.state, methods=["GET"]),
            Route("/_control/reset", self.reset, methods=["POST"]),
        ]

    async def scan(self, request: Request) -> Response:
        """Send any scan: `{status, code?, event_id?, occurred_at?, description?, location?}` → the scan."""
        wanted = ScanWanted.model_validate_json(await request.body())
        event = self._depot.scan(request.path_params["id"], wanted)
        return JSONResponse(event.model_dump(mode="json"), 201)

    async def webhooks(self, request: Request) -> Response:
        """`{mode?: normal|hold|drop, duplicate?: copies more, reorder?: bool}`; what is left out stays."""
        asked = _BODY.validate_json(await request.body())
        self._depot.set_conduct(Conduct.model_validate({**self._depot.conduct.model_dump(), **asked}))
        return JSONResponse(self._depot.conduct.model_dump())

    async def release(self, _: Request) -> Response:
        """Send what is held (backwards under `reorder`); the mode stays."""
        return JSONResponse({"released": self._depot.release()})

    async def add_fault(self, request: Request) -> Response:
        """`{operation: create|find|buy|void|track|*, when, status|null, times, nth, retry_after, reference}`.

        `when` is `before`: nothing is done; `after`: it is done, but another answer is given; or `hang`: it
        is done and no answer ever comes. A null status cuts the connection. A `reference` (our id of the parcel) aims
        it at the `create` of that parcel in the generic API.
        """
        wanted = FaultWanted.model_validate_json(await request.body())
        self.faults.asked.append(Fault(**wanted.model_dump()))
        return Response(status_code=204)

    async def clear_faults(self, _: Request) -> Response:
        """Forget the faults asked for."""
        self.faults.asked.clear()
        return Response(status_code=204)

    async def pace(self, request: Request) -> Response:
        """`{seconds}` between two scans, for every parcel on its way; 0: they move only when told."""
        self._depot.set_pace(PaceWanted.model_validate_json(await request.body()).seconds)
        return Response(status_code=204)

    async def state(self, _: Request) -> Response:
        """What was sold and taken back for each reference, and what is on its way to the shop."""
        depot = self._depot
        references: dict[str, dict[str, Any]] = {}
        for parcel in depot.parcels.values():
            entry = references.setdefault(
                parcel.wanted.reference,
                {"shipments": [], "labels_bought": 0, "labels_voided": 0, "labels_live": 0, "repeat_buys": 0},
            )
            entry["shipments"].append(
                {
                    "id": parcel.id,
                    "state": parcel.state,
                    "position": parcel.position,
                    "weight_grams": parcel.wanted.weight_grams,
                }
            )
            sold, voided = parcel.label is not None, parcel.state == "voided"
            entry["labels_bought"] += sold
            entry["labels_voided"] += sold and voided
            entry["labels_live"] += sold and not voided
            entry["repeat_buys"] += parcel.repeat_buys
        held = sum(delivery.due_at is None for delivery in depot.deliveries.values())
        conduct = depot.conduct.model_dump()
        return JSONResponse(
            {
                "pace": depot.pace,
                "references": references,
                "webhooks": {
                    **conduct,
                    "held": held,
                    "pending": len(depot.deliveries) - held,
                    "taken": depot.taken,
                },
                "calls": dict(self.calls),
                "faults": [vars(fault) for fault in self.faults.asked if fault.times > 0],
            }
        )

    async def reset(self, _: Request) -> Response:
        """Forget parcels, webhooks, faults and counts; answered once no webhook is on the wire."""
        self._depot.reset()
        while self._depot.in_flight:  # noqa: ASYNC110  # seldom, short, and in a stand-in
            await asyncio.sleep(0.005)
        self.faults.asked.clear()
        self.calls.clear()
        return Response(status_code=204)
