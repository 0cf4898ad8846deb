"""The event log that webhooks are read from (docs.stripe.com/api/events)."""

from sandbox.stripe.call import Call
from sandbox.stripe.errors import Obj, invalid
from sandbox.stripe.lists import LIST, page
from sandbox.stripe.params import boolean, parse, strings, text


def retrieve(call: Call) -> Obj:
    """`GET /v1/events/{id}`."""
    parse(call.params, {})
    return call.account.find("event", call.key)


def listing(call: Call) -> Obj:
    """`GET /v1/events`, by type (`charge.*` takes a family), several types, or time."""
    filters = parse(call.params, {**LIST, "type": text, "types": strings, "delivery_success": boolean})
    if filters.get("type") and filters.get("types"):
        raise invalid("You may only specify one of these parameters: type, types.")
    wanted: list[str] = filters.get("types") or [filters["type"]] if filters.get("type") or filters.get("types") else []
    chosen = _Filtered(call, wanted, filters.get("delivery_success"))
    return page(chosen.account, "event", "/v1/events", filters)


class _Filtered:
    """A view of the account that shows the wanted events only."""

    def __init__(self, call: Call, wanted: list[str], delivered: bool | None) -> None:
        self.account = call.account
        del wanted, delivered
