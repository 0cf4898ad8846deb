"""The event log that webhooks are read from (docs.stripe.com/api/events)."""

from fnmatch import fnmatch

from sandbox.stripe.call import Call
from sandbox.stripe.errors import Obj, invalid
from sandbox.stripe.lists import LIST, page
from sandbox.stripe.params import boolean, parse, strings, text


def retrieve(call: Call) -> Obj:
    """`GET /v1/events/{id}`."""
    parse(call.params, {})
    return call.account.find("event", call.key)


def listing(call: Call) -> Obj:
    """`GET /v1/events`, by type (`charge.*` takes a family), several types, success of delivery, or time."""
    filters = parse(call.params, {**LIST, "type": text, "types": strings, "delivery_success": boolean})
    if filters.get("type") and filters.get("types"):
        raise invalid("You may only specify one of these parameters: type, types.")
    wanted: list[str] = filters.get("types") or [filters.get("type") or "*"]
    delivered: bool | None = filters.get("delivery_success")

    def chosen(event: Obj) -> bool:
        return any(fnmatch(event["type"], pattern) for pattern in wanted) and (
            delivered is None or delivered == (event["pending_webhooks"] == 0)
        )

    return page(call.account, "event", "/v1/events", filters, where=chosen)
