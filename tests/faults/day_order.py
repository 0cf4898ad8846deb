"""One order of a day while it is lived: what its plan says is done to it, whether it may be or not."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from domain.ids import payment_id, shipment_id
from tests.faults.day_plans import SCANS, WAY, Paying, Plan, What
from tests.faults.happenings import ELSEWHERE, replay, replay_backwards
from tests.faults.journey import LOOK_EVERY, PATIENCE, Journey
from tests.faults.lives import arm
from tests.flow.kit import TENANT, Shop, until
from tests.flow.returns_kit import Returns

UNDER_WAY = ("label_bought", "handed_over")
ON_A_LABEL = (*UNDER_WAY, "delivered")
REFUSED_REFUND = {"code": "charge_disputed", "message": "This charge is disputed."}
ON_THE_WAY = WAY[3:]


@dataclass
class DayOrder:
    """An order of the day. `said` is its diary; `happened` counts what was done to it, `refused` what was not."""

    shop: Shop
    plan: Plan
    key: str
    skus: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: set[str] = field(default_factory=set)
    """What a person was called for."""
    complaints: list[str] = field(default_factory=list)
    late: set[int] = field(default_factory=set)
    checkout_state: str = ""
    backs: list[dict[str, Any]] = field(default_factory=list)
    """Its returns."""
    _asked: int = 0

    def __post_init__(self) -> None:
        self.one = Journey(self.shop, self.key, capture=self.plan.capture)

    @property
    def returns(self) -> Returns:
        """What can be asked of a return."""
        return Returns(self.shop)

    @property
    def order(self) -> dict[str, Any]:
        """As it was seen last; empty while there is none."""
        return self.one.order

    async def look(self) -> dict[str, Any]:
        """As it is now."""
        seen = await self.one.look()
        if seen["attention_reason"]:
            self.reasons |= set(seen["attention_reason"].split("; "))
        return seen

    async def until(self, good: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The order, once it is so."""
        return await until(self.look, good, within=PATIENCE, every=LOOK_EVERY)

    async def ask(self, what: str, path: str, **body: Any) -> httpx.Response:
        """A request to the API. It may be refused or put off, but never break."""
        self._asked += 1
        headers = {"Idempotency-Key": f"{self.key} {self._asked}"}
        answer = await self.shop.http.post(path, json=body or None, headers=headers)
        told = answer.json() if answer.content else {}
        self.said.append(f"{what}: {answer.status_code} {told.get('code') or told.get('state') or ''}".rstrip())
        assert answer.status_code != 422, f"{what}: {answer.text}"
        assert answer.status_code < 500 or answer.status_code == 503, f"{what}: {answer.text}"
        (self.happened if answer.is_success else self.refused)[what] += 1
        return answer

    async def live(self) -> None:
        """Buy, then all that the plan says. Raises `AssertionError` for what no request may get, or does not come."""
        await self._buy()
        await self._pay()
        for step in self.plan.steps if self.order else ():
            await self._do(step.what, step.place)

    async def _buy(self) -> None:
        payment = payment_id(TENANT, self.one.checkout_id)
        for trouble in self.plan.troubles:
            await arm(self.shop, trouble, idempotency_key=f"{TENANT}/{payment}/*")
        self.skus = [self.shop.new_sku() for _ in range(self.plan.parcels)]
        lines = [{"sku": sku, "quantity": self.plan.pieces} for sku in self.skus]
        how: dict[str, Any] = {"payment": {"mode": "client", "capture": self.plan.capture}, "lines": lines}

        async def buy() -> httpx.Response:
            return await self.shop.buy("", key=self.key, card=None, **how)

        answer = await until(
            buy, lambda seen: seen.is_success and seen.json()["state"] != "open", within=PATIENCE, every=LOOK_EVERY
        )
        self.one.checkout = answer.json()
        assert self.one.checkout["state"] == "awaiting_payment", answer.text
        for sku in self.skus[1:]:
            self.one.parcels.put_away(self.one.checkout_id, sku, self.plan.pieces, all_of_it=True)
        if self.plan.no_label:
            parcel = shipment_id(TENANT, self.one.checkout_id, 0)
            await self.shop.carrier("faults", operation="create", status=400, reference=parcel)

    async def _pay(self) -> None:
        """Or not. What Stripe tells brings the order; nobody asks again."""
        number, paying = self.one.checkout_id, self.plan.paying
        self.happened[f"checkout: {paying}"] += 1
        if paying is Paying.GIVES_UP:
            await self.ask("checkout cancelled", f"/v1/checkouts/{number}/cancel")
        elif paying is Paying.LEAVES:
            await self.shop.skip_time(self.shop.checkout_flow(number))
        elif paying is Paying.BANK_ASKS:
            await self.shop.browser_confirms(self.one.checkout, "pm_card_authenticationRequired")
            await self.shop.bank(self.one.checkout, "pass")
        else:
            if paying is Paying.SECOND_CARD:
                await self.shop.browser_confirms(self.one.checkout, "pm_card_chargeDeclined")
            await self.shop.browser_confirms(self.one.checkout)
        ends = {Paying.GIVES_UP: "cancelled", Paying.LEAVES: "expired"}
        seen = await self.shop.checkout_in(number, ends.get(paying, "completed"), within=PATIENCE)
        self.checkout_state = seen["state"]
        if seen["order_number"]:
            self.one.order = await self.shop.order(seen["order_number"])
            assert len(self.order["shipments"]) == self.plan.parcels, self.order["shipments"]

    async def _do(self, what: What, place: int) -> None:
        """One step, if it can be taken at all; what the rules say to it is theirs."""
        parcel = (await self.labelled_or_not(place))["shipments"][place]
        state, number = parcel["state"], f"/v1/orders/{self.order['number']}"
        match what:
            case What.PICK | What.PACK:
                await self.ask(what, f"/v1/shipments/{parcel['id']}/{what}")
            case What.HAND_OVER:
                await self.hand_over(place)
            case _ if what in ON_THE_WAY:
                if state == "handed_over":
                    await self._scan(what, place)
            case _ if what in SCANS:
                if state in ON_A_LABEL:
                    await self._scan(what, place)
            case What.CANCEL:
                await self.ask(what, f"{number}/cancel")
            case What.CANCEL_PIECE:
                lines = [{"sku": self.skus[place], "quantity": 1}]
                await self.ask(what, f"{number}/cancel", lines=lines, reason="one too many")
            case What.HOLD | What.RELEASE | What.NOTE:
                paths = {What.HOLD: "hold", What.RELEASE: "release", What.NOTE: "note"}
                await self.ask(what, f"{number}/{paths[what]}", reason="asked by phone")
            case What.ADDRESS:
                await self.ask(what, f"{number}/change-address", address=ELSEWHERE, reason="a digit was missing")
            case What.REFUND_PART:
                await self.ask(what, f"{number}/refunds", amount=4_000, cause="goodwill", reason="a scratch")
            case What.DECLINE | What.REFUND_REFUSED:
                await self._warn(what)
            case What.LATE | What.SILENCE:
                await self._let_pass(what, place, parcel)
            case What.REPLAY:
                await self._counted(what, replay(self.one))
            case What.REPLAY_BACKWARDS:
                await self._counted(what, replay_backwards(self.one))

    async def labelled_or_not(self, place: int) -> dict[str, Any]:
        """The order, once it is known whether this parcel gets its label by itself."""
        return await self.until(
            lambda seen: seen["shipments"][place]["state"] != "pending" or seen["shipments"][place]["possible_acts"]
        )

    async def hand_over(self, place: int) -> None:
        """The dock asks. One that may go has left when it is written down."""
        parcel = self.order["shipments"][place]
        answer = await self.ask(What.HAND_OVER, f"/v1/shipments/{parcel['id']}/handover")
        if answer.is_success and answer.json()["released"]:
            await self.until(lambda seen: seen["shipments"][place]["state"] not in ("pending", "label_bought"))

    async def _scan(self, what: What, place: int) -> None:
        await self.scan(SCANS[what], place)
        self.happened[what] += 1

    async def scan(self, status: str, place: int) -> None:
        """The carrier says so. What may end a parcel has ended it then, or a person is called: it was never theirs."""
        await self.one.scan(status, place)
        self.said.append(f"scanned: {status}")
        if status in ("lost", "return_to_sender"):
            words = f"the carrier says {status.replace('_', ' ')}"
            await self.until(
                lambda seen: (
                    seen["shipments"][place]["state"] not in UNDER_WAY or words in (seen["attention_reason"] or "")
                )
            )

    async def _warn(self, what: What) -> None:
        """What Stripe will answer to the next request of that kind."""
        self.happened[what] += 1
        if what is What.DECLINE:
            order: dict[str, Any] = {"operation": "payment_intents.capture", "status": 402}
        else:
            order = {"operation": "refunds.create", "status": 400, "error": REFUSED_REFUND}
        await self.shop.stripe("faults", payment_intent=self.one.intent, **order)

    async def _let_pass(self, what: What, place: int, parcel: dict[str, Any]) -> None:
        """Time goes by until a person is called.

        Each order to skip time takes the place of the one before, so what it was for is waited for.
        """
        if what is What.SILENCE and parcel["state"] == "handed_over":
            words, by = "nothing has been heard of the parcel", timedelta(hours=97)
        elif what is What.LATE and parcel["state"] == "label_bought" and place not in self.late:
            if parcel["possible_acts"]:
                return
            self.late.add(place)
            due = datetime.fromisoformat(parcel["ship_by"])
            words, by = "ship_by_passed", due - datetime.now(UTC) + timedelta(minutes=1)
        else:
            return
        await self.shop.skip_time(self.one.parcel_flow(place), by)
        await self.until(
            lambda seen: (
                words in (seen["attention_reason"] or "") or seen["shipments"][place]["state"] != parcel["state"]
            )
        )
        self.happened[what] += 1

    async def _counted(self, what: What, work: Awaitable[str]) -> None:
        self.happened[what] += 1
        self.said.append(await work)
