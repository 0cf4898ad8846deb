"""The levers of the stand-in under `/_control/`; the package's docstring lists them."""

import re
from functools import partial

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.stripe import disputes
from sandbox.stripe.account import Account
from sandbox.stripe.clock import run_due
from sandbox.stripe.errors import Obj
from sandbox.stripe.faults import FaultOrder, Faults
from sandbox.stripe.summary import summary
from sandbox.stripe.webhooks import Conduct, Courier


class Impossible(Exception):
    """An order that makes sense, but not now: 409."""


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Advance(_Order):
    """Seconds to move the clock."""

    seconds: float = Field(ge=0)


class Release(_Order):
    """Whether what was held goes out backwards."""

    reorder: bool = False


class Resend(_Order):
    """The event to deliver again."""

    event_id: str


class SearchLag(_Order):
    """How long an intent stays invisible to search, in seconds (Stripe says: usually under a minute)."""

    lag_seconds: float = Field(ge=0)


class OpenDispute(_Order):
    """A dispute of an intent's captured charge; of all that was captured when no amount is given."""

    payment_intent: str
    amount: int | None = Field(default=None, ge=1)
    reason: str = "fraudulent"
    inquiry: bool = False


class EndDispute(_Order):
    """The bank's decision."""

    outcome: disputes.Outcome


class Control:
    """Answers `/_control/`."""

    def __init__(self, account: Account, faults: Faults, courier: Courier) -> None:
        self.account, self.faults, self.courier = account, faults, courier
        self._acts = {
            ("POST", "webhooks"): self._webhooks, ("POST", "webhooks/release"): self._release,
            ("POST", "webhooks/resend"): self._resend, ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults, ("GET", "faults"): self._show_faults,
            ("GET", "state"): self._state, ("POST", "reset"): self._reset, ("POST", "advance"): self._advance,
            ("POST", "search"): self._search, ("POST", "disputes"): self._dispute,
        }  # fmt: skip

    async def answer(self, request: Request) -> Response:
        """The response to one order: 404 for an unknown one, 422 for one that makes no sense."""
        path = request.url.path.removeprefix("/_control/").rstrip("/")
        act = self._acts.get((request.method, path))
        if ending := re.fullmatch(r"disputes/(\w+)/end", path) if request.method == "POST" else None:
            act = partial(self._end_dispute, ending[1])
        if act is None:
            return JSONResponse({"error": "no such control"}, 404)
        try:
            return JSONResponse(act(await request.body() or b"{}"))
        except Impossible as error:
            return JSONResponse({"error": str(error)}, 409)
        except ValidationError as error:
            return JSONResponse({"error": error.errors(include_context=False, include_url=False)}, 422)
        except LookupError as error:
            return JSONResponse({"error": str(error)}, 404)

    def _webhooks(self, body: bytes) -> Obj:
        self.courier.set_conduct(Conduct.model_validate_json(body))
        return self.courier.conduct.model_dump(exclude={"endpoints"})

    def _release(self, body: bytes) -> Obj:
        return {"released": self.courier.release(reverse=Release.model_validate_json(body).reorder)}

    def _resend(self, body: bytes) -> Obj:
        wanted = Resend.model_validate_json(body).event_id
        event = self.account.all("event").get(wanted)
        if event is None:
            raise LookupError(f"no such event: {wanted}")
        count = self.account.address(event)
        self.account.commit()
        return {"deliveries": count}

    def _add_fault(self, body: bytes) -> Obj:
        self.faults.add(FaultOrder.model_validate_json(body))
        return self._show_faults(b"")

    def _clear_faults(self, _body: bytes) -> Obj:
        self.faults.clear()
        return self._show_faults(b"")

    def _show_faults(self, _body: bytes) -> Obj:
        return {"faults": self.faults.listed()}

    def _advance(self, body: bytes) -> Obj:
        self.account.advance(Advance.model_validate_json(body).seconds)
        self.account.commit()
        return {"done": run_due(self.account), "now": self.account.now()}

    def _search(self, body: bytes) -> Obj:
        self.account.search_lag = SearchLag.model_validate_json(body).lag_seconds
        return {"lag_seconds": self.account.search_lag}

    def _dispute(self, body: bytes) -> Obj:
        order = OpenDispute.model_validate_json(body)
        intent = self.account.all("payment_intent").get(order.payment_intent)
        if intent is None:
            raise LookupError(f"no such payment intent: {order.payment_intent}")
        charge = self.account.all("charge").get(intent["latest_charge"] or "")
        if charge is None or not 1 <= (order.amount or 1) <= charge["amount_captured"]:
            raise Impossible(f"{order.payment_intent} has no captured charge of that amount")
        amount = order.amount or charge["amount_captured"]
        dispute = disputes.open_dispute(self.account, charge, amount, order.reason, inquiry=order.inquiry)
        self.account.commit()
        return dispute

    def _end_dispute(self, key: str, body: bytes) -> Obj:
        outcome = EndDispute.model_validate_json(body).outcome
        dispute = self.account.all("dispute").get(key)
        if dispute is None:
            raise LookupError(f"no such dispute: {key}")
        if disputes.is_over(dispute):
            raise Impossible(f"{key} is over: {dispute['status']}")
        disputes.end(self.account, dispute, outcome)
        self.account.commit()
        return dispute

    def _reset(self, _body: bytes) -> Obj:
        self.courier.halt()
        self.faults.clear()
        self.account.search_lag = self.account.config.search_lag
        self.account.reset()
        return {"reset": True}

    def _state(self, _body: bytes) -> Obj:
        return summary(self.account)
