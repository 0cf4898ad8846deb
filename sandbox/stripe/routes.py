"""Every operation under `/v1`: its method and path, its name (which faults are aimed at), and what runs it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.stripe import (
    balance,
    charges,
    customers,
    disputes,
    events,
    increments,
    payment_intents,
    payment_methods,
    refunds,
    settlement,
)
from sandbox.stripe.call import Call
from sandbox.stripe.errors import Obj, StripeError


@dataclass(frozen=True)
class Route:
    """One operation, where it is, and whether a browser's publishable key may call it."""

    method: str
    path: re.Pattern[str]
    operation: str
    run: Callable[[Call], Obj]
    publishable: bool = False


def _route(method: str, path: str, operation: str, run: Callable[[Call], Obj], *, publishable: bool = False) -> Route:
    pattern = re.compile("^/v1/" + path.replace("{id}", r"(?P<id>[^/]+)") + "/?$")
    return Route(method, pattern, operation, run, publishable)


ROUTES = (
    _route("POST", "payment_intents", "payment_intents.create", payment_intents.create),
    _route("GET", "payment_intents", "payment_intents.list", payment_intents.listing),
    _route("GET", "payment_intents/search", "payment_intents.search", payment_intents.searching),
    _route("GET", "payment_intents/{id}", "payment_intents.retrieve", payment_intents.retrieve, publishable=True),
    _route("POST", "payment_intents/{id}", "payment_intents.update", payment_intents.update),
    _route(
        "POST",
        "payment_intents/{id}/confirm",
        "payment_intents.confirm",
        payment_intents.confirm,
        publishable=True,
    ),
    _route("POST", "payment_intents/{id}/capture", "payment_intents.capture", settlement.capture),
    _route(
        "POST",
        "payment_intents/{id}/increment_authorization",
        "payment_intents.increment_authorization",
        increments.increment,
    ),
    _route("POST", "payment_intents/{id}/cancel", "payment_intents.cancel", settlement.cancel),
    _route("POST", "payment_methods", "payment_methods.create", payment_methods.create, publishable=True),
    _route("GET", "payment_methods", "payment_methods.list", payment_methods.listing),
    _route("GET", "payment_methods/{id}", "payment_methods.retrieve", payment_methods.retrieve),
    _route("POST", "payment_methods/{id}", "payment_methods.update", payment_methods.update),
    _route("POST", "payment_methods/{id}/attach", "payment_methods.attach", payment_methods.attach),
    _route("POST", "payment_methods/{id}/detach", "payment_methods.detach", payment_methods.detach),
    _route("POST", "refunds", "refunds.create", refunds.create),
    _route("GET", "refunds", "refunds.list", refunds.listing),
    _route("GET", "refunds/{id}", "refunds.retrieve", refunds.retrieve),
    _route("POST", "refunds/{id}", "refunds.update", refunds.update),
    _route("POST", "refunds/{id}/cancel", "refunds.cancel", refunds.cancel),
    _route("GET", "charges", "charges.list", charges.listing),
    _route("GET", "charges/{id}", "charges.retrieve", charges.retrieve),
    _route("GET", "disputes", "disputes.list", disputes.listing),
    _route("GET", "disputes/{id}", "disputes.retrieve", disputes.retrieve),
    _route("POST", "disputes/{id}", "disputes.update", disputes.update),
    _route("POST", "disputes/{id}/close", "disputes.close", disputes.close),
    _route("GET", "balance", "balance.retrieve", balance.retrieve),
    _route("GET", "balance_transactions", "balance_transactions.list", balance.list_transactions),
    _route("GET", "balance_transactions/{id}", "balance_transactions.retrieve", balance.retrieve_transaction),
    _route("GET", "events", "events.list", events.listing),
    _route("GET", "events/{id}", "events.retrieve", events.retrieve),
    _route("POST", "customers", "customers.create", customers.create),
    _route("GET", "customers", "customers.list", customers.listing),
    _route("GET", "customers/search", "customers.search", customers.searching),
    _route("GET", "customers/{id}", "customers.retrieve", customers.retrieve),
    _route("POST", "customers/{id}", "customers.update", customers.update),
    _route("DELETE", "customers/{id}", "customers.delete", customers.delete),
    _route("GET", "customers/{id}/payment_methods", "customers.payment_methods", payment_methods.listing_of_customer),
)


def find_route(method: str, path: str) -> tuple[Route, str]:
    """The operation a request is for, and the id in its path. Raises 404 for none."""
    for route in ROUTES:
        match = route.path.match(path)
        if match and route.method == method:
            return route, match.groupdict().get("id", "")
    raise StripeError(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path}).", saved=False)
