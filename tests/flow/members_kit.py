"""What a test asks of memberships: a plan of its own, a customer who joins, years that pass, what Stripe was paid."""

import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import lt
from typing import Any

import httpx

from domain.ids import membership_workflow
from tests.flow.kit import TENANT, Handle, Shop, until

DAY = timedelta(days=1)
PRICE_A_MONTH = 990


class Club:
    """A plan of its own with a tier `gold`, and the customers of a test."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.plan = shop, f"club-{uuid.uuid4().hex[:8]}"
        self._clocks: dict[str, datetime] = {}
        """Where the clock of each member's process was left by skipping."""

    async def open(self, **changes: Any) -> "Club":
        """`PUT /v1/membership-plans/{id}`: a month, a week of grace, retries after one and three days."""
        gold = {
            "id": "gold", "name": "Gold", "rank": 2, "prices": {"EUR": PRICE_A_MONTH},
            "entitlements": ["archive"], "free_shipping": True,
        }  # fmt: skip
        silver = {"id": "silver", "name": "Silver", "rank": 1, "prices": {"EUR": 490}}
        body = {
            "name": "Club", "interval": "month", "grace_seconds": 7 * 86_400, "retry_seconds": [86_400, 259_200],
            "tiers": [gold, silver],
        }  # fmt: skip
        answer = await self.shop.edit(f"/v1/membership-plans/{self.plan}", body | changes)
        assert answer.status_code in (200, 201), answer.text
        return self

    async def ask(
        self, *, customer: str | None = None, email: str = "ada@example.com", key: str | None = None, **more: Any
    ) -> httpx.Response:
        """`POST /v1/memberships`."""
        who = customer or f"cus_{uuid.uuid4().hex}"
        body = {
            "customer": {"id": who, "email": email}, "plan": self.plan, "tier": "gold", "currency": "EUR",
            "payment_method": "pm_card_visa",
        }  # fmt: skip
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return await self.shop.http.post("/v1/memberships", json=body | more, headers=headers)

    async def joined(self, **how: Any) -> dict[str, Any]:
        """A member whose first period is paid."""
        answer = await self.ask(**how)
        assert answer.status_code == 201, answer.text
        assert answer.json()["state"] == "active"
        return dict(answer.json())

    async def act(self, member: dict[str, Any], act: str, **body: Any) -> httpx.Response:
        """`POST /v1/memberships/{id}/…`."""
        return await self.shop.http.post(f"/v1/memberships/{member['id']}/{act}", json=body or None)

    async def see(self, member: dict[str, Any]) -> dict[str, Any]:
        """`GET /v1/memberships/{id}`."""
        answer = await self.shop.http.get(f"/v1/memberships/{member['id']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def seen_in(self, member: dict[str, Any], state: str, **more: Any) -> dict[str, Any]:
        """The membership, once it is in that state."""
        within = more.pop("within", 30.0)
        return await until(
            lambda: self.see(member), lambda seen: {"state": state, **more}.items() <= seen.items(), within=within
        )

    async def standing(self, member: dict[str, Any]) -> dict[str, Any]:
        """`GET /v1/customers/{id}/standing`."""
        answer = await self.shop.http.get(f"/v1/customers/{member['customer_id']}/standing")
        return dict(answer.json())

    def flow(self, member: dict[str, Any]) -> Handle:
        """Its process."""
        return self.shop.temporal.get_workflow_handle(membership_workflow(TENANT, member["id"]))

    async def paid_periods(self, member: dict[str, Any]) -> int:
        """How many periods are paid."""
        return sum(one["state"] == "paid" for one in (await self.see(member))["periods"])

    async def pass_periods(self, member: dict[str, Any], count: int) -> None:
        """Go to the end of each period and a minute further, until so many are paid."""
        while (paid := await self.paid_periods(member)) < count:
            ends = datetime.fromisoformat((await self.see(member))["period_ends_at"])
            since = self._clocks.get(member["id"], datetime.now(UTC))
            await self.shop.skip_time(self.flow(member), max(ends - since, timedelta(0)) + timedelta(minutes=1))
            self._clocks[member["id"]] = ends + timedelta(minutes=1)
            await until(lambda: self.paid_periods(member), partial(lt, paid), within=30)

    async def pass_years(self, member: dict[str, Any], periods: int) -> None:
        """Let time run, run after run, without stopping at each period, until at least so many are paid.

        Every new order to skip takes the place of the one before, so each gets its time: asked again at once, and
        nothing would ever pass.
        """
        while (paid := await self.paid_periods(member)) < periods:
            await self.shop.skip_time(self.flow(member), DAY * 62)
            with suppress(AssertionError):
                await until(lambda: self.paid_periods(member), partial(lt, paid), within=5)

    async def paid(self, member: dict[str, Any]) -> list[int]:
        """What Stripe took for each intent of the membership that succeeded."""
        state = await self.shop.stripe("state")
        own = [one for one in state["payment_intents"] if one["metadata"].get("membership_id") == member["id"]]
        return [one["amount_received"] for one in own if one["status"] == "succeeded"]
