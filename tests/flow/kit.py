"""A shop on the running stack, and what a test asks of it: buy, look everywhere, drive the outside, wait."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import TimeSkippingConfig, WorkflowExecution
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.audit import audit_tenant
from domain.ids import checkout_workflow, order_workflow, shipment_workflow
from sandbox.stack import Stack
from settings import Settings

TENANT = "demo"
KEY = "mp_test_demo"
PRICE = 10_000
SHIPPING = 1_500
ADDRESS = {
    "name": "Ada",
    "line1": "12 Rue de la Paix",
    "city": "Paris",
    "postal_code": "75002",
    "country": "FR",
}

_MOVED = (
    "INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)"
    " VALUES (:t, :place, :sku, 'received', :n, 'opening stock')"
)
_NEW_SKU = (
    "INSERT INTO variants (tenant_id, sku, title, weight_grams) VALUES (:t, :sku, 'Thing', 100)",
    "INSERT INTO prices (tenant_id, sku, currency, amount_minor) VALUES (:t, :sku, 'EUR', :price)",
    "INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand) VALUES (:t, :place, :sku, :n)",
    _MOVED,
)

Seen = TypeVar("Seen")
Handle = WorkflowHandle[Any, Any]


async def until(
    look: Callable[[], Awaitable[Seen]],
    good: Callable[[Seen], object] = bool,
    *,
    within: float = 60.0,
    every: float = 0.05,
) -> Seen:
    """Look until it is good, and give what was seen. Fails with the last sight. Times are seconds."""
    deadline = time.monotonic() + within
    while True:
        seen = await look()
        if good(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; last seen: {seen!r}")
        await asyncio.sleep(every)


class Shop:
    """One tenant's shop. Every test buys SKUs of its own, so that none disturbs another."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient, temporal: Client) -> None:
        self.stack, self.http, self.temporal, self.links = stack, http, temporal, stack.links
        self._app = sa.create_engine(self.links.database_url, poolclass=sa.NullPool)
        self._owner = sa.create_engine(self.links.database_owner_url, poolclass=sa.NullPool)

    # What is for sale, and what is there.

    def new_sku(self, count: int = 5, place: str = "florence") -> str:
        """A thing of its own at €100.00, so many of it in stock at that place."""
        sku = f"T-{uuid.uuid4().hex[:12]}"
        own = {"t": TENANT, "sku": sku, "n": count, "price": PRICE, "place": place}
        with self._owner.begin() as connection:
            connection.execute(sa.text("SELECT set_config('milepost.tenant', :t, true)"), own)
            for line in _NEW_SKU:
                connection.execute(sa.text(line), own)
        return sku

    def sql(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """Rows as the application's role sees them."""
        with self._app.begin() as connection:
            connection.execute(sa.text("SELECT set_config('milepost.tenant', 'demo', true)"))
            return [tuple(row) for row in connection.execute(sa.text(query), values)]

    async def edit(self, path: str, body: Any, *, method: str = "PUT", **headers: str) -> httpx.Response:
        """Change what is there, or make it: it is read first, as whoever edits it has done."""
        seen = (await self.http.get(path, headers=headers)).headers.get("etag")
        unchanged = {"If-Match": seen} if seen else {}
        return await self.http.request(method, path, json=body, headers=headers | unchanged)

    def write(self, statement: str, **values: object) -> None:
        """Hand-written SQL of the application's role; of `values` it takes what it names."""
        with self._app.begin() as connection:
            connection.execute(sa.text("SELECT set_config('milepost.tenant', 'demo', true)"))
            connection.execute(sa.text(statement), values)

    def stock(self, sku: str) -> tuple[int, int]:
        """On hand and reserved."""
        ((on_hand, reserved),) = self.sql("SELECT on_hand, reserved FROM stock_levels WHERE sku = :s", s=sku)
        return on_hand, reserved

    # What the storefront does.

    async def buy(
        self,
        sku: str,
        *,
        key: str | None = None,
        card: str | None = "pm_card_visa",
        quantity: int = 1,
        **more: Any,
    ) -> httpx.Response:
        """`POST /v1/checkouts`; without a card in client mode."""
        body = {
            "currency": "EUR",
            "lines": [{"sku": sku, "quantity": quantity}],
            "customer": {"email": "ada@example.com", "name": "Ada"},
            "shipping_address": ADDRESS,
            "shipping_method": "standard",
            "payment": {"mode": "server", "payment_method": card} if card else {"mode": "client"},
        }
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return await self.http.post("/v1/checkouts", json=body | more, headers=headers)

    async def bought(self, sku: str, *, labelled: bool = True, **how: Any) -> dict[str, Any]:
        """An order that is placed, and by default has its label. What is not done yet is asked for again."""
        how.setdefault("key", uuid.uuid4().hex)
        answer = await until(lambda: self.buy(sku, **how), lambda seen: seen.status_code != 202, within=60)
        assert answer.status_code == 201, answer.text
        number = answer.json()["order_number"]
        if not labelled:
            return await self.order(number)
        return await self.labelled(number)

    async def labelled(self, number: str) -> dict[str, Any]:
        """The order, once its one parcel has its label."""
        return await until(
            lambda: self.order(number), lambda order: order["shipments"][0]["state"] == "label_bought", within=60
        )

    async def waiting(self, sku: str, **how: Any) -> dict[str, Any]:
        """A checkout in client mode that waits for the browser."""
        answer = await self.buy(sku, card=None, **how)
        assert answer.status_code == 202, answer.text
        assert answer.json()["state"] == "awaiting_payment"
        return dict(answer.json())

    async def checkout(self, number: str) -> dict[str, Any]:
        """`GET /v1/checkouts/{id}`."""
        answer = await self.http.get(f"/v1/checkouts/{number}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def order(self, number: str) -> dict[str, Any]:
        """`GET /v1/orders/{number}`."""
        answer = await self.http.get(f"/v1/orders/{number}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def checkout_in(self, number: str, state: str, *, within: float = 60.0) -> dict[str, Any]:
        """The checkout, once it is in that state."""
        return await until(lambda: self.checkout(number), lambda seen: seen["state"] == state, within=within)

    async def order_in(self, number: str, state: str, *, within: float = 60.0) -> dict[str, Any]:
        """The order, once it is in that state."""
        return await until(lambda: self.order(number), lambda seen: seen["state"] == state, within=within)

    async def cancel_order(self, number: str) -> httpx.Response:
        """`POST /v1/orders/{number}/cancel`."""
        return await self.http.post(f"/v1/orders/{number}/cancel")

    async def hand_over(self, order: dict[str, Any], **body: Any) -> httpx.Response:
        """`POST /v1/shipments/{id}/handover`, for the one parcel of an order."""
        return await self.http.post(f"/v1/shipments/{order['shipments'][0]['id']}/handover", json=body or None)

    # What Stripe has.

    async def stripe(self, act: str, **body: Any) -> dict[str, Any]:
        """A lever of Stripe's stand-in."""
        url = f"{self.links.stripe}/_control/{act}"
        answer = await (self.http.get(url) if act == "state" else self.http.post(url, json=body))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def intents(self, checkout: str) -> list[dict[str, Any]]:
        """Every intent that Stripe has for a checkout."""
        state = await self.stripe("state")
        return [one for one in state["payment_intents"] if one["metadata"].get("checkout_id") == checkout]

    async def intent(self, checkout: str) -> dict[str, Any]:
        """Its one intent; there must be exactly one."""
        (one,) = await self.intents(checkout)
        return one

    async def browser_confirms(self, checkout: dict[str, Any], card: str = "pm_card_visa") -> httpx.Response:
        """What Stripe's script does in the shopper's browser, with what the storefront gave it."""
        secret = checkout["next_action"]["client_secret"]
        intent = secret.partition("_secret_")[0]
        return await self.http.post(
            f"{self.links.stripe}/v1/payment_intents/{intent}/confirm",
            data={"client_secret": secret, "payment_method": card},
            headers={"Authorization": "Bearer pk_test_browser"},
        )

    async def bank(self, checkout: dict[str, Any], act: str) -> None:
        """The shopper presses a button on the bank's page of 3-D Secure."""
        intent = checkout["next_action"]["client_secret"].partition("_secret_")[0]
        answer = await self.http.post(f"{self.links.stripe}/3ds/{intent}/{act}")
        assert answer.status_code in (200, 303), answer.text

    # What the carrier has.

    async def carrier(self, act: str, **body: Any) -> httpx.Response:
        """A lever of the carrier's stand-in."""
        url = f"{self.links.carrier}/_control/{act}"
        answer = await (self.http.get(url) if act == "state" else self.http.post(url, json=body))
        assert answer.is_success, answer.text
        return answer

    async def labels(self, order: dict[str, Any]) -> dict[str, Any]:
        """What the carrier sold and took back for the one parcel of an order."""
        state = (await self.carrier("state")).json()
        return dict(state["references"][order["shipments"][0]["id"]])

    async def scan(self, order: dict[str, Any], *statuses: str) -> None:
        """The carrier scans the parcel."""
        parcel = (await self.labels(order))["shipments"][0]["id"]
        for status in statuses:
            await self.carrier(f"shipments/{parcel}/scan", status=status)

    # What Temporal has.

    def checkout_flow(self, number: str) -> Handle:
        """Its workflow."""
        return self.temporal.get_workflow_handle(checkout_workflow(TENANT, number))

    def order_flow(self, number: str) -> Handle:
        """Its workflow."""
        return self.temporal.get_workflow_handle(order_workflow(TENANT, number))

    def parcel_flow(self, order: dict[str, Any]) -> Handle:
        """The workflow of its one parcel."""
        return self.temporal.get_workflow_handle(shipment_workflow(TENANT, order["shipments"][0]["id"]))

    async def ended(self, handle: Handle) -> dict[str, Any]:
        """A workflow's result, which must be there in a moment."""
        async with asyncio.timeout(60):
            return dict(await handle.result())

    async def attributes(self, handle: Handle) -> tuple[dict[str, Any], WorkflowExecutionDescription]:
        """A workflow's search attributes by name, and all else there is to see of it."""
        seen = await handle.describe()
        return {pair.key.name: pair.value for pair in seen.typed_search_attributes}, seen

    async def details(self, handle: Handle) -> str:
        """The page that support reads; empty before there is one."""
        try:
            answer = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return ""
        return str(answer.current_details)

    async def skip_time(self, handle: Handle, by: timedelta | None = None) -> None:
        """Let the server jump over the timers of this workflow: from now on, or just this far."""
        skipping = TimeSkippingConfig(enabled=True)
        if by is not None:
            skipping.fast_forward_config.id = uuid.uuid4().hex
            skipping.fast_forward_config.duration.FromTimedelta(by)
        await self.temporal.workflow_service.update_workflow_execution_options(
            UpdateWorkflowExecutionOptionsRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id=handle.id),
                workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=skipping),
                update_mask=FieldMask(paths=["time_skipping_config"]),
            )
        )

    # The end of every test.

    async def calm(self) -> None:
        """Both stand-ins healthy, webhooks flowing, and parcels that move only when told."""
        await self.http.delete(f"{self.links.stripe}/_control/faults")
        await self.stripe("webhooks")
        await self.stripe("webhooks/release")
        await self.http.delete(f"{self.links.carrier}/_control/faults")
        await self.http.delete(f"{self.links.mail}/_control/faults")
        await self.carrier("webhooks", mode="normal", duplicate=0, reorder=False)
        await self.carrier("webhooks/release")
        await self.carrier("pace", seconds=0)

    async def audit(self) -> list[object]:
        """What must not be, in the tables and against Stripe."""
        environment = {name.lower(): value for name, value in self.stack.environment().items()}
        return list(await audit_tenant(Settings.model_validate(environment), TENANT, self.temporal))

    def close(self) -> None:
        """Let go of the database."""
        self._app.dispose()
        self._owner.dispose()
