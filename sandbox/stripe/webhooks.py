"""Signs events and delivers them to the endpoints until they answer 2xx (docs.stripe.com/webhooks)."""

import hashlib
import hmac
import json
import time
from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field

from sandbox.stripe.account import Account
from sandbox.stripe.errors import Obj
from sandbox.stripe.lanes import Lane, Outcome

# Stripe retries for three days with growing pauses; here the pauses begin short. Seconds.
GIVE_UP_AFTER = 3 * 86_400
LONGEST_PAUSE = 60.0
FIRST_PAUSE = 0.5
# A hair's breadth between the deliveries of one batch when they are to arrive in the wrong order.
STAGGER = 0.15


class Endpoint(BaseModel):
    """Where events go, the secret that signs them, and which of them (`*`: all)."""

    model_config = ConfigDict(extra="forbid")

    url: str
    secret: str
    enabled_events: list[str] = Field(default_factory=lambda: ["*"])


class Conduct(BaseModel):
    """What `POST /_control/webhooks` takes; what is left out goes back to normal, but endpoints stay."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["normal", "hold", "drop"] = "normal"
    duplicate: int = Field(default=0, ge=0, le=100)
    delay_seconds: float = Field(default=0, ge=0)
    reorder: bool = False
    endpoints: list[Endpoint] | None = None


def signature(payload: str, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 over `{timestamp}.{payload}`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Courier:
    """Delivers the account's queue, a lane an endpoint; what is undelivered outlives the process.

    What became of a delivery is written with the account's next commit: a killed stand-in may deliver again,
    as Stripe may.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lanes: dict[str, Lane] = {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        self._client = httpx.AsyncClient(timeout=10, trust_env=False, limits=limits)

    @property
    def conduct(self) -> Conduct:
        """How deliveries behave at present."""
        return Conduct.model_validate(self._account.all("meta").get("webhooks", {}))

    def set_endpoints(self, endpoints: list[Endpoint]) -> None:
        """Replace the endpoints; deliveries on their way go to the new address in the same place."""
        for key in list(self._account.all("endpoint")):
            self._account.drop("endpoint", key)
        for place, endpoint in enumerate(endpoints):
            self._account.keep("endpoint", f"we_{place}", endpoint.model_dump())
        self._account.commit()

    def set_conduct(self, conduct: Conduct) -> None:
        """Behave like this from now on."""
        if conduct.endpoints is not None:
            self.set_endpoints(conduct.endpoints)
        self._account.keep("meta", "webhooks", conduct.model_dump(exclude={"endpoints"}))
        self._account.commit()

    def release(self, *, reverse: bool = False) -> int:
        """Send what was held, backwards if wished, and behave normally from now on; how many."""
        held = [key for key, row in self._account.all("delivery").items() if row["held"]]
        for place, key in enumerate(reversed(held) if reverse else held):
            row = self._account.all("delivery")[key]
            self._account.keep("delivery", key, row | {"held": False})
            self._send(key, place * STAGGER if reverse else 0)
        self.set_conduct(Conduct())
        return len(held)

    def wake(self) -> None:
        """Begin to deliver what is new in the queue; called once the answer is out."""
        if not self._account.queued:
            return
        conduct = self.conduct
        rows = self._account.all("delivery")
        fresh = [key for key in self._account.queued if key in rows and not rows[key]["held"]]
        self._account.queued.clear()
        for place, key in enumerate(reversed(fresh) if conduct.reorder else fresh):
            self._send(key, conduct.delay_seconds + (place * STAGGER if conduct.reorder else 0))

    def _send(self, key: str, delay: float) -> None:
        endpoint = self._account.all("delivery")[key]["endpoint"]
        if endpoint not in self._lanes:
            self._lanes[endpoint] = Lane(self._attempt)
        self._lanes[endpoint].put(key, delay)

    async def _attempt(self, key: str) -> Outcome:
        """Post one delivery once. Forgets it when it is done with, one way or the other."""
        row = self._account.all("delivery").get(key)
        if row is None:
            return Outcome()
        endpoint = self._account.all("endpoint").get(row["endpoint"])
        event = self._account.all("event").get(row["event"])
        if endpoint is None or event is None or time.time() - row["since"] > GIVE_UP_AFTER:
            self._account.drop("delivery", key)
            return Outcome()
        status = await self._post(endpoint, event)
        if key not in self._account.all("delivery"):
            return Outcome()
        if status is not None and status < 300:
            self._account.drop("delivery", key)
            event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
            self._account.keep("event", event["id"], event)
            return Outcome()
        row["attempts"] += 1
        self._account.keep("delivery", key, row)
        return Outcome(min(FIRST_PAUSE * 2 ** min(row["attempts"] - 1, 20), LONGEST_PAUSE), status is None)

    async def _post(self, endpoint: Obj, event: Obj) -> int | None:
        payload = json.dumps(event, indent=2)
        headers = {
            "Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (stand-in)",
            "Stripe-Signature": signature(payload, endpoint["secret"], int(time.time())),
        }  # fmt: skip
        try:
            answer = await self._client.post(endpoint["url"], content=payload.encode(), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return answer.status_code

    def halt(self) -> None:
        """Stop delivering; the queue stays."""
        for lane in self._lanes.values():
            lane.stop()
        self._lanes.clear()

    async def close(self) -> None:
        """Stop delivering and close the connections."""
        self.halt()
        await self._client.aclose()
